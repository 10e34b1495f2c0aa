"""Finds outlines of pages (canvas, sheet, board) in a stretch of frames: lasting quadrilaterals.

Where the camera is re-framed all the time, no outline lasts through the video, and corners lie out
of view. Within a stretch of frames with common coordinates the sides do last. A side is scored by
its part in view. An edge counts if enough pictures of the stretch show it: a hand hides a part of a
side in some, and its own edges move.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import lasting_change, picture_edges
from ingest.video.canvas.quads import (
    are_sensible,
    candidate_quads,
    hough_lines,
    order_corners,
    points_along,
    turned_clockwise,
)

LASTING_SHARE = 0.3
"""Least share of the pictures that show an edge of a side."""
MAX_LINES = 32
"""Most candidate lines per stretch."""
OUT_OF_VIEW = 0.35
"""How far corners may lie out of view, as a share of its width and height."""
MIN_AREA = 0.1
"""Least area of a quadrilateral, as a share of the view."""
MIN_IN_VIEW = 0.25
"""Least share of a side that is in view."""
MAX_SIDE_RATIO = 4.0
"""Largest ratio of the longest side to the shortest."""
SAMPLES = 64
"""Points along a side at which edges are sampled."""
FRAME_PX = 3
"""Width in pixels of the border of the view in which edges are ignored."""
NEIGHBOUR_PX = 8
"""Step in pixels of the parallels of a side by which chance support is measured: they lie about two
and three steps further in and further out."""
AREA_WEIGHT = 0.25
"""Weight of the square root of the area, as a share of the view, in the score."""
CHANGE_WEIGHT = 0.5
"""Penalty of the score for the share of the change that lies outside."""
HIDDEN_WEIGHT = 0.3
"""Penalty of the score for the share of the sides that is out of view."""
MIN_CHANGE = 0.004
"""Share of changed pixels from which the change counts in the score."""
MIN_SCORE = 0.55
"""Least score of an outline."""
MAX_OUTLINES = 6
"""Most outlines kept per stretch."""
SAME_SHARE = 0.025
"""Largest distance of corners, as a share of the view's diagonal, at which two outlines are one."""


@dataclass(frozen=True, eq=False)
class PageOutline:
    """A quadrilateral that may be the canvas, in the coordinates of its stretch."""

    corners: np.ndarray
    """float64 (4, 2), clockwise."""
    score: float


def find_page_outlines(pictures: list[np.ndarray]) -> list[PageOutline]:
    """The best outlines in pictures RGB uint8 (h, w, 3) of one stretch, best first."""
    shape = pictures[0].shape[:2]
    edges = _frequent_edges(pictures)
    lines = hough_lines(edges, MAX_LINES)
    quads, _ = candidate_quads(lines, shape, OUT_OF_VIEW)
    quads = quads[are_sensible(quads, shape, MIN_AREA, MAX_SIDE_RATIO)]
    if not len(quads):
        return []
    scores = _scores(quads, edges, pictures)
    kept: list[PageOutline] = []
    diagonal = float(np.hypot(*shape))
    for k in np.argsort(-scores, kind="stable"):
        if scores[k] < MIN_SCORE or len(kept) == MAX_OUTLINES:
            break
        corners = order_corners(turned_clockwise(quads[k], np.zeros(4, bool))[0])
        if all(np.abs(corners - one.corners).max() > SAME_SHARE * diagonal for one in kept):
            kept.append(PageOutline(corners, float(scores[k])))
    return kept


def outline_support(picture: np.ndarray, corners: np.ndarray) -> float:
    """Mean share of the sides of a quadrilateral (4, 2), as far as they are in view, that lies on
    edges of a picture; 0 if no side is in view."""
    edges = cv2.dilate(picture_edges(picture).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    support, in_view = _side_support(corners[None], edges)
    shown = in_view[0] >= MIN_IN_VIEW
    return float(support[0][shown].mean()) if shown.any() else 0.0


def least_in_view(corners: np.ndarray, shape: tuple[int, ...]) -> float:
    """The least share of a side of a quadrilateral (4, 2) that is in view in a picture
    (h, w, ...)."""
    return float(_side_support(corners[None], np.zeros(shape[:2], bool))[1].min())


def _frequent_edges(pictures: list[np.ndarray]) -> np.ndarray:
    """Edges that at least `LASTING_SHARE` of the pictures show: bool (h, w)."""
    shown = [cv2.dilate(picture_edges(p).astype(np.uint8), np.ones((3, 3))) for p in pictures]
    often = np.mean(shown, axis=0) >= min(1.0, max(LASTING_SHARE, 1.5 / len(shown)))
    thin = np.any([picture_edges(p) for p in pictures], axis=0) & often
    inner = np.zeros(thin.shape, bool)
    inner[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] = True
    return thin & inner


def _scores(quads: np.ndarray, edges: np.ndarray, pictures: list[np.ndarray]) -> np.ndarray:
    """Scores (n,) of quads (n, 4, 2): edges along the sides, large area, change inside.

    Only the 200 best by their sides get the terms of area and change.
    """
    support, in_view = _side_support(quads, edges)
    support = _beyond_chance(support, _chance_support(quads, edges))
    scores = 0.5 * support.mean(axis=1) + 0.5 * support.min(axis=1)
    scores -= HIDDEN_WEIGHT * (1 - in_view.mean(axis=1))
    scores[in_view.min(axis=1) < MIN_IN_VIEW] = -1
    change = np.zeros(edges.shape, bool)
    if len(pictures) > 2:
        change = lasting_change(pictures, even_light=False)
    scale = 8
    small = cv2.resize(change.astype(np.float32), None, fx=1 / scale, fy=1 / scale)
    total = float(small.sum())
    for k in np.argsort(-scores, kind="stable")[:200]:
        inside = np.zeros(small.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.round(quads[k] / scale).astype(np.int32), 1)
        scores[k] += AREA_WEIGHT * float(np.sqrt(inside.mean()))
        if change.mean() > MIN_CHANGE:
            scores[k] -= CHANGE_WEIGHT * (1 - float(small[inside > 0].sum()) / total)
    return scores


def _side_support(quads: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """For each side of quads (n, 4, 2): the share of its part in view that lies on an edge, and the
    share that is in view; float (n, 4) each."""
    near = cv2.dilate(edges.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    x, y = points_along(quads, np.linspace(0.03, 0.97, SAMPLES))
    height, width = edges.shape
    seen = (x >= FRAME_PX) & (y >= FRAME_PX) & (x < width - FRAME_PX) & (y < height - FRAME_PX)
    hit = near[y.clip(0, height - 1), x.clip(0, width - 1)] & seen
    return hit.sum(axis=2) / np.maximum(seen.sum(axis=2), 1), seen.mean(axis=2)


def _beyond_chance(support: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """Support corrected for chance, 0 to 1: among foliage there are edges everywhere."""
    return np.clip((support - chance) / np.maximum(1 - chance, 0.05), 0, 1)


def _chance_support(quads: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Support (n, 4) of parallels of the sides a little further in or out, whichever is less.

    The minimum is taken because either the canvas or the table may be full of edges.
    """
    middle = quads.mean(axis=1, keepdims=True)
    size = np.sqrt(np.prod(edges.shape))
    found = []
    for sign in (-1, 1):
        factors = [1 + sign * step * NEIGHBOUR_PX / size for step in (2, 3)]
        shares = [_side_support(middle + (quads - middle) * factor, edges)[0] for factor in factors]
        found.append(np.mean(shares, axis=0))
    return np.minimum(*found)
