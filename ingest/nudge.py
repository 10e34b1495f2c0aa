"""Notices that the canvas was moved on the table, and follows it.

Frames are settled on the table, which is most of what stays. When somebody shifts or turns the
canvas, what is painted on it moves and the table does not.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.canvas import CanvasConfig, find_canvas, lasting_change, side_support
from ingest.geometry import transform
from ingest.registration import Features, features, grey, recover

APART = 2
"""Composites that are compared lie so far apart: the one between may be from before and after."""
LEAST_MOVE, MOST_MOVE, LEAST_INLIERS = 0.012, 0.25, 30
"""Shares of the canvas's diagonal: moves that are none, and moves that are another thing; and how
many points on the canvas must agree."""
LEAST_GAIN, REACH = 0.12, 0.97
"""By how much, on average, the sides must fit better in each part than those of the other part; and
how much of the painted area its points are taken from."""


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
    if len(composites) < APART + 2:
        return None
    change = lasting_change(composites)
    painted = _painted_corners(change)
    seen = [features(grey(composite)) for composite in composites]
    best: tuple[int, int, np.ndarray] | None = None
    for k in range(len(composites) - APART):
        found = _moved(painted, seen[k], seen[k + APART], composites[k].shape)
        if found is not None and (best is None or found[0] > best[0]):
            best = found[0], k, found[1]
    if best is None:
        return None
    _, k, back = best
    before = find_canvas(composites[max(k - 1, 0) : k + 1], config, change)
    if before.kind != "quad":
        return None
    return _split(
        greys, poses, before.corners, transform(np.linalg.inv(back), before.corners), back
    )


def _painted_corners(change: np.ndarray) -> np.ndarray:
    """The outline (4, 2) of the largest area in which something was painted, bool (h, w)."""
    _, labels, stats, _ = cv2.connectedComponentsWithStats(change.astype(np.uint8))
    largest = int(np.argmax(stats[1:, cv2.CC_STAT_AREA])) + 1 if len(stats) > 1 else 0
    points = np.argwhere(labels == largest)[:, ::-1].astype(np.float32)
    return cv2.boxPoints(cv2.minAreaRect(points)).astype(np.float64)


def _moved(
    painted: np.ndarray, known: Features, seen: Features, shape: tuple[int, ...]
) -> tuple[int, np.ndarray] | None:
    """Points on the canvas that agree on a move, and the homography that undoes it; None where the
    canvas lies still."""
    # On the canvas only: the table would say that nothing moved.
    found = recover(_within(known, painted), seen, shape)
    if found is None or found.num_inliers < LEAST_INLIERS:
        return None
    off = transform(found.matrix, painted) - painted
    diagonal = np.linalg.norm(painted[2] - painted[0])
    move = np.linalg.norm(off, axis=1).max() / diagonal
    return (found.num_inliers, found.matrix) if LEAST_MOVE < move < MOST_MOVE else None


def _within(found: Features, corners: np.ndarray) -> Features:
    middle = corners.mean(axis=0)
    area = (middle + REACH * (corners - middle)).astype(np.float32)
    inside = np.array(
        [cv2.pointPolygonTest(area, p, False) >= 0 for p in found.points.tolist()], bool
    )
    return Features(found.points[inside], found.descriptors[inside])


def _split(
    greys: list[np.ndarray],
    poses: list[np.ndarray],
    first: np.ndarray,
    second: np.ndarray,
    back: np.ndarray,
) -> tuple[int, np.ndarray] | None:
    """The frame from which on the canvas's sides lie in the second place, if there is one."""
    gains = [
        _support(grey, pose, first) - _support(grey, pose, second)
        for grey, pose in zip(greys, poses, strict=True)
    ]
    total = np.concatenate([[0.0], np.cumsum(gains)])
    # Frames up to the best split fit the first place better, those after it the second.
    split = int(np.argmax(2 * total - total[-1]))
    early, late = gains[:split], gains[split:]
    if not early or not late or min(np.mean(early), -np.mean(late)) < LEAST_GAIN:
        return None
    return split, back


def _support(grey: np.ndarray, pose: np.ndarray, corners: np.ndarray) -> float:
    """How much of the canvas's sides (take coordinates) lies on edges of one frame, 0 to 1."""
    edges = cv2.Canny(grey, 60, 160) > 0
    quad = transform(np.linalg.inv(pose), corners)
    return float(side_support(quad[None], edges).mean())
