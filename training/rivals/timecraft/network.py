"""The network that adds the next step to a canvas, on crops of 50 x 50 px."""

from __future__ import annotations

import torch
from torch import Tensor, nn
from torch.nn import functional

SIDE_PX = 50
"""Side of the only crop that the network can paint."""
NUM_LATENTS = 5
"""Length of the random vector that decides what a step paints."""
SLOPE = 0.2
"""Slope of all leaky rectifiers, in network, encoder and critic."""
WIDTH, SKIPPED = 64, 6
"""Channels inside, and of the finished picture beside the canvas."""
NUM_SCALES = 6
"""Scales of the decoder; the coarsest is 1 x 1."""


class NextFrameNetwork(nn.Module):
    """A decoder from the latent, which sees picture and canvas at every scale (711,363 weights)."""

    def __init__(self) -> None:
        super().__init__()
        seen = WIDTH + SKIPPED
        self.enter = nn.Linear(NUM_LATENTS, WIDTH)
        self.convolutions = nn.ModuleList(
            [nn.Conv2d(WIDTH, WIDTH, 3, padding=1)]
            + [nn.Conv2d(seen, WIDTH, 3, padding=1) for _ in range(NUM_SCALES)]
            + [nn.Conv2d(WIDTH, WIDTH, 7, padding=3)]
        )
        self.enlargements = nn.ModuleList(
            nn.ConvTranspose2d(WIDTH, WIDTH, 3, stride=2) for _ in range(NUM_SCALES)
        )
        self.last = nn.Conv2d(WIDTH, 3, 7, padding=3)

    def forward(self, finished: Tensor, canvas: Tensor, latent: Tensor) -> Tensor:
        """The next canvas, float (B, 3, 50, 50), not clipped.

        Args:
            finished: picture, float (B, 3, 50, 50) in [-1, 1].
            canvas: float (B, 3, 50, 50) in [-1, 1].
            latent: float (B, 5), standard normal.
        """
        pyramid = halvings(torch.cat([finished, canvas], dim=1), NUM_SCALES)
        hidden = _rectified(self.enter(latent))[:, :, None, None]
        for scale in range(NUM_SCALES):
            hidden = _rectified(self.convolutions[scale](hidden))
            hidden = _rectified(self.enlargements[scale](hidden)[..., :-1, :-1])
            seen = pyramid[NUM_SCALES - 1 - scale]
            height, width = seen.shape[2:]
            hidden = torch.cat([hidden[..., -height:, -width:], seen], dim=1)
        for convolution in self.convolutions[NUM_SCALES:]:
            hidden = _rectified(convolution(hidden))
        return canvas + self.last(hidden)


def halvings(planes: Tensor, count: int) -> list[Tensor]:
    """`count` scales of planes (B, C, H, W), from their own down, each the 2 x 2 mean of the one
    before; an odd side is padded at its end by zeros, which count."""
    scales = [planes]
    for _ in range(count - 1):
        height, width = scales[-1].shape[2:]
        padded = functional.pad(scales[-1], (0, width % 2, 0, height % 2))
        scales.append(functional.avg_pool2d(padded, 2))
    return scales


def _rectified(hidden: Tensor) -> Tensor:
    return functional.leaky_relu(hidden, SLOPE)
