"""Encodes pictures as small WebP data URIs, within a budget that keeps the page under 20 MB."""

from __future__ import annotations

import base64

import cv2
import numpy as np

QUALITY = 58
"""WebP quality, 0 to 100; a thumbnail takes about 3 kB."""
MARK = (255, 60, 200)
"""RGB of an outline in a picture."""
MARK_CASING = (255, 255, 255)
"""RGB of the wider line under an outline."""


class Album:
    """Turns images into data URIs and counts their characters."""

    def __init__(self, max_bytes: int) -> None:
        self.max_bytes, self.num_bytes = max_bytes, 0

    @property
    def is_full(self) -> bool:
        """Whether the budget is used up."""
        return self.num_bytes >= self.max_bytes

    def add(self, image: np.ndarray, box: tuple[int, int]) -> str:
        """The data URI of RGB uint8 (H, W, 3), scaled down to fit a box (width, height)."""
        small = fitted(image, box)
        ok, data = cv2.imencode(
            ".webp", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), [cv2.IMWRITE_WEBP_QUALITY, QUALITY]
        )
        if not ok:
            raise ValueError(f"OpenCV could not encode an image of shape {small.shape} as WebP")
        uri = "data:image/webp;base64," + base64.b64encode(data.tobytes()).decode()
        self.num_bytes += len(uri)
        return uri


def fitted(image: np.ndarray, box: tuple[int, int]) -> np.ndarray:
    """A copy of an image, RGB uint8 (H, W, 3), that fits a box (width, height); never enlarged."""
    height, width = image.shape[:2]
    factor = min(1.0, box[0] / width, box[1] / height)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def outlined(image: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """A copy of RGB uint8 (H, W, 3) with the outline of a mask, bool (h, w), drawn on it."""
    height, width = image.shape[:2]
    large = cv2.resize(mask.astype(np.uint8), (width, height), interpolation=cv2.INTER_NEAREST)
    large = cv2.dilate(large, np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(large, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE)
    marked = image.copy()
    for colour, thickness in ((MARK_CASING, 3), (MARK, 1)):
        cv2.drawContours(marked, contours, -1, colour, thickness, cv2.LINE_AA)
    return marked
