"""Where strokes run: along the edges of the picture, calm where it shows none."""

from __future__ import annotations

import cv2
import numpy as np


def direction_field(picture: np.ndarray, radius_px: float, seed: int) -> np.ndarray:
    """Angle of strokes at every pixel, float32 (H, W) in radians modulo pi: across the main
    gradient of the structure tensor at the size of the brush.

    Where the picture has no direction of its own, the angle is that of a smooth random field around
    the horizontal.

    Args:
        picture: RGB uint8 (H, W, 3).
        radius_px: half the width of the brush.
    """
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY).astype(np.float32)
    grey = cv2.GaussianBlur(grey, (0, 0), max(0.7, radius_px * 0.25))
    dx, dy = cv2.Scharr(grey, cv2.CV_32F, 1, 0), cv2.Scharr(grey, cv2.CV_32F, 0, 1)
    sigma = max(1.0, radius_px * 0.8)
    # Doubled angles: directions that differ by half a turn are the same.
    cosine = cv2.GaussianBlur(dx * dx - dy * dy, (0, 0), sigma)
    sine = cv2.GaussianBlur(2 * dx * dy, (0, 0), sigma)
    strength = cv2.GaussianBlur(dx * dx + dy * dy, (0, 0), sigma)
    height, width = grey.shape
    calm = np.random.default_rng([seed, 11]).normal(0, 0.5, (5, 7)).astype(np.float32)
    calm = cv2.resize(calm, (width, height), interpolation=cv2.INTER_CUBIC)
    # The picture's own direction is turned by a quarter, which negates doubled angles.
    floor = 0.02 * float(strength.max()) + 1e-3
    angle = 0.5 * np.arctan2(-sine + floor * np.sin(2 * calm), -cosine + floor * np.cos(2 * calm))
    return angle.astype(np.float32)
