"""Draws the found canvas on a small copy of one frame, for the report."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.format.images import encode_image, resize_short_side

SIDE_PX = 300
"""Short side of the preview."""
JPEG_QUALITY = 80
"""JPEG quality of the preview, 1 to 100."""
OUTLINE_RGB = (255, 236, 120)
"""Colour of the canvas outline."""
CASING_RGB = (30, 20, 10)
"""Colour of the darker, wider line under it, which shows on any canvas."""
OUTSIDE_BRIGHTNESS = 0.5
"""Factor on what lies outside the canvas."""


def preview(frame: np.ndarray, corners: np.ndarray | None) -> bytes:
    """Returns the preview as JPEG.

    Args:
        frame: RGB uint8 (H, W, 3).
        corners: (4, 2), the canvas outline in pixels of the frame; None draws no outline.
    """
    small = resize_short_side(frame, SIDE_PX)
    if corners is not None:
        factor = np.array(small.shape[1::-1]) / np.array(frame.shape[1::-1])
        points = [np.round(corners * factor * 16).astype(np.int32)]
        inside = np.zeros(small.shape[:2], np.uint8)
        cv2.fillPoly(inside, points, 1, cv2.LINE_8, shift=4)
        dark = (small * OUTSIDE_BRIGHTNESS).astype(np.uint8)
        small = np.where(inside[..., None] > 0, small, dark)
        for colour, thickness in ((CASING_RGB, 5), (OUTLINE_RGB, 2)):
            cv2.polylines(small, points, True, colour, thickness, cv2.LINE_AA, shift=4)
    return encode_image(small, "jpg", JPEG_QUALITY)
