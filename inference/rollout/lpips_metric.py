"""LPIPS between canvases, computed at one fixed size so that values are comparable."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol

import cv2
import numpy as np

from ingest.format.images import resize_short_side

DIFFERENCE_THRESHOLD = 0.2
"""LPIPS above which a pixel counts as different: alpha of D(A, B, alpha), paper section 3.2."""


NUM_KEPT = 3
"""Canvases whose features are kept: the target, and the canvases before and after a step."""


class Perceptual(Protocol):
    """Distances from the features of canvases;
    `labeling.regions.perceptual.PerceptualDistance`."""

    def features(self, images: np.ndarray) -> Sequence[Any]:
        """Features of each canvas of RGB uint8 (B, H, W, 3)."""
        ...

    def compare(self, first: Any, second: Any) -> np.ndarray:
        """Maps of distances, float32 (B, H, W) in [0, 1]."""
        ...

    def mean_distances(self, first: Any, second: Any) -> np.ndarray:
        """float32 (B,)."""
        ...


class LpipsMetric:
    """Perceptual distance of two canvases, both scaled to a short side of `side_px`.

    The features of the last canvases are kept: a step measures its canvas against the one before
    and the target, and the next step begins with it.
    """

    def __init__(self, perceptual: Perceptual, side_px: int) -> None:
        self._perceptual, self._side_px = perceptual, side_px
        self._kept: list[tuple[np.ndarray, Any]] = []

    def difference(self, canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
        """M_d = D(canvas, target, 0.2): bool (H, W) of the canvases' own size."""
        map = self._perceptual.compare(*self._features(canvas, target))[0]
        height, width = canvas.shape[:2]
        map = cv2.resize(map, (width, height), interpolation=cv2.INTER_LINEAR)
        return map > DIFFERENCE_THRESHOLD

    def distance(self, first: np.ndarray, second: np.ndarray) -> float:
        """LPIPS, 0 for equal canvases."""
        return float(self._perceptual.mean_distances(*self._features(first, second))[0])

    def _features(self, *canvases: np.ndarray) -> list[Any]:
        """Features of each canvas, of those that were used last from memory. A canvas is known by
        its identity, since canvases of a rollout do not change."""
        found = []
        for canvas in canvases:
            known = next((entry for entry in self._kept if entry[0] is canvas), None)
            if known is None:
                scaled = resize_short_side(canvas, self._side_px)[None]
                known = (canvas, self._perceptual.features(scaled))
            self._kept = [entry for entry in self._kept if entry[0] is not canvas] + [known]
            found.append(known[1])
        self._kept = self._kept[-NUM_KEPT:]
        return found
