"""A small picture of one frame with the found canvas drawn on it, for the report."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.format.images import encode_image, resize_short_side

SIDE_PX, QUALITY = 300, 80
OUTLINE, CASING = (255, 236, 120), (30, 20, 10)
"""RGB of the outline and of the darker line under it, which shows on any canvas."""
OUTSIDE = 0.5
"""Brightness that is left of what lies outside the canvas."""


def preview(frame: np.ndarray, corners: np.ndarray | None) -> bytes:
    """JPEG bytes of a frame, RGB uint8 (H, W, 3), with the canvas outline (4, 2) on it."""
    small = resize_short_side(frame, SIDE_PX)
    if corners is not None:
        factor = np.array(small.shape[1::-1]) / np.array(frame.shape[1::-1])
        points = [np.round(corners * factor * 16).astype(np.int32)]
        inside = np.zeros(small.shape[:2], np.uint8)
        cv2.fillPoly(inside, points, 1, cv2.LINE_8, shift=4)
        small = np.where(inside[..., None] > 0, small, (small * OUTSIDE).astype(np.uint8))
        for colour, thickness in ((CASING, 5), (OUTLINE, 2)):
            cv2.polylines(small, points, True, colour, thickness, cv2.LINE_AA, shift=4)
    return encode_image(small, "jpg", QUALITY)
