"""Paints a part of a region up to the next level of finish, with the brushes of a medium."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace

import cv2
import numpy as np

from inference.strokes.direction import direction_field
from inference.strokes.fill import region_colours
from inference.strokes.medium import NUM_LEVELS, Coat, Medium
from inference.strokes.placement import place_strokes
from inference.strokes.rasteriser import Blending, draw_strokes
from inference.strokes.strokes import Strokes
from inference.strokes.textures import TextureKind

MOST_COVERING_PASSES = 4
"""Passes of the broadest brush that may follow each other to close holes."""
BARE_LEVELS = 10
"""A pixel is bare while its largest channel differs from the ground by less than this, of 255."""
BOX_MARGIN = 1.2
"""Pixels around a region that its strokes are computed from, in brush widths."""


@dataclass(frozen=True, eq=False)
class Area:
    """What strokes may touch: a window of the canvas and a weight inside it."""

    box: tuple[slice, slice]
    """Rows and columns."""
    weight: np.ndarray
    """uint8 (h, w) of the box: 0 keeps a pixel as it is, 255 takes all paint."""

    @classmethod
    def of(cls, mask: np.ndarray) -> Area:
        """The area of a mask, bool (H, W), with a soft rim inside it."""
        box = bounding_box(mask, 0)
        inside = mask[box]
        soft_px = max(0.6, 0.0015 * min(mask.shape))
        soft = cv2.GaussianBlur(inside.astype(np.float32), (0, 0), soft_px) * 1.6
        weight = np.where(inside, np.minimum(1, soft), 0)
        return cls(box, np.rint(255 * weight).astype(np.uint8))


@dataclass(frozen=True, eq=False)
class Pass:
    """Strokes of one brush, where they may go, and how they lie on the canvas."""

    strokes: Strokes
    area: Area
    texture: TextureKind
    blending: Blending = "cover"

    def draw(self, canvas: np.ndarray, picture: np.ndarray) -> Iterator[int]:
        """Lay the strokes onto `canvas` (RGB uint8, changed) one by one; yields their indices."""
        rows, columns = self.area.box
        shifted = self.strokes.moved(-columns.start, -rows.start)
        weight = self.area.weight.astype(np.float32) * np.float32(1 / 255)
        box = self.area.box
        yield from draw_strokes(
            canvas[box], shifted, picture[box], weight, self.texture, self.blending
        )


@dataclass(frozen=True)
class Patch:
    """A part of a region that is to be painted to `level`."""

    region: np.ndarray
    """bool (H, W), the whole region: the colours come from it."""
    mask: np.ndarray
    """bool (H, W), what may be touched; it leaves the region where something covers it later."""
    centres: np.ndarray
    """bool (H, W), the part of `mask` that is to be covered: strokes have their centres here."""
    level: int
    """From 1 to 4."""
    seed: tuple[int, ...]
    """Decides the strokes."""


class Brushwork:
    """Paints patches of one picture in one medium; fields of the picture are computed once."""

    def __init__(self, picture: np.ndarray, medium: Medium, ground: np.ndarray, seed: int) -> None:
        """
        Args:
            picture: RGB uint8 (H, W, 3).
            ground: RGB of the blank canvas, (3,) in [0, 255].
        """
        self.picture, self.medium, self.seed = picture, medium, seed
        self.ground = np.asarray(ground, np.float32)
        self._directions: dict[float, np.ndarray] = {}

    def paint(self, canvas: np.ndarray, patch: Patch) -> list[Pass]:
        """Paint a patch onto `canvas` (RGB uint8, changed in place); returns the strokes laid.

        At level 4 the patch equals the picture afterwards, to the bit.
        """
        if not patch.centres.any():
            return []
        rng, passes = np.random.default_rng([self.seed, *patch.seed]), []
        area = Area.of(patch.mask)
        for number, coat in enumerate(self.medium.coats[patch.level - 1]):
            least_error = coat.least_error if number or coat.least_error else None
            passes += self._lay(canvas, patch, coat, patch.centres, area, rng, least_error)
            if patch.level <= 2 and number == 0 and self.medium.must_cover:
                passes += self._close_holes(canvas, patch, coat, area, rng)
        if patch.level == NUM_LEVELS:
            canvas[patch.mask] = self.picture[patch.mask]
        return passes

    def is_bare(self, canvas: np.ndarray) -> np.ndarray:
        """bool (H, W): pixels of a canvas that show the ground."""
        return np.abs(canvas.astype(np.float32) - self.ground).max(axis=2) < BARE_LEVELS

    def _close_holes(
        self, canvas: np.ndarray, patch: Patch, coat: Coat, area: Area,
        rng: np.random.Generator,
    ) -> list[Pass]:  # fmt: skip
        """More strokes, each pass half as wide, where the ground still shows in the patch."""
        passes: list[Pass] = []
        # A picture may have the ground's own colour: what the strokes would not change is no hole.
        colours_differ = np.abs(self.picture - self.ground).max(axis=2) >= BARE_LEVELS
        for number in range(MOST_COVERING_PASSES):
            holes = patch.centres & self.is_bare(canvas) & colours_differ
            if not holes.any():
                break
            width = coat.brush.width_px * 0.6 ** (number + 1)
            smaller = replace(coat, brush=replace(coat.brush, width_px=max(width, 6.0)))
            passes += self._lay(canvas, patch, smaller, holes, area, rng)
        return passes

    def _lay(
        self, canvas: np.ndarray, patch: Patch, coat: Coat, wanted: np.ndarray,
        area: Area, rng: np.random.Generator, least_error: float | None = None,
    ) -> list[Pass]:  # fmt: skip
        """Strokes of one coat with their centres in `wanted`; with `least_error` only where the
        canvas differs from the coat's colours by more."""
        width_px = max(2.0, coat.brush.width_px * min(canvas.shape[:2]) / 1000)
        box = bounding_box(patch.mask, BOX_MARGIN * width_px)
        colours = self._colours(patch, coat, box, width_px)
        brush, wanted = replace(coat.brush, width_px=width_px), wanted[box]
        if least_error is not None:
            wanted = wanted & (_visible_error(canvas[box], colours, width_px) > least_error)
        strokes = place_strokes(
            colours, wanted, patch.centres[box], self._direction(width_px, patch.level)[box],
            brush, rng,
        )  # fmt: skip
        if len(strokes) == 0:
            return []
        strokes = strokes.moved(box[1].start, box[0].start)
        texture = "soft" if brush.reveals else self.medium.texture
        laid = Pass(strokes, area, texture, self.medium.blending)
        for _ in laid.draw(canvas, self.picture):
            pass
        return [laid]

    def _colours(
        self, patch: Patch, coat: Coat, box: tuple[slice, slice], width_px: float
    ) -> np.ndarray:
        """Colour of paint in the box, float32 (h, w, 3)."""
        picture, region = self.picture[box], patch.region[box]
        if coat.brush.reveals or not region.any():
            return picture.astype(np.float32)
        colours = region_colours(picture, region, coat.blur * width_px)
        return colours + coat.lightening * (self.ground - colours)

    def _direction(self, width_px: float, level: int) -> np.ndarray:
        if self.medium.hatching is not None and level <= 2:
            # The second layer crosses the first.
            angle = self.medium.hatching + (level - 1) * 0.8
            return np.full(self.picture.shape[:2], angle, np.float32)
        key = round(width_px, 1)
        if key not in self._directions:
            self._directions[key] = direction_field(self.picture, width_px / 2, self.seed)
        return self._directions[key]


def _visible_error(canvas: np.ndarray, colours: np.ndarray, width_px: float) -> np.ndarray:
    """How far a canvas (h, w, 3) is from the colours that it should have, at the size of a brush:
    levels of 255, float32 (h, w)."""
    error = np.abs(canvas.astype(np.float32) - colours).max(axis=2)
    return cv2.GaussianBlur(error, (0, 0), max(0.6, 0.25 * width_px))


def bounding_box(mask: np.ndarray, margin_px: float) -> tuple[slice, slice]:
    """Rows and columns of a mask's bounding box, with a margin."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    margin = math.ceil(margin_px)
    top, left = max(0, rows[0] - margin), max(0, columns[0] - margin)
    return slice(top, rows[-1] + 1 + margin), slice(left, columns[-1] + 1 + margin)
