"""One canvas update in latent space: from pure noise to the next canvas (paper_facts 7, 8).

The published sampler takes 25 Euler ancestral steps. Samplers that need fewer (DPM-Solver++, Lu et
al. 2022) are options: the same network, asked less often, gives nearly the same canvas.
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


class SamplingConfig(Config):
    """The sampler of the renderer."""

    sampler: Sampler = "painter"
    """painter: the scheduler in its folder (published: euler_ancestral). ddim and dpm_solver++ draw
    no noise on the way; dpm_solver++ is made for few steps."""
    num_steps: int | None = Field(default=None, ge=1, le=1000)
    """Denoising steps an update; null takes the painter's own (paper 25, pocket fewer)."""
    blended_share: float = Field(default=0.2, ge=0, le=1)
    """From the second update on, latents outside the region follow the canvas during this share of
    the steps (not in the paper; the release does it)."""
    guidance: dict[str, float] = Field(default_factory=dict)
    """Scales by condition (image, canvas, time, mask, text) instead of the painter's own."""
    same_noise: bool = True
    """Every update starts from the seed again, as the release does; false draws new noise."""


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
        generators: one a painting, so that none depends on the others; on the CPU, so that a
            seed means the same noise on every device.
        canvas_latents: latents of the current canvas, clean; with `inside` and `num_blended` they
            replace what lies outside after each of the first steps.
        inside: 0/1 (P, 1, h, w), the region at latent size.
        num_blended: how many steps that are, for each painting.
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
            # The same unit noise as at the start, at the level that the next step expects.
            outside = _at_level(scheduler, index + 1, canvas_latents.float(), noise)
            flags = torch.tensor(follows, device=device).reshape(-1, 1, 1, 1)
            kept = torch.where(flags, inside, torch.ones_like(inside))
            latents = kept * latents + (1 - kept) * outside
    return latents


def _at_level(scheduler: Any, index: int, clean: Tensor, noise: Tensor) -> Tensor:
    """Clean latents with as much noise as step `index` expects; none after the last step."""
    if index == len(scheduler.timesteps):
        return clean
    timestep = scheduler.timesteps[index : index + 1].expand(len(clean))
    return scheduler.add_noise(clean, noise, timestep)
