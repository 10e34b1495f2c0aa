"""Measures how much of a painting is already done on a canvas, from the pictures alone."""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.format.images import resize_short_side

SIDE_PX = 128
"""Short side at which pictures are compared."""
FINE_PX, COARSE_PX = 1.5, 10.0
"""Standard deviations of the blurs between which structure counts as detail: finer, registration
is not exact; coarser, a first wash has the colours of the finished sky."""
MAX_SHIFT_PX = 4
"""Largest shift of a place between the two pictures: shots of real films do not match exactly."""
NEIGHBOURHOOD_PX = 6.0
"""Standard deviation of the neighbourhood that is shifted together."""
MIN_CONTRAST = 0.1
"""Mean contrast in Lab below which a finished picture has no detail to compare."""


def finished_share(canvas: np.ndarray, target: np.ndarray) -> float:
    """The share of the finished painting's detail that is on a canvas already, 0 to 1.

    Each place counts by the contrast that the finished painting has there. A blank canvas and an
    even wash give 0, a sketch little, a painting that is finished in one half about 0.5; 0 where
    the finished picture has no detail.

    Args:
        canvas: RGB uint8 (H, W, 3).
        target: the finished painting, the same size.
    """
    before, after = _detail(canvas), _detail(target)
    contrast = np.linalg.norm(after, axis=2)
    if contrast.mean() < MIN_CONTRAST:
        return 0.0
    best = np.zeros_like(contrast)
    offsets = range(-MAX_SHIFT_PX, MAX_SHIFT_PX + 1)
    for shift in itertools.product(offsets, offsets):
        missing = np.linalg.norm(after - np.roll(before, shift, axis=(0, 1)), axis=2)
        found = np.maximum(contrast - missing, 0)
        best = np.maximum(best, cv2.GaussianBlur(found, (0, 0), NEIGHBOURHOOD_PX))
    return float(best.sum() / contrast.sum())


def _detail(image: np.ndarray) -> np.ndarray:
    """Structure between the two scales, in Lab, float32 (h, w, 3)."""
    small = resize_short_side(image, min(SIDE_PX, *image.shape[:2])).astype(np.float32) / 255
    lab = cv2.cvtColor(small, cv2.COLOR_RGB2LAB)
    return cv2.GaussianBlur(lab, (0, 0), FINE_PX) - cv2.GaussianBlur(lab, (0, 0), COARSE_PX)
