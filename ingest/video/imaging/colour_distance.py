"""Measures how different two canvases look: mean Lab distance over a small Gaussian pyramid.

The unit is "share of the canvas that looks clearly different": 0 for equal pictures, 1 for pictures
that differ strongly everywhere. Fine lines count at the fine level, washes at the coarse one.
"""

from __future__ import annotations

import cv2
import numpy as np

MIN_VISIBLE_LAB = 4.0
"""Lab distance up to which a difference is invisible."""
FULL_LAB = 24.0
"""Lab distance from which a pixel counts fully."""
NUM_LEVELS = 3
"""Levels of the pyramid."""
OBVIOUS_LAB = 12.0
"""Lab distance above which a pixel is obviously different."""


def pyramid(image: np.ndarray) -> list[np.ndarray]:
    """Gaussian pyramid of RGB uint8 (h, w, 3): `NUM_LEVELS` float32 Lab pictures, finest first."""
    lab = cv2.cvtColor(image.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    levels = [cv2.GaussianBlur(lab, (0, 0), 0.8)]
    for _ in range(NUM_LEVELS - 1):
        levels.append(cv2.pyrDown(levels[-1]))
    return levels


def soft_lab(image: np.ndarray, soft_px: float = 1.0) -> np.ndarray:
    """float32 Lab picture of RGB uint8 (h, w, 3), blurred with standard deviation `soft_px`."""
    soft = cv2.GaussianBlur(image, (0, 0), soft_px).astype(np.float32) / 255
    return cv2.cvtColor(soft, cv2.COLOR_RGB2LAB)


def lab_distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Euclidean distance of two Lab pictures, float32 (h, w)."""
    off = cv2.absdiff(first, second)
    return cv2.sqrt(cv2.transform(cv2.multiply(off, off), np.ones((1, 3), np.float32)))


def change_map(a: list[np.ndarray], b: list[np.ndarray]) -> np.ndarray:
    """How clearly two pyramids differ at each pixel: float32 (h, w) in [0, 1]."""
    height, width = a[0].shape[:2]
    total = np.zeros((height, width), np.float32)
    for first, second in zip(a, b, strict=True):
        distance = lab_distance(first, second)
        seen = np.clip((distance - MIN_VISIBLE_LAB) / (FULL_LAB - MIN_VISIBLE_LAB), 0, 1)
        total += cv2.resize(seen, (width, height), interpolation=cv2.INTER_LINEAR)
    return total / NUM_LEVELS


def change(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Mean of `change_map`."""
    return float(change_map(a, b).mean())


def painted_area(a: list[np.ndarray], b: list[np.ndarray]) -> float:
    """Share of the canvas that differs obviously at the fine level, without specks of noise.

    It detects small paint, such as a signature, whose mean change is close to 0.
    """
    differs = lab_distance(a[0], b[0]) > OBVIOUS_LAB
    kernel = np.ones((2, 2), np.uint8)
    return float(cv2.morphologyEx(differs.astype(np.uint8), cv2.MORPH_OPEN, kernel).mean())


def detail(image: np.ndarray) -> float:
    """Share of pixels with visible gradients: about 0 for a blank canvas."""
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    smooth = cv2.GaussianBlur(grey, (0, 0), 1.0)
    dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
    gradient = np.hypot(dx, dy) / 8
    return float((gradient > 2.5).mean())


def is_blank(image: np.ndarray) -> bool:
    """Whether a canvas, RGB uint8 (h, w, 3), is blank: one tone and no structure, apart from slow
    gradients of light. A margin of a twentieth on every side is ignored."""
    rows, columns = image.shape[0] // 20, image.shape[1] // 20
    inner = image[rows:-rows, columns:-columns]
    lab = cv2.cvtColor(cv2.GaussianBlur(inner, (0, 0), 2), cv2.COLOR_RGB2LAB).astype(np.float32)
    off = np.linalg.norm(lab - np.median(lab, axis=(0, 1)), axis=2)
    return detail(inner) < 0.02 and float((off > 18).mean()) < 0.02
