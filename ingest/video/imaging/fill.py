"""Fills in what a picture does not show from another one, without a step of light at the rim."""

from __future__ import annotations

import cv2
import numpy as np

NEAR_PX, MOST_LIGHT = 12.0, 30.0
"""How far from the rim the light is learned and carried on (standard deviation); and the largest
difference, of 255, that is light and not another thing."""


def filled(base: np.ndarray, known: np.ndarray, other: np.ndarray) -> np.ndarray:
    """`base` where it is known, elsewhere `other` in the light of `base` near the rim.

    Args:
        base, other: RGB uint8 (h, w, 3); known: bool (h, w).
    """
    if known.all():
        return base
    light = other_light(base, known, other)
    lit = np.clip(np.round(other + light), 0, 255).astype(np.uint8)
    return np.where(known[..., None], base, lit)


def other_light(base: np.ndarray, known: np.ndarray, other: np.ndarray) -> np.ndarray:
    """float32 (h, w, 3): how much lighter `base` is than `other` around; fades out far from what is
    known."""
    off = base.astype(np.float32) - other
    witness = (known & (np.abs(off).max(axis=2) < MOST_LIGHT)).astype(np.float32)
    weight = cv2.GaussianBlur(witness, (0, 0), NEAR_PX)
    total = cv2.GaussianBlur(off * witness[..., None], (0, 0), NEAR_PX)
    return total / np.maximum(weight, 0.05)[..., None]
