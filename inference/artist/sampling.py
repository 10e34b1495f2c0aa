"""Samples the latents of the next canvas from noise by a diffusers scheduler (paper_facts 7, 8).

The published sampler takes 25 Euler ancestral steps. Samplers that need fewer (DPM-Solver++, Lu et
al. 2022) are options: with fewer network passes they give nearly the same canvas.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from typing import Any, Literal

import torch
from pydantic import Field
from torch import Tensor

from ingest.conventions.config import Config

Predict = Callable[[Tensor, Tensor], Tensor]
"""Scaled latents (P, C, h, w) and a timestep to the guided prediction of the same shape."""

Sampler = Literal["painter", "euler_ancestral", "ddim", "dpm_solver++"]
"""Name of a sampler; painter is the scheduler of the painter folder."""


class SamplingConfig(Config):
    """The sampler of the renderer."""

    sampler: Sampler = "painter"
    """painter: the scheduler in its folder (published: euler_ancestral). ddim and dpm_solver++ are
    deterministic after the initial noise; dpm_solver++ is made for few steps."""
    num_steps: int | None = Field(default=None, ge=1, le=1000)
    """Denoising steps an update; null takes the painter's own (paper 25, pocket fewer)."""
    blended_share: float = Field(default=0.2, ge=0, le=1)
    """From the second update on, latents outside the region follow the canvas during this share of
    the steps (not in the paper; the release does it)."""
    guidance: dict[str, float] = Field(default_factory=dict)
    """Scales by condition (image, canvas, time, mask, text) instead of the painter's own."""
    same_noise: bool = True
    """Every update draws the same noise from the seed, as the release does; false draws new
    noise."""


def sampler_named(name: Sampler, own: Any) -> Any:
    """A diffusers scheduler of that kind with the noise schedule of the painter's `own`."""
    if name == "painter":
        return own
    from diffusers.schedulers.scheduling_ddim import DDIMScheduler
    from diffusers.schedulers.scheduling_dpmsolver_multistep import DPMSolverMultistepScheduler
    from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
        EulerAncestralDiscreteScheduler,
    )

    if name == "euler_ancestral":
        return EulerAncestralDiscreteScheduler.from_config(own.config)
    if name == "ddim":
        # Sampling begins at pure noise, so the first timestep has to be the noisiest one.
        changed = {"clip_sample": False, "timestep_spacing": "trailing"}
        return DDIMScheduler.from_config(own.config, **changed)
    return DPMSolverMultistepScheduler.from_config(
        own.config, algorithm_type="dpmsolver++", solver_order=2
    )


def sample_latents(
    predict: Predict,
    scheduler: Any,
    num_steps: int,
    shape: tuple[int, int, int, int],
    generators: Sequence[torch.Generator],
    device: torch.device,
    canvas_latents: Tensor | None = None,
    inside: Tensor | None = None,
    num_blended: Sequence[int] = (),
) -> Tensor:
    """Denoise unit noise to clean latents (P, C, h, w), float32.

    Args:
        scheduler: a diffusers scheduler; its state is reset here.
        generators: one per painting, so that paintings do not depend on each other; on the CPU,
            so that a seed gives the same noise on every device.
        canvas_latents: clean latents of the current canvas. With added noise they replace the
            latents outside the region after each of the first steps.
        inside: 0/1 (P, 1, h, w), the region at latent size.
        num_blended: number of those first steps, for each painting.
    """
    scheduler.set_timesteps(num_steps, device=device)
    one = (1, *shape[1:])
    noise = torch.cat([torch.randn(one, generator=g) for g in generators]).to(device)
    latents = noise * scheduler.init_noise_sigma
    draws = "generator" in inspect.signature(scheduler.step).parameters
    options = {"generator": list(generators)} if draws else {}
    for index, timestep in enumerate(scheduler.timesteps):
        scaled = scheduler.scale_model_input(latents, timestep)
        guided = predict(scaled, timestep).float()
        latents = scheduler.step(guided, timestep, latents, **options).prev_sample
        follows = [index < number for number in num_blended]
        if any(follows) and canvas_latents is not None and inside is not None:
            # The initial unit noise, scaled to the noise level of the next step.
            outside = _with_noise_of_step(scheduler, index + 1, canvas_latents.float(), noise)
            flags = torch.tensor(follows, device=device).reshape(-1, 1, 1, 1)
            kept = torch.where(flags, inside, torch.ones_like(inside))
            latents = kept * latents + (1 - kept) * outside
    return latents


def _with_noise_of_step(scheduler: Any, index: int, clean: Tensor, noise: Tensor) -> Tensor:
    """Clean latents with the noise level of step `index`; without noise after the last step."""
    if index == len(scheduler.timesteps):
        return clean
    timestep = scheduler.timesteps[index : index + 1].expand(len(clean))
    return scheduler.add_noise(clean, noise, timestep)
