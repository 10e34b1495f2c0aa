"""Draws strokes: a grey picture of a brush, turned, scaled, coloured and laid over a canvas."""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional

_OUTSIDE = 1e9
"""Value beyond the border for the largest and smallest of neighbours: it never counts."""


def stroke_images(
    shapes: Tensor, colours: Tensor, brushes: Tensor, height: int, width: int
) -> tuple[Tensor, Tensor]:
    """Colour and hard mask of each stroke as painting draws them: the brush is first brought to the
    size of the image, and the mask is where the drawn brush is not black.

    Args:
        shapes: float (N, 5): x, y, width, height in [0, 1] of the image, angle in half turns.
        colours: float (N, 3) in [0, 1].
        brushes: float (2, 1, H', W') in [0, 1]: for strokes higher than wide, and for the others.
        height, width: size of the image, in px.

    Returns:
        Colour, float (N, 3, height, width), and mask, float (N, 1, height, width): 0 or 1.
    """
    small = functional.interpolate(brushes, (height, width), mode="nearest")
    drawn = _drawn(small, shapes, height, width)
    return spread(drawn * colours[..., None, None]), shrunk((drawn > 0).float())


def soft_stroke_images(
    shapes: Tensor, colours: Tensor, brushes: Tensor, side_px: int
) -> tuple[Tensor, Tensor]:
    """Colour and soft mask of each stroke as training draws them: from the brush at its full size,
    without spreading the colour or shrinking the mask. Has gradients.

    Args:
        shapes, colours, brushes: as of `stroke_images`.
        side_px: side of the square image.

    Returns:
        Colour, float (N, 3, side, side), and mask, float (N, 1, side, side) in [0, 1].
    """
    both = torch.cat([brushes, (brushes > 0).float()], dim=1)
    drawn = _drawn(both, shapes, side_px, side_px)
    return drawn[:, :1] * colours[..., None, None], drawn[:, 1:]


def spread(image: Tensor) -> Tensor:
    """The largest of the 3 x 3 neighbours of each pixel of (N, C, H, W)."""
    padded = functional.pad(image, (1, 1, 1, 1), value=-_OUTSIDE)
    return functional.max_pool2d(padded, 3, 1)


def shrunk(image: Tensor) -> Tensor:
    """The smallest of the 3 x 3 neighbours of each pixel of (N, C, H, W)."""
    return -spread(-image)


def laid_over(canvas: Tensor, colour: Tensor, mask: Tensor) -> Tensor:
    """The canvas with a stroke on it."""
    return colour * mask + canvas * (1 - mask)


def picked_colours(pictures: Tensor, shapes: Tensor) -> Tensor:
    """The colour of each picture under the middle of its strokes, float (N, strokes, 3); black
    beyond the border.

    Args:
        pictures: float (N, 3, H, W).
        shapes: float (N, strokes, 5).
    """
    places = (shapes[..., :2] * 2 - 1)[:, :, None]
    sampled = functional.grid_sample(pictures, places, align_corners=False)
    return sampled[..., 0].transpose(1, 2)


def _drawn(brushes: Tensor, shapes: Tensor, height: int, width: int) -> Tensor:
    """Pictures of brushes, (2, C, H', W'), where and as large as the strokes are, (N, C, height,
    width), each of the brush that its stroke takes."""
    x, y, wide, high, turn = shapes.unbind(1)
    cosine, sine = torch.cos(math.pi * turn), torch.sin(math.pi * turn)
    right, down = 1 - 2 * x, 1 - 2 * y
    # In this order of operations, as another one would flip pixels on the border of masks.
    across = [
        cosine / wide,
        sine * height / (width * wide),
        right * cosine / wide + down * sine * height / (width * wide),
    ]
    along = [
        -sine * width / (height * high),
        cosine / high,
        down * cosine / high - right * sine * width / (height * high),
    ]
    matrix = torch.stack([torch.stack(across, dim=1), torch.stack(along, dim=1)], dim=1)
    grid = functional.affine_grid(matrix, [len(shapes), 1, height, width], align_corners=False)
    # Both brushes are sampled: a copy of one for each stroke would cost more.
    shared = brushes.flatten(0, 1).expand(len(shapes), -1, -1, -1)
    sampled = functional.grid_sample(shared, grid, align_corners=False)
    higher, wider = sampled.chunk(2, dim=1)
    return torch.where((high > wide)[:, None, None, None], higher, wider)
