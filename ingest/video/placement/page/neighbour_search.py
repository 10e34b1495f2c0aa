"""Finds the canvas in clips without a clear outline, from neighbouring clips that show it."""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.page_outlines import outline_support
from ingest.video.imaging.geometry import grown, scaling, transform, within
from ingest.video.placement.page.clips import Clip, middle_frame
from ingest.video.placement.page.outline_chain import appearance_similarity
from ingest.video.placement.page.paint_alignment import align_by_paint
from ingest.video.registration.homography import (
    Features,
    normalised_grey,
    register_by_features,
    sift_features,
)
from ingest.video.registration.sampled_video import SampledVideo

MIN_SIMILARITY = 0.5
"""Least appearance similarity of a clip to its neighbour."""
MIN_INLIERS = 14
"""Least number of inliers of a homography between two clips."""
INNER_SHARE = 0.97
"""Features of the known clip are taken from its outline scaled by this factor."""
MAX_MOVE_SHARE = 0.25
"""Largest displacement of a corner of an unclear outline between neighbours, as a share of the
diagonal."""
MIN_SUPPORT = 0.5
"""Least share of the sides in view that must lie on edges."""


class NeighbourSearch:
    """Finds the canvas in clips from known clips next to them."""

    def __init__(self, sampled: SampledVideo, clips: list[Clip], segment_of: list[int]) -> None:
        """
        Args:
            segment_of: number of the segment with consistent poses that each clip belongs to.
        """
        self.sampled, self.clips, self.segment_of = sampled, clips, segment_of
        self._features: dict[int, Features] = {}

    def extend(self, chain: dict[int, np.ndarray]) -> None:
        """Add clips to a chain (corners (4, 2) by index of the clip) until no more are found."""
        grown = True
        while grown:
            grown = False
            for k in range(len(self.clips)):
                near = [j for j in (k - 1, k + 1, k - 2, k + 2) if j in chain]
                if k in chain or not near:
                    continue
                found = [self._find(k, j, chain[j]) for j in near]
                best = max(found, key=lambda pair: pair[0])
                if best[0] >= MIN_SIMILARITY:
                    chain[k], grown = best[1], True

    def clip_to_clip(self, source: int, goal: int) -> np.ndarray:
        """Returns the homography (3, 3) between the pictures of two clips of one segment."""
        factor = scaling(self.clips[0].picture.shape[0] / self.sampled.frames[0].grey.shape[0])
        a, b = (
            self.sampled.frames[middle_frame(self.clips[k].frames)].pose.matrix
            for k in (source, goal)
        )
        return factor @ np.linalg.inv(b) @ a @ np.linalg.inv(factor)

    def _find(self, k: int, near: int, corners: np.ndarray) -> tuple[float, np.ndarray]:
        """Returns the similarity of clip `k` to a known clip, and the corners (4, 2) in clip `k`.

        The similarity is 0 if the canvas is not found.
        """
        known = self.clips[near].picture, corners
        tried = []
        if self.segment_of[k] == self.segment_of[near]:
            tried.append(transform(self.clip_to_clip(near, k), corners))
        fit = register_by_features(
            self._all_features(k), self._features_inside(near, corners), known[0].shape
        )
        if fit is not None and fit.num_inliers >= MIN_INLIERS:
            tried.append(transform(fit.matrix, corners))
        outlines = [outline.corners for outline in self.clips[k].outlines]
        tried += [quad for quad in outlines if _is_near(quad, corners)]
        picture = self.clips[k].picture
        tried = [align_by_paint(known, (picture, quad)) for quad in tried]
        tried = [quad for quad in tried if outline_support(picture, quad) >= MIN_SUPPORT]
        similarities = [appearance_similarity(known, (picture, quad)) for quad in tried]
        return max(
            zip(similarities, tried, strict=True), key=lambda pair: pair[0], default=(0.0, corners)
        )

    def _all_features(self, k: int) -> Features:
        if k not in self._features:
            self._features[k] = sift_features(normalised_grey(self.clips[k].picture))
        return self._features[k]

    def _features_inside(self, k: int, corners: np.ndarray) -> Features:
        """Returns the features of a clip within the canvas, corners (4, 2)."""
        found = self._all_features(k)
        keep = within(found.points, grown(corners, INNER_SHARE))
        return Features(found.points[keep], found.descriptors[keep])


def _is_near(seen: np.ndarray, known: np.ndarray) -> bool:
    """Returns True if the corners (4, 2) of an outline are near those that are known."""
    diagonal = np.linalg.norm(known[2] - known[0])
    return bool(np.linalg.norm(seen - known, axis=1).max() < MAX_MOVE_SHARE * diagonal)
