"""Keeps the sampled frames of a video in memory as JPEG, so that no frame is decoded twice.

480 frames of 1080p take about 240 MB, whatever the length of the video. Larger frames are scaled
down; keyframes are smaller than 1080p anyway.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.format.images import decode_image
from ingest.video.imaging.geometry import resize_to

SIDE_PX = 1080
"""Short side of cached frames in pixels at most."""
QUALITY = 94
"""JPEG quality, 0 to 100."""


class FrameCache:
    """Frames of one size, in the order in which they were added."""

    def __init__(self) -> None:
        self._frames: list[bytes] = []
        self.factor = 1.0
        """Size of a cached frame over the size of the frame in the video."""

    def add(self, image: np.ndarray) -> None:
        """Append a frame, RGB uint8 (H, W, 3); all have the same size."""
        small, self.factor = resize_to(image, SIDE_PX)
        options = [cv2.IMWRITE_JPEG_QUALITY, QUALITY]
        # JPEG halves the resolution of colour, as videos do.
        ok, data = cv2.imencode(".jpg", cv2.cvtColor(small, cv2.COLOR_RGB2BGR), options)
        if not ok:
            raise ValueError(f"OpenCV could not encode a frame of shape {small.shape} as JPEG")
        self._frames.append(data.tobytes())

    def image(self, number: int) -> np.ndarray:
        """The frame that was added as `number`, from 0: RGB uint8 (h, w, 3)."""
        return decode_image(self._frames[number])
