"""Moves the sides of a found canvas onto the edge of its painted face, to a fraction of a pixel.

A canvas has thickness, a primed rim and a shadow, all as lasting as its edge. But only the face
gets painted: across a side, the difference between the start and the end of the painting rises from
nothing (table, rim) to paint exactly where the face begins.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import to_rectangle, transform

SIDE_PX, REACH_PX, STEP_PX = 512, 14.0, 0.25
"""Short side of the canvas at which it is measured, and how far from a side the face is sought."""
SAMPLES = 160
PLATEAU_PX = 6.0
PRIOR_PX, PRIOR_MOVED_PX, PRIOR_SLOPE_PX = 4.0, 0.4, 1.5
"""How far sides may lie off all along, where the table beside them stays and where it does not; and
how far at one end against the other."""
NOISE_PX, OUTLIER_PX, SAME_MARK = 0.7, 1.2, 6
"""How exact one sample of a side is; beyond which distance it is an outlier; and how many samples a
brush mark is long."""
LEAST_PAINT, MOST_OUTSIDE, LEAST_POINTS = 16.0, 0.35, 0.25
"""Difference of brightness (of 255) that is paint; what may remain outside, as a share of it; and
the share of a side that must show the rise for the side to be moved."""
LEAST_EDGE, EDGE_PX = 8.0, 3.0
"""Difference of brightness, across the edge of the face in the finished picture, and over how many
pixels it is taken on both sides: where paint goes on, it was only painted before the start."""


def margin_view(canvas: Canvas) -> tuple[np.ndarray, tuple[int, int]]:
    """Homography from take coordinates to the canvas with a margin, and the picture's (w, h)."""
    size = canvas.size_px(SIDE_PX)
    margin = _margin_px()
    shift = np.array([[1, 0, margin], [0, 1, margin], [0, 0, 1.0]])
    view = shift @ to_rectangle(canvas.corners, size)
    return view, (size[0] + 2 * margin, size[1] + 2 * margin)


@dataclass(frozen=True, eq=False)
class Painting:
    """What tells the painted face: the canvas in the `margin_view`, RGB uint8 (h, w, 3) each."""

    before: np.ndarray
    after: np.ndarray
    prior_px: float = PRIOR_PX
    """How far a side may be expected to lie off."""


def on_face(canvas: Canvas, told: Sequence[Painting]) -> Canvas:
    """The canvas with its sides on the edge of the painted face; sides without paint stay.

    Args:
        told: a side that the first of them does not tell is sought in the next.
    """
    pairs = [(*map(_brightness, (one.before, one.after)), one.prior_px) for one in told]
    changes = [
        (cv2.GaussianBlur(np.abs(after - before), (0, 0), 0.7), after, prior_px)
        for before, after, prior_px in pairs
    ]
    width, height = canvas.size_px(SIDE_PX)
    flat = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64) - 0.5
    corners = flat + _margin_px()
    lines = []
    for i in range(4):
        a, b = corners[i], corners[(i + 1) % 4]
        found = (_face_line(change, after, a, b, prior) for change, after, prior in changes)
        lines.append(next((line for line in found if line is not None), (a, b)))
    moved = np.array([meeting(lines[i - 1], lines[i]) for i in range(4)])
    if not np.isfinite(moved).all() or np.abs(moved - corners).max() > 2 * REACH_PX:
        return canvas
    back = np.linalg.inv(margin_view(canvas)[0])
    return replace(canvas, corners=transform(back, moved))


def _brightness(picture: np.ndarray) -> np.ndarray:
    """Brightness only: videos carry colour at half the resolution, and not always in its place."""
    return cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)


def _margin_px() -> int:
    return round(REACH_PX + PLATEAU_PX + 2)


def _face_line(
    change: np.ndarray, late: np.ndarray, a: np.ndarray, b: np.ndarray, prior_px: float
) -> tuple[np.ndarray, np.ndarray] | None:
    """Two points on the edge of the face along the side from `a` to `b` (inside to its right)."""
    direction = (b - a) / np.linalg.norm(b - a)
    inwards = np.array([-direction[1], direction[0]])
    along = np.linspace(0.03, 0.97, SAMPLES)
    base = a + along[:, None] * (b - a)
    offsets = np.arange(-REACH_PX - PLATEAU_PX, REACH_PX + PLATEAU_PX + STEP_PX, STEP_PX)
    points = (base[:, None] + offsets[None, :, None] * inwards).astype(np.float32)
    profile, finished = (
        # Neighbours along the side say the same: averaging them takes noise and brush marks out.
        cv2.blur(cv2.remap(seen, points[..., 0], points[..., 1], cv2.INTER_LINEAR), (1, 5))
        for seen in (change, late)
    )
    found = _rise(profile, offsets)
    good = np.isfinite(found) & (_steps(finished, offsets, found) >= LEAST_EDGE)
    if good.mean() < LEAST_POINTS:
        return None
    start, stop = _steady_line(along[good], found[good], prior_px)
    return a + start * inwards, b + stop * inwards


def _steady_line(along: np.ndarray, offsets: np.ndarray, prior_px: float) -> tuple[float, float]:
    """Offsets at the start (0) and the end (1) of a side, from those found along it (n,).

    A side of which only a part is painted tells how far it lies off, and little of its slope.
    """
    design = np.column_stack([np.ones(len(along)), along - 0.5])
    # What is known before: sides lie about where they were found.
    prior = np.diag([1 / prior_px**2, 1 / PRIOR_SLOPE_PX**2])
    line, weight = np.zeros(2), np.ones(len(along))
    for _ in range(10):
        # Neighbouring samples see the same brush marks: they count as one in `SAME_MARK`.
        scaled = design * (weight / (SAME_MARK * NOISE_PX**2))[:, None]
        line = np.linalg.solve(scaled.T @ design + prior, scaled.T @ offsets)
        off = offsets - design @ line
        weight = np.exp(-0.5 * (off / OUTLIER_PX) ** 2)
    return float(line[0] - line[1] / 2), float(line[0] + line[1] / 2)


def _rise(profile: np.ndarray, offsets: np.ndarray) -> np.ndarray:
    """Offset (rows,) at which each row of a profile reaches half of its paint, or NaN."""
    reach = np.abs(offsets) <= REACH_PX
    width = round(PLATEAU_PX / STEP_PX)
    found = np.full(len(profile), np.nan)
    kernel = np.ones(width) / width
    for row, values in enumerate(profile):
        mean = np.convolve(values, kernel, mode="full")
        # Mean of the samples just after and just before each offset.
        after, before = mean[width:][: len(values)], mean[: len(values)]
        after = np.append(after, np.full(len(values) - len(after), np.nan))
        rise = np.where(reach & (np.arange(len(values)) >= width), after - before, -1)
        best = int(np.nanargmax(rise))
        paint, outside = after[best], before[best]
        if not paint > LEAST_PAINT or outside > MOST_OUTSIDE * paint or not reach[best]:
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
    """How much each row of a profile (rows, m) differs between both sides of offset `at` (rows,),
    a little off it; 0 where that is NaN."""
    off = offsets[None] - np.nan_to_num(at)[:, None]
    sides = [(way * off > 1) & (way * off <= 1 + EDGE_PX) for way in (-1, 1)]
    means = [(profile * side).sum(1) / np.maximum(side.sum(1), 1) for side in sides]
    return np.where(np.isfinite(at), np.abs(means[1] - means[0]), 0.0)


def meeting(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Where two lines, each through two points, meet."""
    (a, b), (c, d) = first, second
    matrix = np.stack([b - a, c - d], axis=1)
    if abs(np.linalg.det(matrix)) < 1e-9:
        return np.full(2, np.inf)
    part = np.linalg.solve(matrix, c - a)[0]
    return a + part * (b - a)
