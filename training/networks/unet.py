"""The three UNets: diffusers' `UNet2DConditionModel` with some layers replaced in place.

Denoising UNet and ReferenceNet (paper section 3.3) get reference attention; the denoising UNet
also takes the canvas feature, which follows the latents as extra channels and is added to the
output of `conv_in`. The mask UNet (section 3.2) ignores its timestep. Tensor names stay those of
Stable Diffusion, so each UNet saves and loads as a diffusers model.
"""

from __future__ import annotations

import torch
from diffusers.models.resnet import ResnetBlock2D
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn

from training.networks.presets import Preset, UNetSize
from training.networks.reference_attention import ReferenceAccess, install_reference_attention


class ConvWithFeature(nn.Conv2d):
    """conv_in that adds the feature channels behind the latents to its output: (R, in + out, h, w)
    or (R, in, h, w) to (R, out, h, w)."""

    @classmethod
    def from_layer(cls, conv: nn.Conv2d) -> ConvWithFeature:
        """A layer with the parameters of `conv`, under the same names."""
        new = cls(conv.in_channels, conv.out_channels, 3, padding=1, device="meta")
        new.weight, new.bias = conv.weight, conv.bias
        return new

    def forward(self, input: Tensor) -> Tensor:
        latents, feature = input[:, : self.in_channels], input[:, self.in_channels :]
        convolved = super().forward(latents)
        return convolved + feature if feature.shape[1] else convolved


class UnusedProjection(nn.Linear):
    """A time projection that keeps its tensors (the published mask checkpoint has them) and returns
    zeros."""

    @classmethod
    def from_layer(cls, linear: nn.Linear) -> UnusedProjection:
        """A layer with the parameters of `linear`, under the same names."""
        new = cls(linear.in_features, linear.out_features, device="meta")
        new.weight, new.bias = linear.weight, linear.bias
        return new

    def forward(self, input: Tensor) -> Tensor:
        return input.new_zeros(*input.shape[:-1], self.out_features)


def build_unet(
    size: UNetSize, in_channels: int, out_channels: int, width: int
) -> UNet2DConditionModel:
    """A UNet with random weights; `width` is that of the cross-attention tokens."""
    down = ["CrossAttnDownBlock2D" if a else "DownBlock2D" for a in size.attention]
    up = ["CrossAttnUpBlock2D" if a else "UpBlock2D" for a in reversed(size.attention)]
    return UNet2DConditionModel(
        in_channels=in_channels,
        out_channels=out_channels,
        down_block_types=tuple(down),
        up_block_types=tuple(up),
        block_out_channels=size.channels,
        layers_per_block=size.layers_per_block,
        cross_attention_dim=width,
        # diffusers reads the number of heads from this name in UNets of SD 1.5's generation.
        attention_head_dim=size.heads,
        norm_num_groups=size.norm_groups,
    )


def build_denoising_unet(preset: Preset) -> UNet2DConditionModel:
    """g_u with random weights. Where it predicts a change, it begins by painting the target into
    the mask (see `training.networks.denoiser.network_output`)."""
    latents = preset.latent_channels
    outputs = latents if preset.output == "noise" else 2 * latents
    unet = build_unet(preset.unet, latents, outputs, preset.token_width)
    if preset.output == "canvas_change":
        nn.init.zeros_(unet.conv_out.weight)
        # Shares start at 1, corrections at 0.
        start = torch.cat([torch.ones(latents), torch.zeros(latents)])
        unet.conv_out.bias = nn.Parameter(start)
    return as_denoising_unet(unet)


def build_reference_unet(preset: Preset) -> UNet2DConditionModel:
    """g_r with random weights. Its cross-attention reads one pooled CLIP vector."""
    latents = preset.latent_channels
    unet = build_unet(preset.unet, latents, latents, preset.image_tower.width)
    return as_reference_unet(unet)


def build_mask_unet(preset: Preset) -> UNet2DConditionModel:
    """g_mask with random weights: canvas and target latents and M_d in, one logit out."""
    inputs = 2 * preset.latent_channels + 1
    return as_mask_unet(build_unet(preset.mask_unet, inputs, 1, preset.token_width))


def as_denoising_unet(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Make a loaded UNet take the canvas feature and reference tokens; changes it in place."""
    install_reference_attention(unet)
    unet.conv_in = ConvWithFeature.from_layer(unet.conv_in)
    return unet


def as_reference_unet(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Make a loaded UNet store its tokens, in place. Layers behind the last stored token are
    frozen: no gradient reaches them, and the published checkpoint lacks them."""
    install_reference_attention(unet)
    last = _last_block(unet)
    unused = (f"{last}.attn", f"{last}.norm2", f"{last}.norm3", f"{last}.ff")
    tail = (
        *unused,
        f"{last.partition('.transformer_blocks')[0]}.proj_out",
        "conv_norm_out",
        "conv_out",
    )
    for name, parameter in unet.named_parameters():
        if name.startswith(tail):
            parameter.requires_grad_(False)
    return unet


def as_mask_unet(unet: UNet2DConditionModel) -> UNet2DConditionModel:
    """Make a loaded UNet ignore its timestep; changes it in place."""
    for module in unet.modules():
        if isinstance(module, ResnetBlock2D) and isinstance(module.time_emb_proj, nn.Linear):
            module.time_emb_proj = UnusedProjection.from_layer(module.time_emb_proj)
            module.time_emb_proj.requires_grad_(False)
    unet.time_embedding.requires_grad_(False)
    return unet


def reference_tokens(
    unet: UNet2DConditionModel, latents: Tensor, pooled: Tensor
) -> dict[str, Tensor]:
    """g_r: tokens of the target by block path.

    Args:
        latents: clean, scaled target latents, (P, C, h, w).
        pooled: pooled CLIP vector of the target as the only token, (P, 1, width).
    """
    written: dict[str, Tensor] = {}
    access = ReferenceAccess(written=written)
    unet(latents, 0, pooled, cross_attention_kwargs={"reference": access}, return_dict=False)
    return written


def denoise(
    unet: UNet2DConditionModel,
    latents: Tensor,
    timestep: Tensor | float,
    tokens: Tensor,
    feature: Tensor,
    reference: ReferenceAccess,
) -> Tensor:
    """g_u: one pass, (R, C, h, w) to (R, outputs, h, w); `feature` is the canvas encoder's."""
    sample = torch.cat([latents, feature], dim=1)
    arguments = {"reference": reference}
    return unet(sample, timestep, tokens, cross_attention_kwargs=arguments, return_dict=False)[0]


def mask_logits(unet: UNet2DConditionModel, sample: Tensor, tokens: Tensor) -> Tensor:
    """g_mask: (P, 2C + 1, h, w) and tokens (P, 1 + text, D) to logits (P, 1, h, w)."""
    return unet(sample, 0, tokens, return_dict=False)[0]


def _last_block(unet: UNet2DConditionModel) -> str:
    """Path of the transformer block that runs last."""
    paths = [n for n, _ in unet.named_modules() if n.endswith(".transformer_blocks.0")]
    return max(p for p in paths if p.startswith("up_blocks"))
