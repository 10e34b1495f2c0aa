"""Strokes as data: a structure of arrays, and its JSON."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any

import numpy as np

BENDS = (-0.6, -0.3, 0.0, 0.3, 0.6)
"""Angles in radians that a stroke may turn by from its start to its end."""


@dataclass(frozen=True, eq=False)
class Strokes:
    """N strokes in the order in which they are laid; lengths in pixels of the canvas."""

    x: np.ndarray
    """float32 (N,): centre, from the left."""
    y: np.ndarray
    """float32 (N,): centre, from the top."""
    angle: np.ndarray
    """float32 (N,): direction at the centre in radians, clockwise from the x axis."""
    length: np.ndarray
    """float32 (N,): from end to end along the stroke."""
    width: np.ndarray
    """float32 (N,): of the brush."""
    bend: np.ndarray
    """uint8 (N,): index into `BENDS`."""
    texture: np.ndarray
    """uint8 (N,): index of a bristle texture of the medium."""
    colour: np.ndarray
    """uint8 (N, 3): RGB of the paint."""
    opacity: np.ndarray
    """float32 (N,) in (0, 1]: alpha of fully loaded paint."""
    reveals: np.ndarray
    """bool (N,): the paint takes the picture's own colours below the brush instead of `colour`."""

    def __len__(self) -> int:
        return len(self.x)

    def __getitem__(self, index: Any) -> Strokes:
        """The strokes of a slice, mask or index array."""
        return Strokes(*(getattr(self, field.name)[index] for field in fields(self)))

    def moved(self, x_px: float, y_px: float) -> Strokes:
        """The same strokes, moved right and down."""
        return replace(self, x=self.x + np.float32(x_px), y=self.y + np.float32(y_px))

    def scaled(self, factor: float) -> Strokes:
        """The same strokes on a canvas that is `factor` times as large."""
        sizes = {n: getattr(self, n) * np.float32(factor) for n in ("x", "y", "length", "width")}
        return replace(self, **sizes)

    def to_json(self) -> dict[str, list[Any]]:
        """Each field as a list: centres, angles and sizes with two decimals."""
        return {field.name: _rounded(getattr(self, field.name)).tolist() for field in fields(self)}

    @classmethod
    def from_json(cls, data: dict[str, list[Any]]) -> Strokes:
        """The strokes of `to_json`, rounded as it wrote them."""
        types = {
            "bend": np.uint8, "texture": np.uint8, "colour": np.uint8, "reveals": np.bool_
        }  # fmt: skip
        arrays = {
            field.name: np.asarray(data[field.name], types.get(field.name, np.float32))
            for field in fields(cls)
        }
        arrays["colour"] = arrays["colour"].reshape(-1, 3)
        return cls(**arrays)


def no_strokes() -> Strokes:
    """An empty set of strokes."""
    return Strokes.from_json({field.name: [] for field in fields(Strokes)})


def _rounded(values: np.ndarray) -> np.ndarray:
    if values.dtype == np.float32:
        # Through float64: float32 has no short decimal text.
        return np.round(values.astype(np.float64), 2)
    return values
