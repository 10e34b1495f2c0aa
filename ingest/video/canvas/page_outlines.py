"""Finds sheets (canvas, page, board) in a stretch of frames: quadrilaterals whose sides stay.

Where footage is re-framed all the time, no outline lasts through the video, and corners lie out of
view. Within a stretch of frames that share their coordinates the sides do last: each is judged by
what of it is in view, and an edge counts that many pictures of the stretch show (a hand hides a
part of a side in some, and its own edges move on).
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
"""Share of the pictures that must show an edge for it to be a part of a side."""
MAX_LINES, OUT_OF_VIEW = 32, 0.35
"""Lines that sides are made of; and how far corners may lie out of view, as a share of the view."""
MIN_AREA, MIN_IN_VIEW, LONGEST = 0.1, 0.25, 4.0
"""Least area, as a share of the view; least share of a side that is in view; and how much longer
than the shortest the longest side may be."""
SAMPLES, FRAME_PX = 64, 3
BESIDE_PX = 8
"""About how far in and out of a side is looked for what lies beside it, twice and three times."""
AREA_WEIGHT, CHANGE_WEIGHT, HIDDEN_WEIGHT, LEAST_CHANGE = 0.25, 0.5, 0.3, 0.004
MIN_SCORE, MAX_SHEETS, SAME_SHARE = 0.55, 6, 0.025
"""Least score of a sheet; how many are kept; and how near each other (corners, as a share of the
view's diagonal) two are one."""


@dataclass(frozen=True, eq=False)
class Sheet:
    """A quadrilateral that may be the canvas, in the pixels of its stretch."""

    corners: np.ndarray
    """float64 (4, 2), clockwise."""
    score: float


def find_sheets(pictures: list[np.ndarray]) -> list[Sheet]:
    """The best sheets in pictures RGB uint8 (h, w, 3) of one stretch, best first."""
    shape = pictures[0].shape[:2]
    edges = _lasting(pictures)
    lines = hough_lines(edges, MAX_LINES)
    quads, _ = candidate_quads(lines, shape, OUT_OF_VIEW)
    quads = quads[are_sensible(quads, shape, MIN_AREA, LONGEST)]
    if not len(quads):
        return []
    scores = _scores(quads, edges, pictures)
    kept: list[Sheet] = []
    diagonal = float(np.hypot(*shape))
    for k in np.argsort(-scores, kind="stable"):
        if scores[k] < MIN_SCORE or len(kept) == MAX_SHEETS:
            break
        corners = order_corners(turned_clockwise(quads[k], np.zeros(4, bool))[0])
        if all(np.abs(corners - s.corners).max() > SAME_SHARE * diagonal for s in kept):
            kept.append(Sheet(corners, float(scores[k])))
    return kept


def outline_support(picture: np.ndarray, corners: np.ndarray) -> float:
    """How much of the sides (4, 2), as far as they are in view, lies on edges of a picture."""
    edges = cv2.dilate(picture_edges(picture).astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    support, in_view = _side_support(corners[None], edges)
    shown = in_view[0] >= MIN_IN_VIEW
    return float(support[0][shown].mean()) if shown.any() else 0.0


def least_in_view(corners: np.ndarray, shape: tuple[int, ...]) -> float:
    """Share that is in view, in a picture (h, w, ...), of the side (4, 2) of which least is."""
    return float(_side_support(corners[None], np.zeros(shape[:2], bool))[1].min())


def _lasting(pictures: list[np.ndarray]) -> np.ndarray:
    """bool (h, w): edges in many of the pictures."""
    shown = [cv2.dilate(picture_edges(p).astype(np.uint8), np.ones((3, 3))) for p in pictures]
    often = np.mean(shown, axis=0) >= min(1.0, max(LASTING_SHARE, 1.5 / len(shown)))
    thin = np.any([picture_edges(p) for p in pictures], axis=0) & often
    inner = np.zeros(thin.shape, bool)
    inner[FRAME_PX:-FRAME_PX, FRAME_PX:-FRAME_PX] = True
    return thin & inner


def _scores(quads: np.ndarray, edges: np.ndarray, pictures: list[np.ndarray]) -> np.ndarray:
    support, in_view = _side_support(quads, edges)
    support = _beyond_chance(support, _beside(quads, edges))
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
        if change.mean() > LEAST_CHANGE:
            scores[k] -= CHANGE_WEIGHT * (1 - float(small[inside > 0].sum()) / total)
    return scores


def _side_support(quads: np.ndarray, edges: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Share of each side in view that lies on an edge, and share that is in view; (n, 4) each."""
    near = cv2.dilate(edges.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    x, y = points_along(quads, np.linspace(0.03, 0.97, SAMPLES))
    height, width = edges.shape
    seen = (x >= FRAME_PX) & (y >= FRAME_PX) & (x < width - FRAME_PX) & (y < height - FRAME_PX)
    hit = near[y.clip(0, height - 1), x.clip(0, width - 1)] & seen
    return hit.sum(axis=2) / np.maximum(seen.sum(axis=2), 1), seen.mean(axis=2)


def _beyond_chance(support: np.ndarray, chance: np.ndarray) -> np.ndarray:
    """What of the support is due to the side itself: amid leaves there are edges everywhere."""
    return np.clip((support - chance) / np.maximum(1 - chance, 0.05), 0, 1)


def _beside(quads: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share (n, 4) of a side that would lie on an edge if it were a little farther in or out,
    whichever is less: a canvas ends where it meets a plainer table, or is plainer itself."""
    middle = quads.mean(axis=1, keepdims=True)
    size = np.sqrt(np.prod(edges.shape))
    found = []
    for way in (-1, 1):
        shares = [
            _side_support(middle + (quads - middle) * (1 + way * step * BESIDE_PX / size), edges)[0]
            for step in (2, 3)
        ]
        found.append(np.mean(shares, axis=0))
    return np.minimum(*found)
