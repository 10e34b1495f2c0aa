"""Checks the poses along the video, and undoes the jumps that slipped in while it was followed.

When a dissolve, a hand over everything or a moved canvas confuses the tracking, it may go on in
coordinates that are consistent, but not with what came before. Every few frames are compared
directly, without any guess; where that contradicts the poses, all earlier frames are moved along.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.align import Pose
from ingest.geometry import transform, valid_area, warp
from ingest.registration import features, grey, recover
from ingest.watch import Look

LINKS, JUMP_SHARE, LEAST_INLIERS = 48, 0.025, 70
"""Comparisons over the video; contradiction, as a share of the frame, from which it is a jump; and
points that must agree for a comparison to count."""
LOOK_BACK = (1, 3, 5, 8, 11)
"""How many comparisons back a frame is compared, one after the other, until one succeeds."""
MORE_ALIKE, LEAST_SHARED = 0.1, 0.2
"""How much more alike two frames must be by the direct comparison than by the poses, and the share
of the view that they must have in common."""


def undo_jumps(look: Look, used: list[int]) -> int:
    """Move the frames before every jump into the coordinates after it; returns how many there were.

    Args:
        used: positions of the frames that share coordinates, rising; their poses are changed.
    """
    stops = used[:: max(1, len(used) // LINKS)]
    seen = [features(grey(look.looked[i].small)) for i in stops]
    number = 0
    for k in range(1, len(stops)):
        # A nearer view says little of where the others are; what came before it says more.
        for base in (max(k - back, 0) for back in LOOK_BACK):
            found = recover(seen[k], seen[base], look.looked[stops[k]].small.shape)
            if found is not None and found.num_inliers >= LEAST_INLIERS and found.is_firm:
                break
        else:
            continue
        fixed = _contradiction(look, stops[base], stops[k], found.matrix)
        if fixed is None:
            continue
        number += 1
        for i in used[: used.index(stops[base]) + 1]:
            pose = look.looked[i].pose
            moved = fixed @ pose.matrix
            look.looked[i] = replace(look.looked[i], pose=Pose(pose.take, moved / moved[2, 2]))
    return number


def _contradiction(look: Look, first: int, second: int, direct: np.ndarray) -> np.ndarray | None:
    """What moves the coordinates of `first` to those of `second`, if the poses plainly contradict
    the homography (3, 3) between the two frames that was found directly."""
    expected = look.take_from_small(first)
    right = look.take_from_small(second) @ direct
    height, width = look.looked[first].small.shape[:2]
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    off = np.linalg.norm(transform(expected, outline) - transform(right, outline), axis=1).max()
    if off < JUMP_SHARE * np.hypot(*look.looked[first].grey.shape):
        return None
    by_poses = np.linalg.inv(look.take_from_small(second)) @ expected
    likeness = [_likeness(look, first, second, matrix) for matrix in (direct, by_poses)]
    return right @ np.linalg.inv(expected) if likeness[0] > likeness[1] + MORE_ALIKE else None


def _likeness(look: Look, first: int, second: int, matrix: np.ndarray) -> float:
    """Correlation of two frames, 0 to 1, when the first is moved by a homography (3, 3)."""
    one, other = (grey(look.looked[i].small) for i in (first, second))
    size = (other.shape[1], other.shape[0])
    shared = valid_area(one.shape, matrix, size)
    if shared.mean() < LEAST_SHARED:
        return 0.0
    a, b = (part[shared].astype(np.float32) for part in (warp(one, matrix, size), other))
    spread = float(a.std() * b.std())
    return float(((a - a.mean()) * (b - b.mean())).mean()) / max(spread, 1e-6)
