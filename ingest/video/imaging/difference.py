"""Where two pictures differ by more than a tolerance."""

from __future__ import annotations

import cv2
import numpy as np

KERNEL = np.ones((3, 3), np.uint8)
"""A pixel and its eight neighbours, for dilating and eroding masks by one pixel."""


def differs(a: np.ndarray, b: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """bool (h, w): two RGB uint8 pictures differ by more than the tolerance in a channel."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    # A whole number is above the tolerance where it is above the whole part: bytes compare quicker.
    whole = np.minimum(tolerance, 255).astype(np.uint8)
    return cv2.max(cv2.max(red, green), blue) > whole
