"""Aligns one view of the canvas with another, sub-pixel, by what is painted on it."""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import to_rectangle, transform, warp
from ingest.video.registration.homography import (
    corners_to_track,
    normalised_grey,
    register_by_features,
    register_by_tracking,
    sift_features,
)

SIDE_PX = 320
"""Short side of the rectified canvas in which views are aligned."""
MAX_MOVE_TRACKED = 0.04
"""Largest displacement of a corner by tracking, as a share of the short side."""
MAX_MOVE_MATCHED = 0.5
"""Largest displacement of a corner by feature matching, as a share of the short side."""


def align_by_paint(
    known: tuple[np.ndarray, np.ndarray], seen: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """Returns the corners (4, 2) in the second picture, aligned by the paint, or unchanged.

    Args:
        known, seen: pictures RGB uint8 (h, w, 3), each with approximate corners (4, 2) of the
            canvas.
    """
    size = Canvas(known[1], "quad", 1.0).size_px(SIDE_PX)
    flat_known, flat_seen = (
        normalised_grey(warp(picture, to_rectangle(quad, size), size))
        for picture, quad in (known, seen)
    )
    found = register_by_tracking(flat_known, corners_to_track(flat_known), flat_seen)
    max_move = MAX_MOVE_TRACKED
    if found is None or not found.is_reliable:
        # If a wrong side was detected, the paint is displaced by much.
        found, max_move = (
            register_by_features(
                sift_features(flat_known), sift_features(flat_seen), flat_seen.shape
            ),
            MAX_MOVE_MATCHED,
        )
    if found is None or not found.is_reliable:
        return seen[1]
    matrix = to_rectangle(seen[1], size)
    flat = transform(matrix, seen[1])
    moved = transform(np.linalg.inv(found.matrix), flat)
    if np.abs(moved - flat).max() > max_move * SIDE_PX:
        return seen[1]
    return transform(np.linalg.inv(matrix), moved)
