"""Lays one view of a canvas exactly over another by what is painted."""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import to_rectangle, transform, warp
from ingest.video.registration.homography import corners_to_track, features, follow, grey, recover

FINE_SIDE_PX, MOST_FINE, MOST_FAR = 320, 0.04, 0.5
"""Short side of the canvas at which views are laid over each other exactly; and by how much of it a
corner may move for that, where paint is followed and where it is found anew."""


def laid_over(
    known: tuple[np.ndarray, np.ndarray], seen: tuple[np.ndarray, np.ndarray]
) -> np.ndarray:
    """The corners in the second picture, made exact by what is painted; as they were if nothing is.

    Args:
        known, seen: pictures RGB uint8 (h, w, 3) with the canvas's corners (4, 2) in them.
    """
    size = Canvas(known[1], "sheet", 1.0).size_px(FINE_SIDE_PX)
    flat_known, flat_seen = (
        grey(warp(picture, to_rectangle(quad, size), size)) for picture, quad in (known, seen)
    )
    found = follow(flat_known, corners_to_track(flat_known), flat_seen)
    most = MOST_FINE
    if found is None or not found.is_firm:
        # A side that was taken for another puts all of the picture elsewhere.
        found, most = recover(features(flat_known), features(flat_seen), flat_seen.shape), MOST_FAR
    if found is None or not found.is_firm:
        return seen[1]
    matrix = to_rectangle(seen[1], size)
    flat = transform(matrix, seen[1])
    moved = transform(np.linalg.inv(found.matrix), flat)
    if np.abs(moved - flat).max() > most * FINE_SIDE_PX:
        return seen[1]
    return transform(np.linalg.inv(matrix), moved)
