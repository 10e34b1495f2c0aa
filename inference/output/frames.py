"""Lists the canvases of a session in order, scales them, and formats painting time."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.format.schema import Sample


def canvases(samples: Sequence[Sample]) -> list[np.ndarray]:
    """The first canvas (white) and the canvas after every step, RGB uint8 (H, W, 3)."""
    return [samples[0].current, *(sample.next for sample in samples)]


def fitted(image: np.ndarray, side_px: int) -> np.ndarray:
    """The image, uint8 (H, W) or (H, W, 3), downscaled to a long side of `side_px` if it is
    larger."""
    height, width = image.shape[:2]
    scale = side_px / max(height, width)
    if scale >= 1:
        return image
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)


def clock(seconds: float) -> str:
    """Painting time in minutes or hours: ``1:20``, ``1:00:05``."""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d}" if hours else f"{minutes}:{rest:02d}"
