"""LPIPS between canvases, computed at one fixed size so that values are comparable."""

from __future__ import annotations

from typing import Protocol

import cv2
import numpy as np

from ingest.format.images import resize_short_side

DIFFERENCE_THRESHOLD = 0.2
"""LPIPS above which a pixel counts as different: alpha of D(A, B, alpha), paper section 3.2."""


class Perceptual(Protocol):
    """Batched distances of RGB uint8 (B, H, W, 3);
    `labeling.regions.perceptual.PerceptualDistance`."""

    def maps(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """float32 (B, H, W) in [0, 1]."""
        ...

    def distances(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """float32 (B,)."""
        ...


class LpipsMetric:
    """Perceptual distance of two canvases, both scaled to a short side of `side_px`."""

    def __init__(self, perceptual: Perceptual, side_px: int) -> None:
        self._perceptual, self._side_px = perceptual, side_px

    def difference(self, canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
        """M_d = D(canvas, target, 0.2): bool (H, W) of the canvases' own size."""
        map = self._perceptual.maps(self._scaled(canvas), self._scaled(target))[0]
        height, width = canvas.shape[:2]
        map = cv2.resize(map, (width, height), interpolation=cv2.INTER_LINEAR)
        return map > DIFFERENCE_THRESHOLD

    def distance(self, first: np.ndarray, second: np.ndarray) -> float:
        """LPIPS, 0 for equal canvases."""
        return float(self._perceptual.distances(self._scaled(first), self._scaled(second))[0])

    def _scaled(self, canvas: np.ndarray) -> np.ndarray:
        return resize_short_side(canvas, self._side_px)[None]
