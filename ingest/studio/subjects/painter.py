"""Makes strokes (single ones, dabs, filled areas) and collects those of one step."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import cv2
import numpy as np

from ingest.studio.scene.palette import jitter
from ingest.studio.strokes.canvas import NUM_TEXTURES, TEXTURE_PX
from ingest.studio.strokes.stroke import Clip, Colour, Stroke, Touch

ColourAt = Callable[[float, float], Colour]
"""Colour at (x, y) in units."""
AngleAt = Callable[[float, float], float]
"""Direction of strokes at (x, y) in units, in radians; 0 is horizontal."""
Points = Sequence[tuple[float, float]] | np.ndarray
"""(x, y) in units."""

_CURVE = np.linspace(0, 1, 9, dtype=np.float32)[:, None]
"""Parameters at which a curve through three points is sampled."""


class Painter:
    """Collects the strokes of one step."""

    def __init__(self, rng: np.random.Generator, boldness: float = 1.0) -> None:
        """`boldness` is a factor on brush widths."""
        self.rng = rng
        self.boldness = boldness
        self.clip: Clip | None = None
        self.strokes: list[Stroke] = []

    def stroke(
        self,
        points: Points,
        width: float,
        colour: Colour,
        touch: Touch,
        second: Colour | None = None,
        variation: float = 6.0,
    ) -> None:
        """Add one stroke along `points`; `variation` is the deviation of its colour, of 255."""
        rng = self.rng
        path = _smooth(np.asarray(points, np.float32))
        mixed = jitter(rng, colour, variation)
        texture = (
            int(rng.integers(NUM_TEXTURES)),
            int(rng.integers(TEXTURE_PX)),
            int(rng.integers(TEXTURE_PX)),
        )
        other = mixed * 0.9 if second is None else jitter(rng, second, variation)
        self.strokes.append(
            Stroke(path, width, mixed, other.astype(np.float32), touch, texture, self.clip)
        )

    def dab(
        self,
        x: float,
        y: float,
        size: float,
        colour: Colour,
        touch: Touch,
        angle: float = 0.0,
        length: float = 1.0,
        second: Colour | None = None,
    ) -> None:
        """Add a short stroke centred on (x, y); `length` is in brush widths."""
        dx, dy = np.cos(angle) * size * length / 2, np.sin(angle) * size * length / 2
        bend = self.rng.normal(0, 0.06)
        middle = (x - dy * bend, y + dx * bend)
        self.stroke([(x - dx, y - dy), middle, (x + dx, y + dy)], size, colour, touch, second)

    def fill_area(
        self,
        area: Clip,
        colour_at: ColourAt,
        width: float,
        length: float,
        touch: Touch,
        angle_at: AngleAt | None = None,
        spacing: float = 0.6,
        keep: float = 1.0,
        second_at: ColourAt | None = None,
        clipped: bool = True,
        variation: float = 6.0,
    ) -> None:
        """Fill a polygon with rows of strokes, from its top down.

        Args:
            angle_at: direction of the strokes; about horizontal where None.
            spacing: distance of rows in brush widths.
            keep: share of the strokes that are kept, 0 to 1.
            clipped: whether strokes are clipped to the polygon.
        """
        rng, width = self.rng, width * self.boldness
        before, self.clip = self.clip, area if clipped else self.clip
        inside = _inside_test(area)
        for x, y, direction in self._rows(area, width * spacing, width, length):
            if rng.random() > keep or not inside(x, y, length * 0.4):
                continue
            angle = angle_at(x, y) if angle_at else rng.normal(0, 0.03)
            self._sweep(x, y, angle, length * rng.uniform(0.75, 1.25), width, touch,
                        colour_at, second_at, variation, direction)  # fmt: skip
        self.clip = before

    def _rows(
        self, area: Clip, step: float, width: float, length: float
    ) -> Iterator[tuple[float, float, int]]:
        """Stroke centres over an area's bounding box, row by row: x, y, direction (1 or -1)."""
        rng = self.rng
        low, high = area.polygon.min(axis=0), area.polygon.max(axis=0)
        y = float(low[1]) + width * 0.3
        direction = 1 if rng.random() < 0.5 else -1
        while y < high[1] + width * 0.35:
            start = low[0] - rng.uniform(0, 0.7) * length
            for column in np.arange(start, high[0] + length, 0.64 * length)[::direction]:
                x = float(column) + rng.normal(0, 0.12) * length
                yield x, y + rng.normal(0, 0.16) * width, direction
            direction = -direction
            y += step

    def _sweep(
        self,
        x: float,
        y: float,
        angle: float,
        length: float,
        width: float,
        touch: Touch,
        colour_at: ColourAt,
        second_at: ColourAt | None,
        variation: float,
        direction: int,
    ) -> None:
        """One stroke of `fill_area`, slightly bent, centred on (x, y)."""
        rng = self.rng
        dx, dy = np.cos(angle) * length / 2, np.sin(angle) * length / 2
        bend = rng.normal(0, 0.035)
        points = np.array([
            (x - dx, y - dy),
            (x - dy * bend * 2, y + dx * bend * 2),
            (x + dx, y + dy),
        ])  # fmt: skip
        if direction < 0 and abs(angle) < 0.6:
            points = points[::-1]
        second = second_at(x, y) if second_at else None
        size = width * rng.uniform(0.85, 1.15)
        self.stroke(points, size, colour_at(x, y), touch, second, variation)


def _smooth(path: np.ndarray) -> np.ndarray:
    """A quadratic Bézier curve through three points; other paths are returned unchanged."""
    if len(path) != 3:
        return path
    t = _CURVE
    control = 2 * path[1] - (path[0] + path[2]) / 2
    return (1 - t) ** 2 * path[0] + 2 * t * (1 - t) * control + t * t * path[2]


def _inside_test(area: Clip) -> Callable[[float, float, float], bool]:
    """A function (x, y, margin): whether a point lies in the polygon or within `margin` of it."""
    contour = area.polygon.reshape(-1, 1, 2).astype(np.float32)

    def inside(x: float, y: float, margin: float) -> bool:
        return cv2.pointPolygonTest(contour, (float(x), float(y)), True) > -margin

    return inside
