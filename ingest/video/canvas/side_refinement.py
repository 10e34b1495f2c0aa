"""Refines the sides of a detected canvas to sub-pixel accuracy, from pictures before and after
painting.

A canvas has thickness, a primed rim and a shadow, and all their edges last. But only the face is
painted: across a side, the difference between before and after rises from zero (table, rim) to that
of paint exactly where the face begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import to_rectangle, transform

SIDE_PX = 512
"""Short side in pixels of the rectified canvas on which all other lengths are measured."""
REACH_PX = 14.0
"""How far from a detected side the edge of the face is searched."""
STEP_PX = 0.25
"""Distance of the samples across a side."""
SAMPLES = 160
"""Points along a side at which the edge is measured."""
PLATEAU_PX = 6.0
"""Width of the windows before and after an offset whose means are compared."""
PRIOR_PX = 4.0
"""Standard deviation of the prior on the shift of a side, where the table stays the same."""
PRIOR_MOVED_PX = 0.4
"""The same where the table changed too, so that its change cannot be told from paint."""
PRIOR_SLOPE_PX = 1.5
"""Standard deviation of the prior on the difference of the shift at both ends of a side."""
NOISE_PX = 0.7
"""Standard deviation of the error of one measured point."""
OUTLIER_PX = 1.2
"""Scale of the robust weight: points this far off the fitted side count exp(-1/2)."""
CORRELATED_SAMPLES = 6
"""Neighbouring points that show the same brush mark: together they count as one measurement."""
MIN_PAINT = 16.0
"""Least difference of brightness (of 255) between before and after that is paint."""
MAX_OUTSIDE = 0.35
"""Largest difference outside of the edge, as a share of that inside."""
MIN_POINTS = 0.25
"""Least share of the points of a side at which an edge is found, else the side stays."""
MIN_EDGE = 8.0
"""Least difference of brightness (of 255) across the edge in the picture after painting. With less
the paint goes on across the edge: the part outside was painted before the first picture."""
EDGE_PX = 3.0
"""Width on both sides of the edge over which that difference is taken."""


def margin_view(canvas: Canvas) -> tuple[np.ndarray, tuple[int, int]]:
    """Homography (3, 3) from shot coordinates to the rectified canvas with a margin, and the size
    (w, h) of that view."""
    size = canvas.size_px(SIDE_PX)
    margin = _margin_px()
    shift = np.array([[1, 0, margin], [0, 1, margin], [0, 0, 1.0]])
    view = shift @ to_rectangle(canvas.corners, size)
    return view, (size[0] + 2 * margin, size[1] + 2 * margin)


@dataclass(frozen=True, eq=False)
class BeforeAfter:
    """The canvas before and after painting, in the `margin_view`: RGB uint8 (h, w, 3) each."""

    before: np.ndarray
    after: np.ndarray
    prior_px: float = PRIOR_PX
    """Standard deviation of the prior on the shift of a side."""


def refine_sides(canvas: Canvas, pairs: Sequence[BeforeAfter]) -> Canvas:
    """The canvas with its sides on the edge of the painted face; sides without paint stay.

    Args:
        pairs: in order of preference; a side is taken from the first pair that shows its edge.
    """
    greys = [(*map(_brightness, (pair.before, pair.after)), pair.prior_px) for pair in pairs]
    changes = [
        (cv2.GaussianBlur(np.abs(after - before), (0, 0), 0.7), after, prior_px)
        for before, after, prior_px in greys
    ]
    width, height = canvas.size_px(SIDE_PX)
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64) - 0.5
    corners = flat + _margin_px()
    lines = []
    for i in range(4):
        a, b = corners[i], corners[(i + 1) % 4]
        found = (_face_edge(change, after, a, b, prior) for change, after, prior in changes)
        lines.append(next((line for line in found if line is not None), (a, b)))
    moved = np.array([line_intersection(lines[i - 1], lines[i]) for i in range(4)])
    if not np.isfinite(moved).all() or np.abs(moved - corners).max() > 2 * REACH_PX:
        return canvas
    back = np.linalg.inv(margin_view(canvas)[0])
    return replace(canvas, corners=transform(back, moved))


def _brightness(picture: np.ndarray) -> np.ndarray:
    """float32 (h, w). Colour is left out: videos store it at half the resolution and shifted."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _margin_px() -> int:
    return round(REACH_PX + PLATEAU_PX + 2)


def _face_edge(
    change: np.ndarray, late: np.ndarray, a: np.ndarray, b: np.ndarray, prior_px: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Both ends (2,) of the edge of the face near the side from `a` to `b` (inside to its right);
    None where too few points show it."""
    direction = (b - a) / np.linalg.norm(b - a)
    inwards = np.array([-direction[1], direction[0]])
    along = np.linspace(0.03, 0.97, SAMPLES)
    base = a + along[:, None] * (b - a)
    offsets = np.arange(-REACH_PX - PLATEAU_PX, REACH_PX + PLATEAU_PX + STEP_PX, STEP_PX)
    points = (base[:, None] + offsets[None, :, None] * inwards).astype(np.float32)
    profile, finished = (
        # The mean of neighbours along the side removes noise and brush marks.
        cv2.blur(cv2.remap(seen, points[..., 0], points[..., 1], cv2.INTER_LINEAR), (1, 5))
        for seen in (change, late)
    )
    found = _rising_edges(profile, offsets)
    good = np.isfinite(found) & (_steps(finished, offsets, found) >= MIN_EDGE)
    if good.mean() < MIN_POINTS:
        return None
    start, stop = _fit_offsets(along[good], found[good], prior_px)
    return a + start * inwards, b + stop * inwards


def _fit_offsets(along: np.ndarray, offsets: np.ndarray, prior_px: float) -> tuple[float, float]:
    """Offsets at the start and the end of a side: a robust line through measured ones (n,).

    A Gaussian prior keeps the line near the detected side, where only a part of it is painted.

    Args:
        along: places of the measurements, shares (n,) of the side.
    """
    design = np.column_stack([np.ones(len(along)), along - 0.5])
    prior = np.diag([1 / prior_px**2, 1 / PRIOR_SLOPE_PX**2])
    line, weight = np.zeros(2), np.ones(len(along))
    for _ in range(10):
        scaled = design * (weight / (CORRELATED_SAMPLES * NOISE_PX**2))[:, None]
        line = np.linalg.solve(scaled.T @ design + prior, scaled.T @ offsets)
        off = offsets - design @ line
        weight = np.exp(-0.5 * (off / OUTLIER_PX) ** 2)
    return float(line[0] - line[1] / 2), float(line[0] + line[1] / 2)


def _rising_edges(profile: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Offset (rows,) at which each row of a profile (rows, offsets) rises through half of the
    change of paint; NaN where it shows no such rise."""
    reach = np.abs(offsets) <= REACH_PX
    width = round(PLATEAU_PX / STEP_PX)
    found = np.full(len(profile), np.nan)
    kernel = np.ones(width) / width
    for row, values in enumerate(profile):
        mean = np.convolve(values, kernel, mode="full")
        # Means of the windows just after and just before each offset.
        after, before = mean[width:][: len(values)], mean[: len(values)]
        after = np.append(after, np.full(len(values) - len(after), np.nan))
        rise = np.where(reach & (np.arange(len(values)) >= width), after - before, -1)
        best = int(np.nanargmax(rise))
        paint, outside = after[best], before[best]
        if not paint > MIN_PAINT or outside > MAX_OUTSIDE * paint or not reach[best]:
            continue
        half = (paint + outside) / 2
        window = slice(max(best - width // 2, 0), best + width // 2)
        above = np.flatnonzero(values[window] >= half)
        if len(above) and above[0] > 0:
            i = window.start + int(above[0])
            part = (half - values[i - 1]) / max(values[i] - values[i - 1], 1e-6)
            found[row] = offsets[i - 1] + part * STEP_PX
    return found


def _steps(profile: np.ndarray, offsets: np.ndarray, at: np.ndarray) -> np.ndarray:
    """Absolute difference of the means of each row of a profile (rows, m) on both sides of offset
    `at` (rows,), from 1 to 1 + `EDGE_PX` off; 0 where `at` is NaN."""
    off = offsets[None] - np.nan_to_num(at)[:, None]
    sides = [(way * off > 1) & (way * off <= 1 + EDGE_PX) for way in (-1, 1)]
    means = [(profile * side).sum(1) / np.maximum(side.sum(1), 1) for side in sides]
    return np.where(np.isfinite(at), np.abs(means[1] - means[0]), 0.0)


def line_intersection(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The point (2,) where two lines, each through two points, meet; infinite for parallel ones."""
    (a, b), (c, d) = first, second
    matrix = np.stack([b - a, c - d], axis=1)
    if abs(np.linalg.det(matrix)) < 1e-9:
        return np.full(2, np.inf)
    part = np.linalg.solve(matrix, c - a)[0]
    return a + part * (b - a)
