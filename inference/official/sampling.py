"""The release's sampler, formula by formula, in whatever precision the latents have.

`inference.artist.sampling` takes any diffusers scheduler and computes in float32; this one exists
to repeat the release: noises come from outside, arithmetic stays in the latents' precision, and the
blend follows what the update before returned.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

INSIDE_ABOVE = 0.1
"""The mask counts as inside above this, after nearest down-scaling."""


@dataclass(frozen=True, eq=False)
class Blend:
    """Latents outside the region follow the canvas during the first steps."""

    latents: Tensor
    """L: what the update before returned, (P, C, h, w)."""
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
        initial_noise: e, unit; the blend uses it again.
        draw: one unit noise a step; the last has weight 0 and is drawn all the same.
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
