"""Makes what Paint Transformer practises on: random strokes on random canvases, no pictures."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from training.rivals.paint_transformer.network import NUM_SHAPE, NUM_STROKES, PATCH_PX
from training.rivals.paint_transformer.strokes import (
    laid_over,
    shrunk,
    soft_stroke_images,
    spread,
)

NUM_RANDOM = 12
"""Random numbers of a stroke: shape, colour twice, and one without use, as in the recipe."""
LEAST, RANGE = 0.2, 0.5
"""Places and sizes of strokes lie in LEAST .. LEAST + RANGE."""
MOST_COVERED = 0.75
"""A stroke that covers this share of an earlier one does not count."""


@dataclass(frozen=True, eq=False)
class Practice:
    """A batch of patches with the strokes that were laid on them."""

    before: Tensor
    """The canvas, float (N, 3, 32, 32) in [0, 1]."""
    after: Tensor
    """The canvas with the strokes that count: the network's picture."""
    shapes: Tensor
    """Float (N, 8, 5)."""
    counts: Tensor
    """Which strokes count, bool (N, 8)."""


def random_practice(size: int, brushes: Tensor, generator: torch.Generator) -> Practice:
    """A batch of `size` patches, a multiple of four, drawn from the generator."""
    below = torch.rand(size // 4, NUM_STROKES, NUM_RANDOM, generator=generator)
    strokes = torch.rand(size, NUM_STROKES, NUM_RANDOM, generator=generator)
    return practice_of(below, strokes, brushes)


@torch.no_grad()
def practice_of(below: Tensor, strokes: Tensor, brushes: Tensor) -> Practice:
    """A batch from random numbers in [0, 1].

    Args:
        below: (N / 4, 8, 12), strokes on black canvases of twice the side, which are cut in four.
        strokes: (N, 8, 12), strokes on the patches.
        brushes: float (2, 1, H, W), as of `soft_stroke_images`.
    """
    canvases = torch.zeros(len(below), 3, 2 * PATCH_PX, 2 * PATCH_PX)
    for number in range(NUM_STROKES):
        canvases = laid_over(canvases, *_stroke(below[:, number], brushes, 2 * PATCH_PX))
    rows = canvases.unflatten(2, (2, PATCH_PX)).unflatten(4, (2, PATCH_PX))
    before = rows.permute(0, 2, 4, 1, 3, 5).flatten(0, 2)
    images = [_stroke(strokes[:, n], brushes, PATCH_PX) for n in range(NUM_STROKES)]
    counts = _counting(torch.stack([mask for _, mask in images], dim=1).flatten(2))
    after = before
    for number, (colour, mask) in enumerate(images):
        after = laid_over(after, colour, mask * counts[:, number, None, None, None])
    return Practice(before, after, _scaled(strokes)[..., :NUM_SHAPE], counts)


def _scaled(numbers: Tensor) -> Tensor:
    """Random numbers of strokes with places and sizes in their range."""
    return torch.cat([LEAST + RANGE * numbers[..., :4], numbers[..., 4:]], dim=-1)


def _stroke(numbers: Tensor, brushes: Tensor, side_px: int) -> tuple[Tensor, Tensor]:
    """Colour and mask of a stroke of each canvas."""
    scaled = _scaled(numbers)
    shapes, colours = scaled[:, :NUM_SHAPE], scaled[:, NUM_SHAPE : NUM_SHAPE + 3]
    colour, mask = soft_stroke_images(shapes, colours, brushes, side_px)
    return spread(colour), shrunk(mask)


def _counting(masks: Tensor) -> Tensor:
    """Which strokes of (N, 8, pixels) cover no earlier one that counts: bool (N, 8)."""
    shared = masks @ masks.transpose(1, 2)
    share = (shared + 1e-5) / (masks.sum(2)[:, None] + 1e-5)
    counts = torch.ones(masks.shape[:2], dtype=torch.bool)
    for number in range(1, masks.shape[1]):
        covers = (share[:, number, :number] >= MOST_COVERED) & counts[:, :number]
        counts[:, number] = ~covers.any(dim=1)
    return counts
