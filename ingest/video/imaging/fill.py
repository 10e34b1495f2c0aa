"""Fills unknown areas of a picture from another one, with the difference of light compensated."""

from __future__ import annotations

import cv2
import numpy as np

NEAR_PX = 12.0
"""Standard deviation of the blur that carries the difference of light into the unknown area."""
MAX_LIGHT = 30.0
"""Largest difference (of 255) that is light; a larger one is other content."""


def filled(base: np.ndarray, known: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`base` where it is known, elsewhere `other` in the light of the known area nearby.

    Args:
        base, other: RGB uint8 (h, w, 3); known: bool (h, w).
    """
    if known.all():
        return base
    light = other_light(base, known, other)
    lit = np.clip(np.round(other + light), 0, 255).astype(np.uint8)
    return np.where(known[..., None], base, lit)


def other_light(base: np.ndarray, known: np.ndarray, other: np.ndarray) -> np.ndarray:
    """How much lighter `base` is than `other` nearby: float32 (h, w, 3). It fades to 0 far from the
    known area."""
    off = base.astype(np.float32) - other
    usable = (known & (np.abs(off).max(axis=2) < MAX_LIGHT)).astype(np.float32)
    weight = cv2.GaussianBlur(usable, (0, 0), NEAR_PX)
    total = cv2.GaussianBlur(off * usable[..., None], (0, 0), NEAR_PX)
    return total / np.maximum(weight, 0.05)[..., None]
