"""Which outline is the canvas's, once all views lie over each other.

In each view a line of paint, or the edge of a table, may have been taken for a side. All outlines
that were found are laid into one view; the best is where many views have it, and where the paint
stays inside that was laid while the camera stood still.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.video.canvas.canvas import lasting_change
from ingest.video.imaging.geometry import scaling, transform, valid_area, warp
from ingest.video.placement.page.chain import Stretch

NEARLY, THICK_SHARE = 0.1, 0.08
"""How much less an outline may score that is taken as the inner one, and how near it must be, as a
share of the diagonal."""
AROUND, SCALE = 0.5, 0.25
"""How much of what lies around the view is looked at; and the scale at which it is."""
SAME_SHARE, CANDIDATES = 0.05, 2
"""How near each other (corners, as a share of the diagonal) two outlines are one; and how many of
each view are tried."""
VOTE_WEIGHT, CHANGE_WEIGHT, FILL_WEIGHT, LEAST_CHANGE = 0.5, 1.0, 0.3, 0.002
"""What it weighs that views agree, that change lies inside, and that it fills the outline; and the
least change, as a share of the view, that tells something."""


def agreed(
    stretches: list[Stretch], run_of: list[int], chain: dict[int, np.ndarray], home: int
) -> dict[int, np.ndarray]:
    """The chain with one outline in all views.

    Args:
        run_of: number of the run of frames, with one set of poses, of each stretch.
        chain: corners (4, 2) in the stretches that show the canvas.
        home: the stretch in whose view outlines are compared.
    """
    links = {k: _homography(corners, chain[home]) for k, corners in chain.items()}
    outlines = {
        k: [transform(links[k], s.corners) for s in stretches[k].sheets[:CANDIDATES]] for k in chain
    }
    change = _change(stretches, run_of, links, home)
    tried = [chain[home], *itertools.chain.from_iterable(outlines.values())]
    scores = [_score(quad, outlines, stretches, change) for quad in tried]
    best = _innermost(tried, scores)
    turns = [np.roll(best, turn, axis=0) for turn in range(4)]
    best = min(turns, key=lambda quad: float(np.abs(quad - chain[home]).sum()))
    return {k: transform(np.linalg.inv(link), best) for k, link in links.items()}


def _innermost(tried: list[np.ndarray], scores: list[float]) -> np.ndarray:
    """The best outline; of those around it that are nearly as good, the smallest: a canvas has
    thickness, and only its face is painted."""
    best = tried[int(np.argmax(scores))]
    diagonal = float(np.linalg.norm(best[2] - best[0]))
    near = [
        quad
        for quad, score in zip(tried, scores, strict=True)
        if score >= max(scores) - NEARLY and _apart(quad, best) < THICK_SHARE * diagonal
    ]
    return min(near, key=lambda quad: float(cv2.contourArea(quad.astype(np.float32))))


def _homography(source: np.ndarray, goal: np.ndarray) -> np.ndarray:
    return cv2.getPerspectiveTransform(source.astype(np.float32), goal.astype(np.float32))


def _score(
    quad: np.ndarray,
    outlines: dict[int, list[np.ndarray]],
    stretches: list[Stretch],
    change: tuple[np.ndarray, np.ndarray],
) -> float:
    diagonal = float(np.linalg.norm(quad[2] - quad[0]))
    votes = total = 0.0
    for k, seen in outlines.items():
        total += len(stretches[k].frames)
        if any(_apart(quad, other) < SAME_SHARE * diagonal for other in seen):
            votes += len(stretches[k].frames)
    changed, matrix = change
    if changed.mean() < LEAST_CHANGE:
        return VOTE_WEIGHT * votes / total
    inside = np.zeros(changed.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.round(transform(matrix, quad)).astype(np.int32), 1)
    hit = float(changed[inside > 0].sum())
    share = hit / float(changed.sum())
    fill = hit / max(float(inside.sum()), 1.0)
    return VOTE_WEIGHT * votes / total + CHANGE_WEIGHT * share + FILL_WEIGHT * fill


def _apart(a: np.ndarray, b: np.ndarray) -> float:
    return min(float(np.abs(a - np.roll(b, turn, axis=0)).max()) for turn in range(4))


def _change(
    stretches: list[Stretch], run_of: list[int], links: dict[int, np.ndarray], home: int
) -> tuple[np.ndarray, np.ndarray]:
    """Where pictures of one run differ for good, in the home view with some space around it: bool
    (h, w), and the homography (3, 3) from the home view's pixels to it."""
    height, width = stretches[home].picture.shape[:2]
    shift = np.array([[1, 0, AROUND * width], [0, 1, AROUND * height], [0, 0, 1.0]])
    matrix = scaling(SCALE) @ shift
    size = (round((1 + 2 * AROUND) * width * SCALE), round((1 + 2 * AROUND) * height * SCALE))
    changed = np.zeros(size[::-1], bool)
    for run in sorted({run_of[k] for k in links}):
        members = [k for k in links if run_of[k] == run]
        if len(members) < 2:
            continue
        ways = [matrix @ links[k] for k in (members[0], members[-1])]
        pictures = [stretches[k].picture for k in (members[0], members[-1])]
        both = [valid_area(p.shape, w, size) for p, w in zip(pictures, ways, strict=True)]
        looks = [warp(p, w, size) for p, w in zip(pictures, ways, strict=True)]
        changed |= lasting_change(looks, even_light=False) & both[0] & both[1]
    return changed, matrix
