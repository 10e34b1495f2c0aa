"""Brush strokes as data: path, width, colours, brush parameters; and the steps they belong to.

Lengths are in units of the canvas's short side, so a painting is the same at any size. x runs right
from 0 to `width`, y down from 0 to `height`; the smaller of these two is 1.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace

import numpy as np

Colour = np.ndarray
"""RGB float32 (3,), each in [0, 255]."""


@dataclass(frozen=True)
class Touch:
    """Parameters of a brush: what mark it leaves."""

    opacity: float = 0.95
    """Alpha of fully loaded paint, in [0, 1]; 0: a brush without paint."""
    dryness: float = 0.15
    """Share of the bristle tracks that stay without paint at the start of the stroke, in [0, 1]."""
    exhaustion: float = 0.25
    """How much that share grows towards the end of the stroke."""
    softness: float = 0.25
    """Width of the soft edge as a share of half the stroke's width, in (0, 1]."""
    taper: float = 0.0
    """How much narrower the stroke is at its end: 0 a flat brush, 1 comes to a point."""
    streaks: float = 0.5
    """Colour variation between bristles: mix of the second colour and lightness, in [0, 1]."""
    body: float = 0.5
    """Thickness of the paint, from 0 (a stain) to 1 (impasto); it is shaded."""
    rounded: bool = False
    """Whether the stroke begins and ends round, as a round brush leaves it, or square, ragged."""
    stipple: bool = False
    """Whether the brush is tapped, so that spots are left instead of bristle tracks."""


WASH = Touch(0.55, 0.05, 0.15, 0.6, 0.0, 0.35, 0.1)
"""Thinned paint for the first layer."""
FLAT = Touch(0.95, 0.12, 0.3, 0.22, 0.0, 0.55, 0.55)
"""A flat brush, well loaded."""
BLEND = Touch(0.42, 0.1, 0.25, 0.8, 0.0, 0.35, 0.15, rounded=True)
"""A soft brush that works one colour into the next."""
DRY = Touch(0.9, 0.48, 0.35, 0.15, 0.1, 0.6, 0.5)
"""Dragged dry: paint stays on the weave's tops."""
KNIFE = Touch(0.98, 0.3, 0.42, 0.08, 0.25, 0.6, 0.9)
"""A palette knife pulled over the canvas."""
DAB = Touch(0.94, 0.1, 0.2, 0.3, 0.25, 0.6, 0.75, rounded=True)
"""A short press of the brush."""
STIPPLE = Touch(0.95, 0.5, 0.0, 0.55, 0.0, 0.6, 0.8, rounded=True, stipple=True)
"""A stiff brush tapped with its end: leaves, blossom, foam."""
LINER = Touch(0.95, 0.02, 0.15, 0.35, 0.45, 0.25, 0.35, rounded=True)
"""A thin brush with thinned paint: branches, ropes, grass."""
PENCIL = Touch(0.55, 0.35, 0.05, 0.3, 0.0, 0.1, 0.0, rounded=True)
"""A thin sketching line."""


@dataclass(frozen=True, eq=False)
class Clip:
    """An edge that the painter keeps to: paint lands inside the polygon only."""

    polygon: np.ndarray
    """float32 (N, 2) in units."""
    feather: float = 0.004
    """Softness of the edge in units."""


@dataclass(frozen=True, eq=False)
class Stroke:
    """One touch of the brush."""

    path: np.ndarray
    """float32 (K, 2) in units, K >= 2; it advances along the line from first to last point."""
    width: float
    """Width of the brush in units."""
    colour: Colour
    second: Colour
    """A second colour, not quite mixed in; it shows in single bristle tracks."""
    touch: Touch
    texture: tuple[int, int, int]
    """Index of the bristle texture, and the offset (row, column) in it."""
    clip: Clip | None = None
    place: Clip | None = None
    """A second clip: the area in which the stroke is painted again."""

    def recoloured(self, change: Callable[[Colour], Colour]) -> Stroke:
        """The same stroke with both colours changed by `change`."""
        return replace(self, colour=change(self.colour), second=change(self.second))

    @property
    def length(self) -> float:
        """Length of the path in units."""
        return float(np.linalg.norm(np.diff(self.path, axis=0), axis=1).sum())


@dataclass(frozen=True, eq=False)
class Step:
    """The strokes of one step: one thing is painted before the next begins."""

    word: str
    """A word of `ingest.format.vocabulary`."""
    strokes: list[Stroke] = field(default_factory=list)
