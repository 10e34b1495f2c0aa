"""Compares frames of a video by the correlation of aligned frames and by SIFT features."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.geometry import scaling, valid_area, warp
from ingest.video.imaging.median import upper_median
from ingest.video.registration.homography import (
    Features,
    HomographyFit,
    normalised_grey,
    register_by_features,
    sift_features,
)
from ingest.video.registration.sampled_video import SampledVideo

MIN_SHARED = 0.15
"""Least share of the view that two frames must have in common to be compared."""
MEDIAN_OFFSETS = (-4, -2, 0, 2, 4)
"""Offsets, in frames of a group, of the frames whose median features are computed from. The median
removes hands."""


class FrameComparison:
    """Compares pairs of frames of a video; features and homographies are cached."""

    def __init__(self, sampled: SampledVideo) -> None:
        self.sampled = sampled
        first = sampled.frames[0]
        self.shrink = scaling(min(first.small.shape[:2]) / min(first.grey.shape))
        """Homography (3, 3) from registered frames to small copies."""
        self.enlarge = np.linalg.inv(self.shrink)
        self.greys = [normalised_grey(frame.small) for frame in sampled.frames]
        self._features: dict[int, Features] = {}
        self._fits: dict[tuple[int, int], HomographyFit | None] = {}

    def register(
        self, known: int, known_group: list[int], seen: int, seen_group: list[int]
    ) -> HomographyFit | None:
        """Returns the homography from frame `seen` to frame `known` by features, or None.

        Args:
            known_group, seen_group: the frames that share coordinates with each of them.
        """
        if (known, seen) not in self._fits:
            self._fits[known, seen] = register_by_features(
                self.features(known, known_group),
                self.features(seen, seen_group),
                self.sampled.frames[seen].grey.shape,
            )
        return self._fits[known, seen]

    def features(self, i: int, group: list[int]) -> Features:
        """Returns features of frame `i`, from the median of frames around it in its group."""
        if i not in self._features:
            place, frames = group.index(i), self.sampled.frames
            around = [group[p] for p in (place + n for n in MEDIAN_OFFSETS) if 0 <= p < len(group)]
            size = (frames[i].grey.shape[1], frames[i].grey.shape[0])
            to_frame = np.linalg.inv(frames[i].pose.matrix)
            warped = [
                warp(frames[j].grey, to_frame @ frames[j].pose.matrix, size)
                for j in around
                if abs(j - i) <= 2 * max(MEDIAN_OFFSETS)
            ]
            self._features[i] = sift_features(upper_median(warped))
        return self._features[i]

    def similarity(self, i: int, j: int, matrix: np.ndarray) -> float:
        """Returns the correlation of frame `j` with frame `i` warped onto it by `matrix` (3, 3).

        It is 0 if they have too little of the view in common.
        """
        one, other = self.greys[i], self.greys[j]
        matrix = self.shrink @ matrix @ self.enlarge
        size = (other.shape[1], other.shape[0])
        shared = valid_area(one.shape, matrix, size)
        if shared.mean() < MIN_SHARED:
            return 0.0
        return correlation(warp(one, matrix, size), other, shared)

    def similarity_by_poses(self, i: int, j: int) -> float:
        """Returns the correlation of two frames, aligned by their poses."""
        one, other = (self.sampled.frames[k].pose.matrix for k in (i, j))
        return self.similarity(i, j, np.linalg.inv(other) @ one)


def correlation(a: np.ndarray, b: np.ndarray, shared: np.ndarray) -> float:
    """Returns the correlation of two grey images uint8 (h, w) where `shared`, bool (h, w)."""
    mask = shared.view(np.uint8)
    number = cv2.countNonZero(mask)
    mean_a, mean_b = cv2.mean(a, mask)[0], cv2.mean(b, mask)[0]
    square_a, square_b = (cv2.norm(part, cv2.NORM_L2SQR, mask) / number for part in (a, b))
    # Sums of squares are exact and fast, so the product is computed from the squared difference.
    product = (square_a + square_b - cv2.norm(a, b, cv2.NORM_L2SQR, mask) / number) / 2
    spread = np.sqrt(max(square_a - mean_a**2, 0.0) * max(square_b - mean_b**2, 0.0))
    return float((product - mean_a * mean_b) / max(spread, 1e-6))
