"""Estimates the displacement of a moved canvas from composites just before and after the move.

Two kinds of measurements are combined: tracked points in the painting (displacement in x and y) and
points on the sides of the outline (displacement along the normal). A blank canvas is placed by its
outline and a finished one by its paint. A robust fit rejects what a hand covers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.outline_matching import OutlineMatcher
from ingest.video.imaging.geometry import warp
from ingest.video.placement.motion_models import MotionModel, ShiftAndRotation, SmallHomography
from ingest.video.registration.homography import normalised_grey, track_points

MAX_RESIDUALS_PX = (6.0, 4.0, 2.5, 1.5, 1.0)
"""Largest residual of an inlier in each round. The first rounds start from a rough estimate."""
MIN_INLIER_FACTOR = 1.1
"""A homography must have this many times the inliers of a shift and rotation to replace it."""
MAX_POINTS = 500
"""Largest number of tracked points on the canvas."""
MAX_BACK_ERROR_PX = 0.7
"""Largest forward-backward error of a tracked point."""
INSET_PX = 6
"""Least distance of tracked points from the sides, so that none lies on the table."""
MAX_SIDE_DISTANCE_PX = 12
"""Largest distance at which sides of the outline are searched for."""
MIN_INLIERS = 50
"""Least number of measurements that must agree."""


def estimate_displacement(
    before: np.ndarray, after: np.ndarray, matcher: OutlineMatcher, rough: np.ndarray
) -> np.ndarray | None:
    """Returns the homography (3, 3) in shot coordinates that undoes a displacement of the canvas.

    It is a shift and a rotation on the table. If frames before and after are registered slightly
    differently, it is the homography, provided that it has clearly more inliers.

    Args:
        before, after: composites RGB uint8 (h, w, 3) just before and just after the move.
        matcher: outline matcher of the canvas in its position before.
        rough: estimate (3, 3) of the result.

    Returns:
        None if too few measurements agree.
    """
    measurements = _Measurements(before, after, matcher)
    # The outline alone gives a second rough estimate.
    moved = matcher.displacement(measurements.outline, matcher.outline(after))
    starts = (rough, matcher.undo(moved))
    model = ShiftAndRotation()
    fits = [_refined(measurements, start, model, MAX_RESIDUALS_PX) for start in starts]
    fits = [fit for fit in fits if fit]
    if not fits:
        return None
    rigid = max(fits, key=lambda fit: fit.num_inliers)
    full = _refined(measurements, rigid.estimate, SmallHomography(), MAX_RESIDUALS_PX[-3:])
    is_better = full is not None and full.num_inliers > MIN_INLIER_FACTOR * rigid.num_inliers
    best = full if full is not None and is_better else rigid
    return best.estimate / best.estimate[2, 2]


def estimate_drift(
    before: np.ndarray, after: np.ndarray, matcher: OutlineMatcher
) -> np.ndarray | None:
    """Returns the homography (3, 3) from the canvas in `after` to the canvas in `before`.

    The canvas was not moved, but the frames of `after` are registered inexactly. Arguments and
    None as in `estimate_displacement`.
    """
    measurements = _Measurements(before, after, matcher)
    rigid = _refined(measurements, np.eye(3), ShiftAndRotation(), MAX_RESIDUALS_PX)
    full = rigid and _refined(
        measurements, rigid.estimate, SmallHomography(), MAX_RESIDUALS_PX[-3:]
    )
    return full.estimate / full.estimate[2, 2] if full else None


@dataclass(frozen=True)
class _MotionFit:
    estimate: np.ndarray
    """Homography (3, 3) in shot coordinates that undoes the displacement."""
    num_inliers: int


def _refined(
    measurements: _Measurements,
    estimate: np.ndarray,
    motion: MotionModel,
    max_residuals_px: Sequence[float],
) -> _MotionFit | None:
    """Returns the estimate refined with a motion model, once per entry of `max_residuals_px`.

    Returns None if too few measurements agree.

    Args:
        estimate: homography (3, 3) in shot coordinates that roughly undoes the displacement.
    """
    num_inliers = 0
    for max_residual_px in max_residuals_px:
        points, directions, distances = measurements.measure(estimate)
        design = motion.design_matrix(points, directions)
        solved = _robust_fit(design, distances, max_residual_px / measurements.unit_px)
        if solved is None:
            return None
        parameters, num_inliers = solved
        estimate = measurements.undo(motion.homography(parameters)) @ estimate
    return _MotionFit(estimate, num_inliers)


class _Measurements:
    """Measurements of a displacement.

    Points are in units of half the rectified view of the canvas, from its centre.
    """

    def __init__(self, before: np.ndarray, after: np.ndarray, matcher: OutlineMatcher) -> None:
        self.matcher, self.after = matcher, after
        self.outline = matcher.outline(before)
        self.known = normalised_grey(warp(before, matcher.matrix, matcher.size))
        inside = np.zeros(self.known.shape, np.uint8)
        margin = matcher.margin + INSET_PX
        inside[margin:-margin, margin:-margin] = 1
        found = cv2.goodFeaturesToTrack(self.known, MAX_POINTS, 0.003, 6, mask=inside, blockSize=5)
        self.points = np.zeros((0, 1, 2), np.float32) if found is None else found
        self.unit_px = max(matcher.size) / 2
        x, y = (matcher.size[0] - 1) / 2, (matcher.size[1] - 1) / 2
        self.centred = np.array([[1, 0, -x], [0, 1, -y], [0, 0, self.unit_px]]) / self.unit_px
        """Homography (3, 3) from pixels of the view to points."""

    def measure(self, estimate: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Measure the displacement that is left after applying `estimate` (3, 3).

        Returns:
            Points (n, 2), unit vectors (n, 2), and displacements along these (n,).
        """
        seen = warp(self.after, estimate, (self.after.shape[1], self.after.shape[0]))
        edges, inwards, across = self.matcher.side_distances(
            self.outline, self.matcher.outline(seen), MAX_SIDE_DISTANCE_PX
        )
        points, steps = self._tracked_steps(
            normalised_grey(warp(seen, self.matcher.matrix, self.matcher.size))
        )
        all_points = np.vstack([edges, points, points]) / self.unit_px + self.centred[:2, 2]
        directions = np.vstack([inwards, np.repeat(np.eye(2), len(points), axis=0)])
        distances = np.concatenate([across, steps[:, 0], steps[:, 1]]) / self.unit_px
        return all_points, directions, distances

    def undo(self, motion: np.ndarray) -> np.ndarray:
        """Returns the homography in shot coordinates that undoes a motion (3, 3) of points."""
        to_points = self.centred @ self.matcher.matrix
        return np.linalg.inv(to_points) @ np.linalg.inv(motion) @ to_points

    def _tracked_steps(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Returns points (n, 2) on the canvas and their displacements (n, 2) in view pixels."""
        if not len(self.points):
            return np.zeros((0, 2)), np.zeros((0, 2))
        moved, error = track_points(self.known, self.points, seen)
        good = error < MAX_BACK_ERROR_PX
        start = self.points[good, 0].astype(np.float64)
        return start, moved[good, 0].astype(np.float64) - start


def _robust_fit(
    design: np.ndarray, distances: np.ndarray, max_residual: float
) -> tuple[np.ndarray, int] | None:
    """Returns parameters that fit most distances (n,), and the number of inliers, or None.

    Iteratively reweighted least squares with Tukey's biweight; residuals above `max_residual` get
    no weight.

    Args:
        design: float (n, parameters).
    """
    parameters, inliers = np.zeros(design.shape[1]), np.zeros(len(design), bool)
    for _ in range(20):
        residuals = distances - design @ parameters
        weight = np.maximum(1 - (residuals / max_residual) ** 2, 0) ** 2
        inliers = weight > 0
        if inliers.sum() < MIN_INLIERS:
            return None
        scaled = design * weight[:, None]
        before = parameters
        parameters = np.linalg.lstsq(scaled.T @ design, scaled.T @ distances, rcond=None)[0]
        if np.abs(parameters - before).max() < 1e-6:
            break
    return parameters, int(inliers.sum())
