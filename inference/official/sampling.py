"""The release's Euler ancestral sampler, in the precision of the latents.

`inference.artist.sampling` takes any diffusers scheduler and computes in float32. This sampler
repeats the release: the caller gives the noise, arithmetic has the precision of the latents, and
latents outside the region follow the output of the update before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

INSIDE_ABOVE = 0.1
"""Mask value, after nearest downscaling, above which a latent pixel is inside the region."""


@dataclass(frozen=True, eq=False)
class Blend:
    """Keeps latents outside the region close to the canvas during the first steps."""

    latents: Tensor
    """L: latents of the update before, (P, C, h, w)."""
    inside: Tensor
    """bool (P, 1, h, w)."""
    num_steps: int


def official_latents(
    predict: Callable[[Tensor, Tensor], Tensor],
    scheduler: Any,
    num_steps: int,
    initial_noise: Tensor,
    draw: Callable[[], Tensor],
    blend: Blend | None = None,
) -> Tensor:
    """Denoise to clean latents (P, C, h, w).

    Args:
        predict: scaled latents and a fractional timestep to guided noise.
        scheduler: Euler ancestral; gives timesteps and sigmas only.
        initial_noise: unit noise e; the blend uses it too.
        draw: gives unit noise once per step; that of the last step has weight 0.
    """
    scheduler.set_timesteps(num_steps)
    sigmas, timesteps = scheduler.sigmas, scheduler.timesteps.to(initial_noise.device)
    latents = initial_noise * float(sigmas.max())
    for index, timestep in enumerate(timesteps):
        now, later = float(sigmas[index]), float(sigmas[index + 1])
        guided = predict(latents / (now**2 + 1) ** 0.5, timestep)
        latents = euler_ancestral_step(latents, guided, draw().to(latents), now, later)
        if blend is not None and index < blend.num_steps:
            outside = blend.latents.to(latents) + initial_noise * later
            latents = torch.where(blend.inside, latents, outside)
    return latents


def euler_ancestral_step(
    latents: Tensor, guided: Tensor, noise: Tensor, now: float, later: float
) -> Tensor:
    """One step from sigma `now` to sigma `later`, with a fresh unit `noise`."""
    up = (later**2 * (now**2 - later**2) / now**2) ** 0.5
    down = (later**2 - up**2) ** 0.5
    return latents + guided * (down - now) + up * noise
