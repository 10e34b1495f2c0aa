"""A small picture of one frame with the found canvas drawn on it, for the report."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.images import encode_image

SIDE_PX, QUALITY = 240, 75
OUTLINE = (255, 60, 40)


def preview(frame: np.ndarray, corners: np.ndarray | None) -> bytes:
    """JPEG bytes of a frame, RGB uint8 (H, W, 3), with the canvas outline (4, 2) on it."""
    factor = SIDE_PX / min(frame.shape[:2])
    small = cv2.resize(frame, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)
    if corners is not None:
        points = np.round(corners * factor * 16).astype(np.int32)
        cv2.polylines(small, [points], True, OUTLINE, 2, cv2.LINE_AA, shift=4)
    return encode_image(small, "jpg", QUALITY)
