"""Estimates the homography between two images of one scene from point correspondences.

`register_by_tracking` tracks points between images that are nearly aligned (sub-pixel, fast).
`register_by_features` matches SIFT features without an initial guess (cuts, zooms, rotations). Both
use RANSAC, so hands and new paint are outliers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.geometry import transform

RANSAC_PX = 2.0
"""Reprojection error up to which a point pair is an inlier."""
MIN_INLIERS_SIMILARITY = 10
"""Least number of inliers of a similarity."""
MIN_INLIERS_HOMOGRAPHY = 40
"""Least number of inliers of a homography."""
MIN_SPREAD = 0.2
"""Least hull area of the inliers of a homography, as a share of the image."""
STATIC_PX = 0.12
"""Displacement below which a tracked point is static."""
STATIC_SHARE = 0.25
"""Share of static points from which the camera is taken to be static."""
MIN_FEATURE_SPREAD = 0.03
"""Least hull area of inliers from feature matching, as a share of the image."""
MAX_POINTS = 300
"""Largest number of points to track."""
NEIGHBOURHOOD_PX = 25
"""Side of the window in which `normalised_grey` evens out brightness and contrast."""
CONTRAST_LEVELS = 42.0
"""Standard deviation of grey in each window after normalisation, of 255 levels."""
NOISE_LEVELS = 6.0
"""Added to the standard deviation before the division, so that noise is not amplified."""
WINDOW_PX = 17
"""Side of the window that Lucas-Kanade tracking compares."""
PYRAMID_LEVELS = 3
"""How often Lucas-Kanade tracking halves the images, to track points that moved far."""


@dataclass(frozen=True)
class HomographyFit:
    """A homography or similarity and its inliers."""

    matrix: np.ndarray
    """Homography (3, 3)."""
    num_inliers: int
    spread: float
    """Area of the convex hull of the inliers, as a share of the image."""

    @property
    def is_reliable(self) -> bool:
        """True if the inliers are many and spread widely enough to fix the corners of the image."""
        return self.num_inliers >= MIN_INLIERS_HOMOGRAPHY and self.spread > MIN_SPREAD


@dataclass(frozen=True)
class Features:
    """SIFT keypoints (n, 2) and descriptors (n, 128)."""

    points: np.ndarray
    descriptors: np.ndarray


def normalised_grey(image: np.ndarray) -> np.ndarray:
    """Returns grey uint8 (H, W) of RGB uint8 (H, W, 3), normalised to one local mean and contrast.

    Corners are found in faint drawings too, and a table looks the same in any exposure.
    """
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.boxFilter(grey, -1, (NEIGHBOURHOOD_PX, NEIGHBOURHOOD_PX))
    spread = cv2.boxFilter(grey * grey, -1, (NEIGHBOURHOOD_PX, NEIGHBOURHOOD_PX))
    # In place, because this runs on every frame and allocation costs more than arithmetic.
    grey -= mean
    spread -= np.multiply(mean, mean, out=mean)
    np.sqrt(np.maximum(spread, 0, out=spread), out=spread)
    spread += NOISE_LEVELS
    grey *= np.divide(CONTRAST_LEVELS, spread, out=spread)
    grey += 128
    return np.clip(grey, 0, 255, out=grey).astype(np.uint8)


def corners_to_track(grey: np.ndarray) -> np.ndarray:
    """Returns up to `MAX_POINTS` Shi-Tomasi corners (n, 2) of a grey image uint8 (h, w)."""
    found = cv2.goodFeaturesToTrack(grey, MAX_POINTS, 0.005, 9, blockSize=5)
    return np.zeros((0, 2)) if found is None else found[:, 0].astype(np.float64)


def track_points(
    known: np.ndarray,
    points: np.ndarray,
    seen: np.ndarray,
    levels: int = PYRAMID_LEVELS,
    max_move_px: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Track points from one image to another and back (Lucas-Kanade).

    Args:
        known, seen: grey uint8 (h, w).
        points: float32 (n, 1, 2) in `known`.
        levels: pyramid levels; fewer are faster and find only points that moved little.
        max_move_px: points that moved this far or farther count as lost.

    Returns:
        The points in `seen`, float32 (n, 1, 2), and the forward-backward error in pixels (n,),
        infinite for lost points.
    """
    options = {"winSize": (WINDOW_PX, WINDOW_PX), "maxLevel": levels, "minEigThreshold": 1e-4}
    moved, ok, _ = cv2.calcOpticalFlowPyrLK(known, seen, points, None, **options)  # pyright: ignore
    near = (ok[:, 0] == 1) & (np.linalg.norm(moved - points, axis=2)[:, 0] < max_move_px)
    error = np.full(len(points), np.inf, np.float32)
    if near.any():
        # Lost points take longest to track back, so they are left out.
        start, goal = moved[near], points[near]
        back, ok, _ = cv2.calcOpticalFlowPyrLK(seen, known, start, None, **options)  # pyright: ignore
        off = np.linalg.norm(back - goal, axis=2)[:, 0]
        error[near] = np.where(ok[:, 0] == 1, off, np.inf)
    return moved, error


def register_by_tracking(
    known: np.ndarray, points: np.ndarray, seen: np.ndarray
) -> HomographyFit | None:
    """Returns the homography from `seen` to `known`, which are nearly aligned.

    It is the identity if the camera is static, and None if too few points can be tracked.

    Args:
        known, seen: contrast-normalised grey uint8 (h, w).
        points: points (n, 2) of `known`.
    """
    if len(points) < MIN_INLIERS_SIMILARITY:
        return None
    start = points.astype(np.float32).reshape(-1, 1, 2)
    moved, error = track_points(known, start, seen)
    good = error < 1.0
    if good.sum() < MIN_INLIERS_SIMILARITY:
        return None
    source, goal = moved[good, 0].astype(np.float64), points[good]
    static = np.linalg.norm(source - goal, axis=1) < STATIC_PX
    if static.mean() >= STATIC_SHARE:
        return HomographyFit(np.eye(3), int(static.sum()), _spread(goal[static], seen.shape))
    return fit_homography(source, goal, seen.shape)


def sift_features(image: np.ndarray) -> Features:
    """Returns the SIFT features of a grey image uint8 (h, w)."""
    points, descriptors = cv2.SIFT_create(1200).detectAndCompute(image, None)  # pyright: ignore
    if descriptors is None:
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    return Features(np.array([p.pt for p in points], np.float64), descriptors)


def register_by_features(
    known: Features, seen: Features, shape: tuple[int, ...]
) -> HomographyFit | None:
    """Returns the homography from `seen` to `known` by feature matching, or None.

    Args:
        shape: (height, width, ...) of the image of `seen`.
    """
    if min(len(known.points), len(seen.points)) < 2 * MIN_INLIERS_SIMILARITY:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(seen.descriptors, known.descriptors, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < 0.75 * p[1].distance]
    if len(good) < 2 * MIN_INLIERS_SIMILARITY:
        return None
    source = seen.points[[m.queryIdx for m in good]]
    goal = known.points[[m.trainIdx for m in good]]
    found = fit_homography(source, goal, shape)
    # A watermark matches in every shot, but spans only a small area.
    return found if found is not None and found.spread > MIN_FEATURE_SPREAD else None


def fit_homography(
    source: np.ndarray, goal: np.ndarray, shape: tuple[int, ...]
) -> HomographyFit | None:
    """Returns the homography from points `source` to `goal` (n, 2), or None.

    It is a similarity if the inliers are too few or span too little for a homography.
    """
    matrix, inliers = cv2.findHomography(
        source, goal, cv2.USAC_MAGSAC, RANSAC_PX, maxIters=2000, confidence=0.999
    )
    if matrix is not None:
        chosen = goal[inliers[:, 0] == 1]
        spread = _spread(chosen, shape) if len(chosen) > 2 else 0.0
        if len(chosen) >= MIN_INLIERS_HOMOGRAPHY and spread > MIN_SPREAD:
            return (
                HomographyFit(matrix, len(chosen), spread) if is_plausible(matrix, shape) else None
            )
    small, inliers = cv2.estimateAffinePartial2D(
        source, goal, method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PX
    )
    if small is None or inliers.sum() < MIN_INLIERS_SIMILARITY:
        return None
    full = np.vstack([small, [0, 0, 1]])
    chosen = goal[inliers[:, 0] == 1]
    if not is_plausible(full, shape):
        return None
    return HomographyFit(full, len(chosen), _spread(chosen, shape))


def is_plausible(matrix: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Returns True if an image of `shape` stays convex, is not mirrored and changes in area by less
    than a factor of 6."""
    height, width = shape[:2]
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    moved = transform(matrix, outline).astype(np.float32)
    area = cv2.contourArea(moved, oriented=True) / (height * width)
    return bool(np.isfinite(moved).all() and 1 / 6 < area < 6 and cv2.isContourConvex(moved))


def _spread(points: np.ndarray, shape: tuple[int, ...]) -> float:
    """Returns the area of the convex hull of points (n, 2), as a share of the image."""
    hull = cv2.convexHull(points.astype(np.float32))
    return cv2.contourArea(hull) / (shape[0] * shape[1])
