"""What Timecraft is trained by: the difference of canvases, the spread of latents, and a critic."""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor

from training.rivals.timecraft.learners import Critic

PAIR_WEIGHT = 125_000.0
"""Weight of the mean absolute difference: 0.5 / 0.1 ** 2 for each of 50 x 50 places."""
SEQUENCE_WEIGHT = PAIR_WEIGHT / 3
PENALTY_WEIGHT = 10.0
TINY = 1e-8
"""Added to the variance of the normal distribution that latents are compared with."""

Penalty = Literal["gradient", "scores"]
"""gradient: of the critic's mean score, as in the literature. scores: of the scores themselves, as
the authors' code has it."""


def spread(mean: Tensor, log_variance: Tensor) -> tuple[Tensor, Tensor]:
    """Both parts of the divergence of latents (B, 5) from the standard normal: of the means and of
    the variances, (B,) each, summed over the latents."""
    of_mean = 0.5 * (mean.square() / (1 + TINY)).sum(dim=1)
    of_variance = 0.5 * (log_variance.exp() / (1 + TINY) - log_variance - 1).sum(dim=1)
    return of_mean, of_variance


def step_loss(
    painted: Tensor, real: Tensor, mean: Tensor, log_variance: Tensor, weight: float
) -> Tensor:
    """The weighted mean absolute difference of canvases plus the spread of the latents."""
    of_mean, of_variance = spread(mean, log_variance)
    return weight * (painted - real).abs().mean() + (of_mean + of_variance).mean()


def critic_loss(
    critic: Critic,
    finished: Tensor,
    real: tuple[Tensor, Tensor],
    fake: tuple[Tensor, Tensor],
    share: Tensor,
    penalty: Penalty,
) -> Tensor:
    """Scores of painted steps minus those of real ones, plus the weighted penalty.

    Args:
        real, fake: canvas before and after the step, (B, 3, 50, 50).
        share: of the fake one in the step between both where the penalty looks, (B, 1, 1, 1).
    """
    between = [
        (share * f + (1 - share) * r).requires_grad_() for r, f in zip(real, fake, strict=True)
    ]
    scores = critic(finished, *between)
    if penalty == "scores":
        size = scores.norm(dim=1)
    else:
        found = torch.autograd.grad(scores.mean(dim=1).sum(), between, create_graph=True)
        size = torch.cat([gradient.flatten(1) for gradient in found], dim=1).norm(dim=1)
    difference = critic(finished, *fake).mean() - critic(finished, *real).mean()
    return difference + PENALTY_WEIGHT * (size - 1).square().mean()
