"""Tells the border of a nearer view, laid into the picture of a wider one, from an outline."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.geometry import transform

NEAR_SHARE, MOST_SIDES, LEAST_FRAMES = 0.015, 2, 0.15
"""How near a side must be to the border of a view, as a share of its diagonal, to be on it; how
many sides of a canvas may be: it may be seen no farther than the view goes; and the share of the
frames that must end there."""


def is_view_border(corners: np.ndarray, poses: list[np.ndarray], size: tuple[int, int]) -> bool:
    """Whether a quadrilateral (4, 2) is where some of the frames end, and not the canvas.

    Args:
        poses: homographies (3, 3) from frames of `size` (w, h) to the coordinates of the corners.
    """
    width, height = size
    frame = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    near = NEAR_SHARE * float(np.hypot(width, height))
    points = np.concatenate(
        [corners + part * (np.roll(corners, -1, axis=0) - corners) for part in (0.25, 0.5, 0.75)]
    )
    ending = 0
    for pose in poses:
        border = transform(pose, frame).astype(np.float32)
        far = [abs(cv2.pointPolygonTest(border, p, True)) for p in points.tolist()]
        on_border = (np.array(far).reshape(3, 4) < near).all(axis=0)
        ending += on_border.sum() > MOST_SIDES
    return bool(ending >= LEAST_FRAMES * len(poses))
