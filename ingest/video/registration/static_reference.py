"""Refines the pose of a frame against what is static in its shot.

While a video is decoded, a frame can only be registered to earlier frames, and the picture changes:
errors of a pixel accumulate. After the pass, the static edges of the shot are known (table, easel,
corners of the canvas), and each frame is registered again to them alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import lasting_strength
from ingest.video.imaging.geometry import transform, warp, within
from ingest.video.imaging.median import upper_median
from ingest.video.registration.homography import normalised_grey, track_points

MAX_POINTS = 400
"""Largest number of static points."""
MIN_POINTS = 16
"""Least number of static points that a frame must show."""
MIN_HULL = 0.25
"""Least hull area of the static points of a reliable reference, as a share of the image."""
STATIC_EDGE_STRENGTH = 8.0
"""Edge strength (`lasting_strength`) above which a pixel lies on a static edge."""
RANSAC_PX = 0.8
"""Reprojection error up to which a point is an inlier."""
MAX_BACK_ERROR_PX = 0.7
"""Largest forward-backward error of a tracked point."""
MAX_MOVE_PX = 6.0
"""Largest error of a pose before refinement, unless the caller allows more."""
LEVELS = 1
"""Pyramid levels of tracking up to `MAX_MOVE_PX`."""
FAR_LEVELS = 3
"""Pyramid levels of tracking beyond `MAX_MOVE_PX`."""
MIN_HULL_SHARE = 0.5
"""Least hull area of the inliers in a frame, as a share of that of all static points."""
MIN_HULL_SHARE_SINGLE = 0.15
"""The same for a reference from a single composite, of which a closer view shows only a part."""
MAX_ERROR_FACTOR = 1.15
"""A similarity is used if its RMS error is at most that of the homography times this, plus a
margin in pixels."""
ERROR_MARGIN_PX = 0.04
"""That margin."""
ERROR_MARGIN_EXTRAPOLATED_PX = 0.3
"""That margin if the homography would be extrapolated to corners of the canvas."""


@dataclass(frozen=True, eq=False)
class RefinedPose:
    """A frame registered to a static reference."""

    pose: np.ndarray
    """Homography (3, 3) to shot coordinates."""
    visible_share: float
    """Share of the static points that are inliers in the frame, 0 to 1."""


class StaticReference:
    """Static points of a shot, to which its frames are registered."""

    def __init__(
        self,
        composites: list[np.ndarray],
        area: np.ndarray | None = None,
        corners: np.ndarray | None = None,
    ) -> None:
        """Find the static points.

        Args:
            composites: RGB uint8 (h, w, 3) of a shot in order of time. All edges of a single one
                count as static.
            area: bool (h, w), where points are searched for; everywhere if None.
            corners: corners (4, 2) of the canvas, where poses have to be exact, if known.
        """
        self.corners = corners
        self.min_hull_share = MIN_HULL_SHARE if len(composites) > 1 else MIN_HULL_SHARE_SINGLE
        self.grey = normalised_grey(upper_median(composites))
        is_edge = lasting_strength(composites) > STATIC_EDGE_STRENGTH
        near = cv2.dilate(is_edge.astype(np.uint8), np.ones((3, 3), np.uint8))
        if area is not None:
            near = near * area.astype(np.uint8)
        found = cv2.goodFeaturesToTrack(self.grey, MAX_POINTS, 0.003, 7, mask=near, blockSize=5)
        self.points = np.zeros((0, 1, 2), np.float32) if found is None else found
        self.hull = _hull_area(self.points[:, 0])

    @property
    def is_reliable(self) -> bool:
        """True if the static points are many and spread over the image."""
        height, width = self.grey.shape
        return len(self.points) >= 2 * MIN_POINTS and self.hull > MIN_HULL * height * width

    def encloses(self, corners: np.ndarray) -> bool:
        """Returns True if all corners (4, 2) lie within the hull of the static points."""
        return _encloses(self.points[:, 0], corners)

    def refine_pose(
        self,
        image: np.ndarray,
        pose: np.ndarray,
        min_hull_share: float | None = None,
        max_move_px: float = MAX_MOVE_PX,
    ) -> RefinedPose | None:
        """Returns the refined pose of a frame, or None if it shows too few static points.

        Args:
            image: contrast-normalised grey uint8 (H, W) of the frame.
            pose: its homography (3, 3) to shot coordinates, exact to a few pixels.
            min_hull_share: least hull area of the inliers, as a share of that of all static points.
            max_move_px: largest error of `pose`.
        """
        height, width = self.grey.shape
        seen = warp(image, pose, (width, height))
        start = self.points
        levels = LEVELS if max_move_px <= MAX_MOVE_PX else FAR_LEVELS
        moved, error = track_points(self.grey, start, seen, levels, max_move_px)
        good = error < MAX_BACK_ERROR_PX
        if good.sum() < MIN_POINTS:
            return None
        source = transform(np.linalg.inv(pose), moved[good, 0])
        goal = start[good, 0].astype(np.float64)
        found = _simplest(source, goal, self.corners)
        if found is None:
            return None
        fine, kept = found
        if (
            kept.sum() < MIN_POINTS
            or _hull_area(goal[kept]) < (min_hull_share or self.min_hull_share) * self.hull
        ):
            return None
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        back_again = transform(fine @ np.linalg.inv(pose), outline)
        if np.abs(back_again - outline).max() >= 2 * max_move_px:
            return None
        return RefinedPose(fine, float(kept.sum()) / len(start))


def _simplest(
    source: np.ndarray, goal: np.ndarray, corners: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """Returns a similarity or a homography from `source` to `goal` (n, 2), and inliers bool (n,).

    Returns None if too few points agree. A camera that only shakes is described by a similarity
    (four parameters). A homography (eight) always fits better, but is wrong where a hand hides a
    corner. So it is used only if the similarity fits clearly worse, and with a larger margin if
    corners of the canvas, `corners` (4, 2), lie outside of the points.
    """
    full, inliers = cv2.findHomography(
        source, goal, cv2.USAC_MAGSAC, RANSAC_PX, maxIters=2000, confidence=0.999
    )
    if full is None:
        return None
    kept = inliers[:, 0] == 1
    if kept.sum() < MIN_POINTS:
        return None
    small, _ = cv2.estimateAffinePartial2D(
        source[kept], goal[kept], method=cv2.RANSAC, ransacReprojThreshold=2 * RANSAC_PX
    )
    if small is not None:
        simple = np.vstack([small, [0, 0, 1]])
        errors = [
            np.linalg.norm(transform(m, source[kept]) - goal[kept], axis=1) for m in (simple, full)
        ]
        simple_rms, full_rms = (float(np.sqrt((e**2).mean())) for e in errors)
        is_extrapolated = corners is not None and not _encloses(goal[kept], corners)
        margin_px = ERROR_MARGIN_EXTRAPOLATED_PX if is_extrapolated else ERROR_MARGIN_PX
        if simple_rms < MAX_ERROR_FACTOR * full_rms + margin_px:
            return simple, kept
    return full / full[2, 2], kept


def _encloses(points: np.ndarray, corners: np.ndarray) -> bool:
    """Returns True if all corners (4, 2) lie within the convex hull of points (n, 2)."""
    if len(points) < 3:
        return False
    return bool(within(corners, cv2.convexHull(points.astype(np.float32))).all())


def _hull_area(points: np.ndarray) -> float:
    """Returns the area of the convex hull of points (n, 2) in square pixels."""
    if len(points) < 3:
        return 0.0
    return float(cv2.contourArea(cv2.convexHull(points.astype(np.float32))))
