"""One canvas update in latent space: Euler ancestral steps from pure noise (paper_facts 7, 8)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from pydantic import Field
from torch import Tensor

from ingest.config import Config

Predict = Callable[[Tensor, Tensor], Tensor]
"""Scaled latents (P, C, h, w) and a timestep to the guided prediction of the same shape."""


class SamplingConfig(Config):
    """The sampler of the renderer."""

    num_steps: int | None = Field(default=None, ge=1, le=1000)
    """Denoising steps an update; null takes the painter's own (paper 25, pocket fewer)."""
    blended_share: float = Field(default=0.2, ge=0, le=1)
    """From the second update on, latents outside the region follow the canvas during this share of
    the steps (not in the paper; the release does it)."""
    guidance: dict[str, float] = Field(default_factory=dict)
    """Scales by condition (image, canvas, time, mask, text) instead of the painter's own."""
    same_noise: bool = True
    """Every update starts from the seed again, as the release does; false draws new noise."""


def sample_latents(
    predict: Predict,
    scheduler: Any,
    num_steps: int,
    shape: tuple[int, int, int, int],
    generator: torch.Generator,
    device: torch.device,
    canvas_latents: Tensor | None = None,
    inside: Tensor | None = None,
    num_blended: int = 0,
) -> Tensor:
    """Denoise unit noise to clean latents (P, C, h, w), float32.

    Args:
        scheduler: a diffusers scheduler with sigmas (Euler ancestral); its state is reset here.
        generator: on the CPU, so that a seed means the same noise on every device.
        canvas_latents: latents of the current canvas, clean; with `inside` and `num_blended` they
            replace what lies outside after each of the first steps.
        inside: 0/1 (P, 1, h, w), the region at latent size.
    """
    scheduler.set_timesteps(num_steps, device=device)
    noise = torch.randn(shape, generator=generator).to(device)
    latents = noise * scheduler.init_noise_sigma
    for index, timestep in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(latents, timestep)
        guided = predict(scaled, timestep).float()
        latents = scheduler.step(guided, timestep, latents, generator=generator).prev_sample
        if index < num_blended and canvas_latents is not None and inside is not None:
            # The same unit noise as at the start, at the level that the next step expects.
            outside = canvas_latents.float() + noise * scheduler.sigmas[index + 1].to(device)
            latents = inside * latents + (1 - inside) * outside
    return latents
