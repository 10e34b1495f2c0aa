"""Pictures at the size at which Timecraft sees them, and where crops of 50 x 50 px lie in them."""

from __future__ import annotations

import cv2
import numpy as np

from training.rivals.timecraft.network import SIDE_PX

SEEN_HEIGHT_PX, SEEN_WIDTH_PX = 126, 168
"""Both sides of a picture are scaled by one factor until they are at least this."""


def seen_size(height: int, width: int) -> tuple[int, int]:
    """Height and width of a picture as Timecraft sees it."""
    scale = max(SEEN_HEIGHT_PX / height, SEEN_WIDTH_PX / width)
    return round(height * scale), round(width * scale)


def seen_picture(picture: np.ndarray) -> np.ndarray:
    """A picture, uint8 (H, W, 3), at that size, bilinear without smoothing as the authors' demo
    does it."""
    height, width = picture.shape[:2]
    scale = max(SEEN_HEIGHT_PX / height, SEEN_WIDTH_PX / width)
    # By the factor, not the rounded size: its sampling points differ a little.
    return cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_LINEAR)


def crop_starts(size_px: int) -> list[int]:
    """Where crops begin along a side: as few as cover it, evenly spaced."""
    count = -(-size_px // SIDE_PX)
    return [int(start) for start in np.linspace(0, size_px - SIDE_PX, count)]


def centre_crop(picture: np.ndarray) -> np.ndarray:
    """The crop in the middle, (50, 50, 3), of a picture at its seen size."""
    top, left = (int(size / 2 - SIDE_PX / 2) for size in picture.shape[:2])
    return picture[top : top + SIDE_PX, left : left + SIDE_PX]


def in_range(picture: np.ndarray) -> np.ndarray:
    """uint8 to float32 in [-1, 1]."""
    return picture.astype(np.float32) / 127.5 - 1
