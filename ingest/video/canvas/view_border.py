"""Detects quadrilaterals that are the border of some frames in a composite, not the canvas.

A frame of a nearer view covers only a part of a composite; its border is a lasting quadrilateral.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.geometry import transform

NEAR_SHARE = 0.015
"""Largest distance of a side on the border of a frame from it, as a share of the diagonal."""
MAX_SIDES = 2
"""Most sides of a real canvas that lie on the border of one frame: a view may cut it off there."""
MIN_FRAMES = 0.15
"""Share of the frames with more such sides from which the quadrilateral is a border."""


def is_view_border(corners: np.ndarray, poses: list[np.ndarray], size: tuple[int, int]) -> bool:
    """Whether a quadrilateral (4, 2) is the border of some of the frames, and not the canvas.

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
        ending += on_border.sum() > MAX_SIDES
    return bool(ending >= MIN_FRAMES * len(poses))
