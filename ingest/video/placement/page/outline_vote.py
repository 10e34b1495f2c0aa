"""Chooses one outline for all clips by a vote, once the clips are aligned with each other.

In each clip a line of paint, or the edge of a table, may have been detected as a side. All
outlines are warped into one clip. The best outline is found in many clips, and contains the paint
that was added while the camera was static.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.video.canvas.canvas import lasting_change
from ingest.video.imaging.geometry import scaling, transform, valid_area, warp
from ingest.video.placement.page.clips import Clip

SCORE_TOLERANCE = 0.1
"""How much lower than the best outline a smaller one within it may score and still be chosen."""
THICKNESS_SHARE = 0.08
"""Largest distance of its corners from the best outline, as a share of the diagonal."""
MARGIN_SHARE = 0.5
"""Margin around the view in which change is measured, as a share of its size on each side."""
SCALE = 0.25
"""Scale at which change is measured."""
SAME_SHARE = 0.05
"""Largest distance of corners, as a share of the diagonal, at which two outlines are the same."""
MAX_CANDIDATES = 2
"""Number of outlines of each clip that are tried."""
VOTE_WEIGHT = 0.5
"""Weight of the share of frames whose clips have the outline."""
CHANGE_WEIGHT = 1.0
"""Weight of the share of the change that lies inside of the outline."""
FILL_WEIGHT = 0.3
"""Weight of the share of the outline that changed."""
MIN_CHANGE = 0.002
"""Share of the view that must have changed for change to count."""


def vote_for_outline(
    clips: list[Clip], segment_of: list[int], chain: dict[int, np.ndarray], home: int
) -> dict[int, np.ndarray]:
    """Returns the chain with the same outline in all clips.

    Args:
        segment_of: number of the segment with consistent poses that each clip belongs to.
        chain: corners (4, 2) of the canvas by index of the clip.
        home: index of the clip in whose view outlines are compared.
    """
    homographies = {k: _homography(corners, chain[home]) for k, corners in chain.items()}
    outlines = {
        k: [transform(homographies[k], s.corners) for s in clips[k].outlines[:MAX_CANDIDATES]]
        for k in chain
    }
    change = _change(clips, segment_of, homographies, home)
    candidates = [chain[home], *itertools.chain.from_iterable(outlines.values())]
    scores = [_score(quad, outlines, clips, change) for quad in candidates]
    best = _innermost(candidates, scores)
    turns = [np.roll(best, turn, axis=0) for turn in range(4)]
    best = min(turns, key=lambda quad: float(np.abs(quad - chain[home]).sum()))
    return {k: transform(np.linalg.inv(homography), best) for k, homography in homographies.items()}


def _innermost(candidates: list[np.ndarray], scores: list[float]) -> np.ndarray:
    """Returns the smallest outline that scores about as well as the best one and is near it.

    A canvas has thickness, and only its face is painted.
    """
    best = candidates[int(np.argmax(scores))]
    diagonal = float(np.linalg.norm(best[2] - best[0]))
    near = [
        quad
        for quad, score in zip(candidates, scores, strict=True)
        if score >= max(scores) - SCORE_TOLERANCE
        and _distance(quad, best) < THICKNESS_SHARE * diagonal
    ]
    return min(near, key=lambda quad: float(cv2.contourArea(quad.astype(np.float32))))


def _homography(source: np.ndarray, goal: np.ndarray) -> np.ndarray:
    """Returns the homography (3, 3) from corners `source` to corners `goal` (4, 2)."""
    return cv2.getPerspectiveTransform(source.astype(np.float32), goal.astype(np.float32))


def _score(
    quad: np.ndarray,
    outlines: dict[int, list[np.ndarray]],
    clips: list[Clip],
    change: tuple[np.ndarray, np.ndarray],
) -> float:
    """Returns the score of an outline (4, 2) in the home view.

    Args:
        outlines: outlines of each clip, warped into the home view.
        change: changed pixels bool (h, w), and the homography (3, 3) from the home view to them.
    """
    diagonal = float(np.linalg.norm(quad[2] - quad[0]))
    votes = total = 0.0
    for k, found in outlines.items():
        total += len(clips[k].frames)
        if any(_distance(quad, other) < SAME_SHARE * diagonal for other in found):
            votes += len(clips[k].frames)
    changed, matrix = change
    if changed.mean() < MIN_CHANGE:
        return VOTE_WEIGHT * votes / total
    inside = np.zeros(changed.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(transform(matrix, quad)).astype(np.int32), 1)
    changed_inside = float(changed[inside > 0].sum())
    share = changed_inside / float(changed.sum())
    fill = changed_inside / max(float(inside.sum()), 1.0)
    return VOTE_WEIGHT * votes / total + CHANGE_WEIGHT * share + FILL_WEIGHT * fill


def _distance(a: np.ndarray, b: np.ndarray) -> float:
    """Returns the largest coordinate difference of corners (4, 2), in the best rotation."""
    return min(float(np.abs(a - np.roll(b, turn, axis=0)).max()) for turn in range(4))


def _change(
    clips: list[Clip], segment_of: list[int], homographies: dict[int, np.ndarray], home: int
) -> tuple[np.ndarray, np.ndarray]:
    """Finds where pictures of a segment differ permanently, in the home view with a margin.

    Returns:
        bool (h, w), and the homography (3, 3) from the home view to it.
    """
    height, width = clips[home].picture.shape[:2]
    shift = np.array([[1, 0, MARGIN_SHARE * width], [0, 1, MARGIN_SHARE * height], [0, 0, 1.0]])
    matrix = scaling(SCALE) @ shift
    size = (
        round((1 + 2 * MARGIN_SHARE) * width * SCALE),
        round((1 + 2 * MARGIN_SHARE) * height * SCALE),
    )
    changed = np.zeros(size[::-1], bool)
    for segment in sorted({segment_of[k] for k in homographies}):
        members = [k for k in homographies if segment_of[k] == segment]
        if len(members) < 2:
            continue
        matrices = [matrix @ homographies[k] for k in (members[0], members[-1])]
        pictures = [clips[k].picture for k in (members[0], members[-1])]
        in_view = [valid_area(p.shape, w, size) for p, w in zip(pictures, matrices, strict=True)]
        warped = [warp(p, w, size) for p, w in zip(pictures, matrices, strict=True)]
        changed |= lasting_change(warped, even_light=False) & in_view[0] & in_view[1]
    return changed, matrix
