"""Every network, and the maths of diffusion. Legend: B batch, C channels, H x W image, h x w
latents.

`presets` gives the sizes. `towers`, `time_encoder`, `canvas_encoder` and `next_image` encode the
`conditions` of `unet`, `reference_attention` and `denoiser`. `diffusion` holds the noise schedule.
`language` and `comparison_init` build the instruction model, `lora` adapts networks, `pixel_codec`
and `mask_blocks` convert between image and latent size.
"""
