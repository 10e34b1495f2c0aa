"""The networks that only training needs: encoder of a step, and critic."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn import functional

from training.rivals.timecraft.network import NUM_LATENTS, SLOPE, NextFrameNetwork

ENCODER_WIDTHS = (16, 16, 32, 32, 64, 64)
CRITIC_WIDTH, CRITIC_LAYERS = 128, 4
SEEN = 9
"""Channels of finished picture, canvas before, and canvas after the step."""
START_LOG_VARIANCE = -2.0
"""Log variance of every latent before training."""


class StepEncoder(nn.Module):
    """Says which latents a real step could have had."""

    def __init__(self) -> None:
        super().__init__()
        inner, entering = (SEEN, *ENCODER_WIDTHS[:-1]), ENCODER_WIDTHS
        self.plain = nn.ModuleList(
            nn.Conv2d(before, after, 3, padding=1)
            for before, after in zip(inner, entering, strict=True)
        )
        self.halving = nn.ModuleList(
            nn.Conv2d(width, width, 3, stride=2) for width in ENCODER_WIDTHS
        )
        self.mean = nn.Linear(ENCODER_WIDTHS[-1], NUM_LATENTS)
        self.log_variance = nn.Linear(ENCODER_WIDTHS[-1], NUM_LATENTS)

    def forward(self, finished: Tensor, before: Tensor, after: Tensor) -> tuple[Tensor, Tensor]:
        """Mean and log variance (B, 5) of the latents, from images (B, 3, 50, 50) in [-1, 1]."""
        hidden = torch.cat([finished, before, after], dim=1)
        for plain, halving in zip(self.plain, self.halving, strict=True):
            hidden = functional.leaky_relu(plain(hidden), SLOPE)
            hidden = functional.leaky_relu(halving(same_padded(hidden, 3)), SLOPE)
        flat = hidden.flatten(1)
        return self.mean(flat), self.log_variance(flat)


class Critic(nn.Module):
    """Scores how real a step looks, at 4 x 4 places."""

    def __init__(self) -> None:
        super().__init__()
        widths = (SEEN, *(CRITIC_WIDTH,) * CRITIC_LAYERS)
        self.halving = nn.ModuleList(
            nn.Conv2d(before, after, 4, stride=2) for before, after in pairwise(widths)
        )
        self.last = nn.Conv2d(CRITIC_WIDTH, 1, 3, padding=1)

    def forward(self, finished: Tensor, before: Tensor, after: Tensor) -> Tensor:
        """Scores (B, 16), larger for real steps, from images (B, 3, 50, 50) in [-1, 1]."""
        hidden = torch.cat([finished, before, after], dim=1)
        for index, halving in enumerate(self.halving):
            # Not after the last one: so it was published.
            hidden = functional.leaky_relu(hidden, SLOPE) if index else hidden
            hidden = halving(same_padded(hidden, 4))
        return self.last(hidden).flatten(1)


def same_padded(planes: Tensor, kernel: int) -> Tensor:
    """Planes (B, C, H, W) padded for a convolution of stride 2 that halves them, rounded up; of an
    odd number of zeros more stand at the end, as TensorFlow has it."""
    padding: list[int] = []
    for size in (planes.shape[3], planes.shape[2]):
        total = max((-(-size // 2) - 1) * 2 + kernel - size, 0)
        padding += [total // 2, total - total // 2]
    return functional.pad(planes, padding)


def start_weights(network: NextFrameNetwork, encoder: StepEncoder, critic: Critic) -> None:
    """Draw all weights anew as published, by torch's global generator."""
    for module in [*network.modules(), *encoder.modules()]:
        if isinstance(module, nn.Conv2d | nn.ConvTranspose2d | nn.Linear):
            nn.init.xavier_uniform_(module.weight)
            assert module.bias is not None
            nn.init.zeros_(module.bias)
    nn.init.normal_(encoder.mean.weight, std=1e-5)
    nn.init.normal_(encoder.log_variance.weight, std=1e-10)
    nn.init.constant_(encoder.log_variance.bias, START_LOG_VARIANCE)
    for module in critic.modules():
        if isinstance(module, nn.Conv2d):
            nn.init.kaiming_uniform_(module.weight)
            assert module.bias is not None
            bound = (3 / module.bias.numel()) ** 0.5
            nn.init.uniform_(module.bias, -bound, bound)
