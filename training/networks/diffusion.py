"""Diffusion maths: the noise schedule, noisy latents, random timesteps and condition dropout.

Symbols as in the paper: z_0 clean latents of the next canvas I_t, z_s noisy latents at step s, eps
the noise, alpha_s and sigma_s the schedule's signal and noise (alpha^2 + sigma^2 = 1).
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from diffusers.schedulers.scheduling_euler_ancestral_discrete import (
    EulerAncestralDiscreteScheduler,
)
from torch import Tensor

from training.networks.conditions import ConditionFlags

NUM_TRAIN_STEPS = 1000
"""Number of timesteps of the noise schedule (Stable Diffusion's)."""
BETA_START = 0.00085
"""Variance of the noise that the first timestep adds."""
BETA_END = 0.012
"""Variance of the noise that the last timestep adds."""


def build_scheduler(prediction_type: str) -> EulerAncestralDiscreteScheduler:
    """The paper's sampler: Euler ancestral, betas linear from 0.00085 to 0.012 (not SD's scaled
    linear), evenly spaced fractional timesteps 999 (1 - i / (n - 1))."""
    return EulerAncestralDiscreteScheduler(
        num_train_timesteps=NUM_TRAIN_STEPS,
        beta_start=BETA_START,
        beta_end=BETA_END,
        beta_schedule="linear",
        prediction_type=prediction_type,
        timestep_spacing="linspace",
    )


def alpha_sigma(
    scheduler: object, timestep: Tensor | float, device: torch.device
) -> tuple[Tensor, Tensor]:
    """alpha_s and sigma_s at fractional timesteps, each (R or 1, 1, 1, 1) in float32.

    The ratio sigma/alpha is interpolated linearly between whole steps, as the sampler does.
    """
    alphas_bar = scheduler.alphas_cumprod.double().cpu().numpy()  # pyright: ignore
    ratios = np.sqrt((1 - alphas_bar) / alphas_bar)
    steps = torch.as_tensor(timestep, dtype=torch.float64).reshape(-1).cpu().numpy()
    ratio = torch.from_numpy(np.interp(steps, np.arange(len(ratios)), ratios))
    ratio = ratio.to(device=device, dtype=torch.float32)[:, None, None, None]
    alpha = 1 / torch.sqrt(1 + ratio**2)
    return alpha, ratio * alpha


def add_noise(scheduler: object, clean: Tensor, noise: Tensor, timestep: Tensor) -> Tensor:
    """z_s = alpha_s z_0 + sigma_s eps."""
    alpha, sigma = alpha_sigma(scheduler, timestep, clean.device)
    return alpha * clean + sigma * noise


def draw_noise(generators: Sequence[torch.Generator], shape: Sequence[int]) -> Tensor:
    """Gaussian unit noise of `shape` from each generator, stacked; drawn on the CPU, so it is the
    same for every device."""
    return torch.stack([torch.randn(*shape, generator=g) for g in generators])


def draw_timesteps(generators: Sequence[torch.Generator]) -> Tensor:
    """One uniform integer timestep in [0, 999] from each generator, (P,): s of equation 1."""
    drawn = [torch.randint(NUM_TRAIN_STEPS, (), generator=g) for g in generators]
    return torch.stack(drawn)


def draw_condition_flags(
    generators: Sequence[torch.Generator], drop_probability: float, drop_reference: float
) -> ConditionFlags:
    """Which conditions each sample keeps; each one is dropped independently (paper: 10 %).

    The published training never drops the target (`drop_reference` 0).
    """
    kept = torch.stack([torch.rand(6, generator=g) for g in generators])
    limits = torch.tensor([drop_probability] * 5 + [drop_reference])
    image, canvas, time, mask, text, reference = (kept >= limits).unbind(dim=1)
    return ConditionFlags(image, canvas, time, mask, text, reference)
