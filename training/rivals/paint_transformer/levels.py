"""Paints a whole picture with Paint Transformer, from one patch to thousands."""

from __future__ import annotations

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional

from training.rivals.paint_transformer.network import NUM_STROKES, PATCH_PX, StrokeNetwork
from training.rivals.paint_transformer.strokes import laid_over, picked_colours, stroke_images

PARITIES = ((0, 0), (1, 1), (1, 0), (0, 1))
"""Groups of patches by parity of row and column, in the order in which they are painted. The
windows of a group do not overlap."""
PATCHES_AT_ONCE = 64
"""Patches that go through the network together."""


@dataclass(frozen=True)
class Pass:
    """Patches of one size that are painted together."""

    cell_px: int
    """Side of a patch on the canvas. It is painted on a window of twice the side."""
    grid: int
    """Patches a side."""
    border_px: int
    """Black around the canvas before it is cut, so that the patches lie between those of the pass
    before; 0: none."""


@dataclass(frozen=True, eq=False)
class PassStrokes:
    """Strokes of all patches of a pass."""

    shapes: Tensor
    """Float (grid, grid, 8, 5), in sides of the window."""
    colours: Tensor
    """Float (grid, grid, 8, 3) in [0, 1]."""
    is_drawn: Tensor
    """Bool (grid, grid, 8)."""


class WholePicture:
    """A picture that is painted: at every stroke the canvas so far."""

    def __init__(self, network: StrokeNetwork, brushes: Tensor, picture: Tensor) -> None:
        """picture: float (3, H, W) in [0, 1], RGB; network, brushes and picture on one device."""
        self._network, self._brushes = network, brushes
        self._height, self._width = picture.shape[1:]
        self._passes = passes(self._height, self._width)
        self._side = max(each.cell_px for each in self._passes)
        self._picture = self.squared(picture)
        self._steps = [(n, *turn) for n, each in enumerate(self._passes) for turn in turns(each)]
        self._strokes: PassStrokes | None = None
        self._strokes_of = -1

    @property
    def num_steps(self) -> int:
        """Frames of the whole painting."""
        return len(self._steps)

    @torch.inference_mode()
    def step(self, canvas: Tensor, index: int) -> Tensor:
        """The square canvas after step `index`, from the one before; float (1, 3, side, side) in
        [0, 1].

        At the first step of a pass the network looks at the canvas and gives all its strokes.
        """
        number, parity, stroke = self._steps[index]
        each = self._passes[number]
        if self._strokes is None or self._strokes_of != number:
            self._strokes, self._strokes_of = self._predicted(each, canvas), number
        margin = each.cell_px // 2 + each.border_px
        padded = functional.pad(canvas, (margin,) * 4)
        draw_step(padded, each, self._strokes, parity, stroke, self._brushes)
        kept = slice(margin, margin + self._side)
        return padded[..., kept, kept]

    def fork(self) -> WholePicture:
        """A copy that goes on alone."""
        return copy.copy(self)

    def _predicted(self, each: Pass, canvas: Tensor) -> PassStrokes:
        """What the network paints on a canvas, (1, 3, side, side)."""
        seen_px = PATCH_PX * self._side // each.cell_px
        patches = [
            _patches(functional.interpolate(image, (seen_px, seen_px)), each)
            for image in (self._picture, canvas)
        ]
        found = [
            self._network(*pair)
            for pair in zip(*(part.split(PATCHES_AT_ONCE) for part in patches), strict=True)
        ]
        shapes, logits = (torch.cat(parts) for parts in zip(*found, strict=True))
        colours = picked_colours(patches[0], shapes)
        window = torch.cat([shapes[..., :2] / 2 + 0.25, shapes[..., 2:4] / 2, shapes[..., 4:]], -1)
        # As published: in the last pass every logit but 0 counts as yes.
        is_drawn = logits != 0 if each.border_px else logits > 0
        size = (each.grid, each.grid)
        return PassStrokes(*(part.unflatten(0, size) for part in (window, colours, is_drawn)))

    def squared(self, picture: Tensor) -> Tensor:
        """A picture of (3, H, W) in the middle of a black square, (1, 3, side, side)."""
        down, across = self._side - self._height, self._side - self._width
        sides = (across // 2, across - across // 2, down // 2, down - down // 2)
        return functional.pad(picture[None], sides)

    def inner(self, square: Tensor) -> Tensor:
        """The part of a square canvas that the picture covers, (3, H, W); a view."""
        top, left = (self._side - self._height) // 2, (self._side - self._width) // 2
        return square[0, :, top : top + self._height, left : left + self._width]


def passes(height: int, width: int) -> list[Pass]:
    """All passes of a picture, the coarsest first, and once more the finest between its patches."""
    levels = max(math.ceil(math.log2(max(height, width) / PATCH_PX)), 0)
    side = PATCH_PX * 2**levels
    found = [Pass(side // 2**level, 2**level, 0) for level in range(levels + 1)]
    return [*found, Pass(PATCH_PX, 2**levels + 1, PATCH_PX // 2)]


def turns(each: Pass) -> Iterator[tuple[tuple[int, int], int]]:
    """Group and stroke of each frame of a pass."""
    for parity in PARITIES if each.grid > 1 else PARITIES[:1]:
        for stroke in range(NUM_STROKES):
            yield parity, stroke


def _patches(image: Tensor, each: Pass) -> Tensor:
    """Patches of (1, 3, S, S), row by row, (grid * grid, 3, 32, 32)."""
    border_px = PATCH_PX // 2 if each.border_px else 0
    padded = functional.pad(image, (border_px,) * 4)[0]
    cut = padded.unfold(1, PATCH_PX, PATCH_PX).unfold(2, PATCH_PX, PATCH_PX)
    return cut.permute(1, 2, 0, 3, 4).flatten(0, 1)


def draw_step(
    canvas: Tensor,
    each: Pass,
    strokes: PassStrokes,
    parity: tuple[int, int],
    stroke: int,
    brushes: Tensor,
) -> None:
    """Draw one stroke of all patches of a group on a canvas with margins, (1, 3, S, S), which is
    changed."""
    window_px = 2 * each.cell_px
    group = (slice(parity[0], None, 2), slice(parity[1], None, 2), stroke)
    row, column = strokes.is_drawn[group].nonzero(as_tuple=True)
    if not len(row):
        return
    shapes, colours = strokes.shapes[group][row, column], strokes.colours[group][row, column]
    colour, mask = stroke_images(shapes, colours, brushes, window_px, window_px)
    shown = canvas[0, :, parity[0] * each.cell_px :, parity[1] * each.cell_px :]
    windows = shown.unfold(1, window_px, window_px).unfold(2, window_px, window_px)
    below = windows[:, row, column].transpose(0, 1)
    windows[:, row, column] = laid_over(below, colour, mask).transpose(0, 1)
