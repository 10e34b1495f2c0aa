"""Every network, and the maths of diffusion. Legend: B batch, C channels, H x W image, h x w
latents.

`presets` gives the sizes. `towers`, `time_encoder`, `canvas_encoder`, `next_image` and
`conditions` make what `unet`, `reference_attention` and `denoiser` see; `diffusion` is the
schedule and the loss; `language`, `comparing` and `lora` belong to the text model; `pixel_codec`
and `mask_blocks` resize.
"""
