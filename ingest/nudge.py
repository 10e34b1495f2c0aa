"""Notices that the canvas was moved on the table, and follows it.

Frames are settled on the table, which is most of what stays. When somebody turns or shifts the
canvas, its sides at the start and at the end of the video lie in different places.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.canvas import Canvas, CanvasConfig, find_canvas, lasting_change, side_support
from ingest.geometry import to_rectangle, transform

PART = 2
"""Composites that show where the canvas is at the start, and at the end."""
SIDE_PX, LEAST_MOVE, MOST_MOVE, MOST_REST, MOST_GROWTH = 512, 0.01, 0.25, 0.02, 0.035
"""Size at which outlines are compared; then, as shares of the short side: moves that are none, moves
that are another thing, and what shift and turn may leave unexplained; and how much it may grow."""
LEAST_GAIN = 0.15
"""By how much, on average, the sides must fit better in each part than those of the other part."""


def find_nudge(
    composites: list[np.ndarray],
    greys: list[np.ndarray],
    poses: list[np.ndarray],
    config: CanvasConfig,
) -> tuple[int, np.ndarray] | None:
    """The first frame after the canvas was moved, and the homography (3, 3) that moves it back.

    Args:
        composites: RGB uint8 (h, w, 3) of the take in order of time.
        greys: all frames, evened grey uint8; poses: their homographies to take coordinates.
    """
    if len(composites) < 2 * PART:
        return None
    change = lasting_change(composites)
    found = [
        find_canvas(composites[k : k + PART], config, change)
        for k in range(len(composites) - PART + 1)
    ]
    # The ends are most likely to lie on either side; hands spoil some of the outlines.
    before, back = found[0], None
    for after in reversed(found[len(found) // 3 :]):
        back = _rigid(after, before) if back is None else back
    if back is None:
        return None
    second = transform(np.linalg.inv(back), before.corners)
    gains = [
        _support(grey, pose, before.corners) - _support(grey, pose, second)
        for grey, pose in zip(greys, poses, strict=True)
    ]
    total = np.concatenate([[0.0], np.cumsum(gains)])
    # Frames up to the best split fit the first place better, those after it the second.
    split = int(np.argmax(2 * total - total[-1]))
    early, late = gains[:split], gains[split:]
    if not early or not late or min(np.mean(early), -np.mean(late)) < LEAST_GAIN:
        return None
    return split, back


def _rigid(after: Canvas, before: Canvas) -> np.ndarray | None:
    """What brings the canvas back (3, 3), a shift and turn on the table; None if it was not moved.

    Three corners have to agree: the fourth may be hidden by a hand all the while.
    """
    if before.kind != "quad" or after.kind != "quad":
        return None
    size = before.size_px(SIDE_PX)
    # Seen from an angle, a turn on the table is no turn in the picture; from above it is.
    above = to_rectangle(before.corners, size)
    here, there = (transform(above, canvas.corners) for canvas in (before, after))
    best, least = None, np.inf
    for three in itertools.combinations(range(4), 3):
        source, goal = there[list(three)], here[list(three)]
        found, _ = cv2.estimateAffinePartial2D(source, goal, method=cv2.LMEDS)
        if found is None:
            continue
        rest = np.linalg.norm(source @ found[:, :2].T + found[:, 2] - goal, axis=1).max()
        if rest < least:
            best, least = found, rest
    if best is None or least > MOST_REST * SIDE_PX:
        return None
    growth = float(np.hypot(best[0, 0], best[1, 0]))
    moving = np.vstack([best, [0, 0, 1]])
    move = np.linalg.norm(transform(moving, here) - here, axis=1).max() / SIDE_PX
    is_moved = LEAST_MOVE < move < MOST_MOVE and abs(growth - 1) < MOST_GROWTH
    return np.linalg.inv(above) @ moving @ above if is_moved else None


def _support(grey: np.ndarray, pose: np.ndarray, corners: np.ndarray) -> float:
    """How much of the canvas's sides (take coordinates) lies on edges of one frame, 0 to 1."""
    edges = cv2.Canny(grey, 60, 160) > 0
    quad = transform(np.linalg.inv(pose), corners)
    return float(side_support(quad[None], edges).mean())
