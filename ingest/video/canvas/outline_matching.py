"""Estimates how far a canvas was displaced on the table, by matching profiles across its outline.

A displaced canvas takes its edge, its rim and its shadow along, whatever is painted on it by then.
They are compared with a picture in which the position of the canvas is known. In a view in which
the canvas is a rectangle, a displacement is a shift and a rotation, and every point of a side shows
how far the side moved along its normal.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import to_rectangle, warp

SIDE_PX = 320
"""Short side in pixels of the canvas in the view in which outlines are compared."""
BAND_PX = 7
"""Half width in pixels of the profile across a side that is compared."""
REACH_PX = 26
"""Largest displacement in pixels that is searched."""
SAMPLES = 48
"""Points along a side."""
MAX_ROTATION_DEG = 4.0
"""Largest rotation that is searched."""
ROTATION_STEP_DEG = 0.25
"""Step of the search for the rotation."""
MIN_CORRELATION = 0.5
"""Least correlation of the profile at a point of a side for its distance to count."""
MIN_ENERGY = 60.0
"""Sum of squared gradients (grey levels per pixel) below which a profile shows no edge."""


@dataclass(frozen=True, eq=False)
class Outline:
    """The gradients along the normals of the sides of a canvas."""

    profiles: np.ndarray
    """float32 (4, SAMPLES, 2 * (BAND_PX + REACH_PX) + 1): absolute values, because a blank canvas
    is lighter than the table and a painted one may be darker."""


@dataclass(frozen=True)
class Displacement:
    """The displacement of a canvas, in the pixels of the view of `OutlineMatcher`."""

    shift_px: tuple[float, float]
    rotation_rad: float
    similarity: float
    """Mean correlation of the outlines after the displacement is undone, at most 1."""
    similarity_unmoved: float
    """Mean correlation of the outlines as they lie, at most 1."""


class OutlineMatcher:
    """Compares outlines of one canvas in a view in which it is a rectangle with a margin."""

    def __init__(self, canvas: Canvas) -> None:
        self.width, self.height = canvas.size_px(SIDE_PX)
        self.margin = BAND_PX + REACH_PX + 3
        shift = np.array([[1, 0, self.margin], [0, 1, self.margin], [0, 0, 1.0]])
        self.matrix = shift @ to_rectangle(canvas.corners, (self.width, self.height))
        """Homography (3, 3) from shot coordinates to the view."""
        self.size = (self.width + 2 * self.margin, self.height + 2 * self.margin)

    def outline(self, composite: np.ndarray) -> Outline:
        """The outline in a picture in shot coordinates, RGB uint8 (h, w, 3)."""
        seen = cv2.cvtColor(warp(composite, self.matrix, self.size), cv2.COLOR_RGB2GRAY)
        smooth = cv2.GaussianBlur(seen, (0, 0), 0.8).astype(np.float32)
        offsets = np.arange(-BAND_PX - REACH_PX, BAND_PX + REACH_PX + 1)
        profiles = []
        for base, normal in self._sides():
            points = base[:, None] + offsets[None, :, None] * normal
            ahead, behind = (
                cv2.remap(
                    smooth,
                    (points[..., 0] + step * normal[0]).astype(np.float32),
                    (points[..., 1] + step * normal[1]).astype(np.float32),
                    cv2.INTER_LINEAR,
                )
                for step in (0.5, -0.5)
            )
            profiles.append(np.abs(ahead - behind))
        return Outline(np.stack(profiles))

    def displacement(self, known: Outline, seen: Outline) -> Displacement:
        """The displacement of the canvas in `seen` relative to `known`: an exhaustive search."""
        correlation = np.stack(
            [_correlation(a, b) for a, b in zip(known.profiles, seen.profiles, strict=True)]
        )
        rotations = np.radians(
            np.arange(-MAX_ROTATION_DEG, MAX_ROTATION_DEG + 1e-6, ROTATION_STEP_DEG)
        )
        shifts = np.arange(-REACH_PX, REACH_PX + 1)
        best = (-np.inf, 0.0, 0.0, 0.0)
        for rotation in rotations:
            sides = [self._rotated_side(correlation[i], i, rotation) for i in range(4)]
            # Opposite sides move together: left and right give the shift in x, the others in y.
            x, y = sides[3] + sides[1][::-1], sides[0] + sides[2][::-1]
            score = float(x.max() + y.max())
            if score > best[0]:
                best = (
                    score,
                    float(rotation),
                    shifts[int(x.argmax())] + _peak(x),
                    shifts[int(y.argmax())] + _peak(y),
                )
        return Displacement((best[2], best[3]), best[1], best[0] / 4, self.similarity(known, seen))

    def similarity(self, known: Outline, seen: Outline) -> float:
        """The mean correlation of two outlines as they lie, at most 1."""
        in_place = seen.profiles[..., REACH_PX:-REACH_PX]
        sides = zip(known.profiles, in_place, strict=True)
        return float(np.mean([_correlation(a, b).mean() for a, b in sides]))

    def undo(self, displacement: Displacement) -> np.ndarray:
        """The homography (3, 3) in shot coordinates that undoes a displacement."""
        cosine, sine = np.cos(displacement.rotation_rad), np.sin(displacement.rotation_rad)
        middle = np.array([(self.size[0] - 1) / 2, (self.size[1] - 1) / 2])
        rotation = np.array([[cosine, -sine], [sine, cosine]])
        moved = np.eye(3)
        moved[:2, :2] = rotation
        moved[:2, 2] = middle + displacement.shift_px - rotation @ middle
        return np.linalg.inv(self.matrix) @ np.linalg.inv(moved) @ self.matrix

    def side_distances(
        self, known: Outline, seen: Outline, reach_px: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How far points of the sides moved along the normals.

        Returns:
            Points (n, 2) in the view, unit normals (n, 2) inwards, and distances in pixels (n,).
            Points whose profile correlates with none up to `reach_px` away are left out.
        """
        points, normals, distances = [], [], []
        for i, (base, inwards) in enumerate(self._sides()):
            correlation = _correlation(known.profiles[i], seen.profiles[i])
            near = correlation[:, REACH_PX - reach_px : REACH_PX + reach_px + 1]
            good = near.max(axis=1) > MIN_CORRELATION
            moved = near.argmax(axis=1) + np.array([_peak(row) for row in near]) - reach_px
            points.append(base[good])
            normals.append(np.tile(inwards, (int(good.sum()), 1)))
            distances.append(moved[good])
        return np.vstack(points), np.vstack(normals), np.concatenate(distances)

    def _corners(self) -> np.ndarray:
        flat = np.array(
            [[0, 0], [self.width, 0], [self.width, self.height], [0, self.height]], np.float64
        )
        return flat + self.margin - 0.5

    def _sides(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """For top, right, bottom and left: points (SAMPLES, 2) and the unit normal inwards."""
        corners = self._corners()
        along = np.linspace(0.06, 0.94, SAMPLES)[:, None]
        inwards = np.array([[0, 1], [-1, 0], [0, -1], [1, 0]], np.float64)
        return [
            (corners[i] + along * (corners[(i + 1) % 4] - corners[i]), inwards[i]) for i in range(4)
        ]

    def _rotated_side(self, correlation: np.ndarray, side: int, rotation_rad: float) -> np.ndarray:
        """Mean correlation (shifts,) of a side that is rotated and moved inwards by every shift.

        Args:
            correlation: float (SAMPLES, shifts), of every point of the side.
        """
        length = self.width if side in (0, 2) else self.height
        # Sides are ordered clockwise, so a rotation moves the points of all sides alike.
        lever = np.linspace(-0.44, 0.44, SAMPLES) * length * np.sin(rotation_rad)
        rows = np.arange(SAMPLES)[:, None]
        shifts = np.arange(correlation.shape[1])[None] + np.round(lever).astype(int)[:, None]
        inside = (shifts >= 0) & (shifts < correlation.shape[1])
        moved = correlation[rows, shifts.clip(0, correlation.shape[1] - 1)]
        return np.where(inside, moved, 0).mean(axis=0)


def _correlation(known: np.ndarray, seen: np.ndarray) -> np.ndarray:
    """Normalised correlation of every point's profile at every shift: (SAMPLES, shifts). There are
    as many shifts as windows fit into the profile of `seen`."""
    width = 2 * BAND_PX + 1
    template = known[:, REACH_PX : REACH_PX + width]
    windows = np.lib.stride_tricks.sliding_window_view(seen, width, axis=1)
    product = np.einsum("sw,snw->sn", template, windows)
    energy = (template**2).sum(axis=1)[:, None] * (windows**2).sum(axis=2)
    return product / np.sqrt(np.maximum(energy, MIN_ENERGY**2))


def _peak(values: np.ndarray) -> float:
    """Sub-sample position of the maximum of a row of values, relative to its largest: -0.5 to 0.5,
    by a parabola."""
    i = int(values.argmax())
    if not 0 < i < len(values) - 1:
        return 0.0
    left, middle, right = values[i - 1 : i + 2]
    bend = left - 2 * middle + right
    return float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < -1e-9 else 0.0
