"""A painting process: canvases with times, real or painted by an artist."""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from inference.evaluation.choices import COMPARED_SIDE_PX
from ingest.conventions.errors import UserError


@dataclass(frozen=True, eq=False)
class Process:
    """Canvases of one painting in order."""

    name: str
    """Names the painting; a real and a painted process of one name belong together."""
    frames: tuple[np.ndarray, ...]
    """RGB uint8 (H, W, 3) of one size."""
    times_s: tuple[float, ...]
    """Painting time of each frame in seconds, strictly increasing; 0 is the blank canvas."""

    def __post_init__(self) -> None:
        """Raises UserError when the frames do not form a process."""
        if len(self.frames) < 2 or len(self.frames) != len(self.times_s):
            raise UserError(
                f"{self.name}: {len(self.frames)} frames with {len(self.times_s)} times, expected "
                "at least two frames with a time each"
            )
        if not np.isfinite(self.times_s).all() or (np.diff(self.times_s) <= 0).any():
            raise UserError(f"{self.name}: times must increase, got {self.times_s[:8]} ...")
        sizes = {frame.shape for frame in self.frames}
        if len(sizes) > 1 or self.frames[0].ndim != 3 or self.frames[0].dtype != np.uint8:
            raise UserError(f"{self.name}: frames differ in size or are not RGB: {sorted(sizes)}")

    @property
    def duration_s(self) -> float:
        """Painting time of the last frame."""
        return self.times_s[-1]

    def starting_white(self) -> Process:
        """The process with a white canvas at time 0 put before its first frame.

        A first frame at time 0 takes half of the first interval, so that times increase.
        """
        white = np.full_like(self.frames[0], 255)
        first_s = self.times_s[0] if self.times_s[0] > 0 else (self.times_s[1] / 2)
        return replace(
            self, frames=(white, *self.frames), times_s=(0.0, first_s, *self.times_s[1:])
        )

    def scaled_to(self, height: int, width: int) -> Process:
        """The process with frames of this size."""
        return replace(self, frames=tuple(_resized(f, height, width) for f in self.frames))


def compared_size(target: np.ndarray) -> tuple[int, int]:
    """Height and width at which a painting's processes are compared."""
    height, width = target.shape[:2]
    scale = min(1.0, COMPARED_SIDE_PX / min(height, width))
    return max(1, round(height * scale)), max(1, round(width * scale))


def _resized(frame: np.ndarray, height: int, width: int) -> np.ndarray:
    if frame.shape[:2] == (height, width):
        return frame
    method = cv2.INTER_AREA if height < frame.shape[0] else cv2.INTER_CUBIC
    return cv2.resize(frame, (width, height), interpolation=method)
