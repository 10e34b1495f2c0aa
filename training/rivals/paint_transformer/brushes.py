"""The two brushes that strokes are drawn with, made by code: one dab of oil paint with streaks."""

from __future__ import annotations

import numpy as np
import torch
from scipy.ndimage import gaussian_filter1d
from torch import Tensor, nn

BRUSH_PX = 394
"""Side of a brush's picture."""
TOP, BOTTOM, LEFT, RIGHT = 10, 365, 65, 359
"""First and last row and column of the paint."""
MEAN = 231
"""Mean grey of the paint."""
RAGGED_PX = 27
"""How far bristles end from the first or last row, on average."""
_SEED = 394


class Brushes(nn.Module):
    """The brushes of a rival folder, which are kept beside its network."""

    pictures: Tensor
    """Float (2, 1, H, W) in [0, 1]: for strokes higher than wide, and for the others."""

    def __init__(self, pictures: Tensor) -> None:
        super().__init__()
        self.register_buffer("pictures", pictures)


def oil_brushes() -> Tensor:
    """Both brushes, float (2, 1, 394, 394): the same outline, with streaks up and down, and with
    streaks from left to right."""
    rng = np.random.default_rng(_SEED)
    is_paint = _outline(rng)
    pictures = []
    for axis in (1, 0):
        grey = _streaks(rng, axis)
        grey += MEAN - grey[is_paint].mean()
        pictures.append(np.where(is_paint, np.rint(grey).clip(1, 255), 0) / 255)
    return torch.from_numpy(np.stack(pictures)[:, None].astype(np.float32))


def _outline(rng: np.random.Generator) -> np.ndarray:
    """Where paint is: bool (394, 394), ragged above and below, nearly straight at the sides."""
    row, column = np.mgrid[0:BRUSH_PX, 0:BRUSH_PX]
    above, below = (_ragged(rng, RAGGED_PX) for _ in range(2))
    left, right = (_ragged(rng, 3.0) for _ in range(2))
    inside = (row >= TOP + above[column]) & (row <= BOTTOM - below[column])
    return inside & (column >= LEFT + left[row]) & (column <= RIGHT - right[row])


def _ragged(rng: np.random.Generator, mean_px: float) -> np.ndarray:
    """Distances from a line, float (394,), from 0 with that mean: broad waves and single
    bristles."""
    broad = gaussian_filter1d(rng.standard_normal(BRUSH_PX), 25, mode="wrap")
    fine = gaussian_filter1d(rng.standard_normal(BRUSH_PX), 2, mode="wrap")
    line = broad / broad.std() + 0.6 * fine / fine.std()
    line -= line[LEFT : RIGHT + 1].min()
    return (line * mean_px / line[LEFT : RIGHT + 1].mean()).clip(0)


def _streaks(rng: np.random.Generator, axis: int) -> np.ndarray:
    """Grey of bristles, float (394, 394), around 0; `axis` 1: from column to column."""
    lines = np.zeros(BRUSH_PX)
    for width, weight in ((0.7, 12.0), (3.0, 16.0), (12.0, 14.0)):
        smooth = gaussian_filter1d(rng.standard_normal(BRUSH_PX), width)
        lines += weight * np.sqrt(width) * smooth
    grain = gaussian_filter1d(rng.standard_normal((BRUSH_PX, BRUSH_PX)), 30, axis=1 - axis) * 40
    return grain + (lines[None] if axis == 1 else lines[:, None])
