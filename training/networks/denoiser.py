"""Builds the conditioning of a canvas update and runs the denoising UNet on it.

Legend: P paintings, R rows (`ConditionFlags`), h x w latent size, D token width.
"""

from __future__ import annotations

from typing import Literal

import torch
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from diffusers.schedulers.scheduling_utils import SchedulerMixin
from torch import Tensor

from training.networks.canvas_encoder import CanvasEncoder
from training.networks.conditions import (
    CanvasFeatures,
    ConditionFlags,
    Conditioning,
    TargetFeatures,
)
from training.networks.diffusion import alpha_sigma
from training.networks.mask_blocks import downscale_mask
from training.networks.reference_attention import ReferenceAccess
from training.networks.unet import denoise


def build_conditioning(
    canvas_encoder: CanvasEncoder,
    image_token: Tensor,
    time_token: Tensor,
    text_tokens: Tensor,
    empty_text: Tensor,
    target: TargetFeatures,
    canvas: CanvasFeatures,
    mask: Tensor,
    keep: ConditionFlags,
) -> Conditioning:
    """The conditioning of R rows; conditions that a row drops are zero (text: the empty
    instruction).

    Args:
        image_token, time_token: (P, 1, D); text_tokens: (P, text, D); empty_text: (1, text, D).
        mask: M_t at image size, (P, 1, H, W).
    """
    repeats = len(keep.image) // len(text_tokens)
    dtype = text_tokens.dtype

    def rows(tensor: Tensor, flags: Tensor) -> Tensor:
        repeated = tensor.to(dtype).repeat(repeats, *[1] * (tensor.ndim - 1))
        return repeated * _column(flags, tensor.ndim, dtype)

    text = rows(text_tokens, keep.text) + empty_text * _column(~keep.text, 3, dtype)
    tokens = torch.cat([rows(image_token, keep.image), rows(time_token, keep.time), text], dim=1)
    images = [rows(canvas.rgb, keep.canvas), rows(mask, keep.mask)]
    if canvas_encoder.config["in_channels"] == 7:
        images.append(rows(target.rgb, keep.reference))
    num_without_reference = _num_leading_without_reference(keep.reference)
    return Conditioning(
        tokens=tokens,
        canvas_feature=canvas_encoder(torch.cat(images, dim=1)),
        canvas_latents=rows(canvas.latents, keep.canvas),
        target_latents=rows(target.latents, keep.reference),
        region=rows(downscale_mask(mask, "area"), keep.mask) + _column(~keep.mask, 4, dtype),
        reference=target.reference,
        reference_rows=None if num_without_reference == 0 else keep.reference,
        num_without_reference=num_without_reference,
        reference_kv=target.reference_kv,
    )


def network_output(
    unet: UNet2DConditionModel,
    output: Literal["noise", "canvas_change"],
    latents: Tensor,
    timestep: Tensor | float,
    conditioning: Conditioning,
) -> Tensor:
    """The training output of the network, (R, C, h, w): the noise, or the clean next canvas.

    canvas_change: the UNet predicts a share s and a correction r for every latent value; the next
    canvas is ``canvas + mask * (s * (target - canvas) + r)``. Outside the mask the
    canvas does not change. An untrained network has s = 1 and r = 0: it paints the target into the
    mask. Training teaches what is painted there first (layers that the target no longer shows).
    """
    latents = latents.repeat(len(conditioning.tokens) // len(latents), 1, 1, 1)
    access = ReferenceAccess(
        conditioning.reference or None,
        conditioning.reference_rows,
        conditioning.num_without_reference,
        reference_kv=conditioning.reference_kv,
        context_kv=conditioning.context_kv,
    )
    raw = denoise(unet, latents, timestep, conditioning.tokens, conditioning.canvas_feature, access)
    if output == "noise":
        return raw
    share, correction = raw.chunk(2, dim=1)
    canvas = conditioning.canvas_latents
    return canvas + conditioning.region * (
        share * (conditioning.target_latents - canvas) + correction
    )


def predict(
    unet: UNet2DConditionModel,
    scheduler: SchedulerMixin,
    output: Literal["noise", "canvas_change"],
    latents: Tensor,
    timestep: Tensor | float,
    conditioning: Conditioning,
) -> Tensor:
    """`network_output` converted to the scheduler's prediction type: noise or velocity."""
    prediction = network_output(unet, output, latents, timestep, conditioning)
    if output == "noise":
        return prediction
    # Velocity alpha * noise - sigma * x0 (Salimans and Ho 2022), with the noise that x0 implies.
    alpha, sigma = alpha_sigma(scheduler, timestep, latents.device)
    repeated = latents.repeat(len(prediction) // len(latents), 1, 1, 1)
    return ((alpha * repeated - prediction) / sigma).to(prediction.dtype)


def _num_leading_without_reference(reference: Tensor) -> int | None:
    """`Conditioning.num_without_reference` of bool (R,). Waits for the device: once an update."""
    flags = reference.tolist()
    count = flags.count(False)
    return None if any(flags[:count]) else count


def _column(flags: Tensor, ndim: int, dtype: torch.dtype) -> Tensor:
    return flags.to(dtype).reshape(-1, *[1] * (ndim - 1))
