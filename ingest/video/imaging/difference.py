"""Compares two pictures pixel by pixel: where do they differ by more than a tolerance?"""

from __future__ import annotations

import cv2
import numpy as np

KERNEL = np.ones((3, 3), np.uint8)
"""A pixel and its eight neighbours, for dilating and eroding masks by one pixel."""


def differs(a: np.ndarray, b: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Where two pictures, RGB uint8 (h, w, 3), differ by more than the tolerance, float32 (h, w),
    in any channel: bool (h, w)."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    # An integer is above the tolerance if it is above its integer part; bytes compare faster.
    whole = np.minimum(tolerance, 255).astype(np.uint8)
    return cv2.max(cv2.max(red, green), blue) > whole
