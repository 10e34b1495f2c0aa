"""The homography between two views of one place, by points that look alike.

`follow` tracks points from a picture that is nearly aligned already (sub-pixel, quick); `recover`
matches features without any guess (cuts, zooms, rotations). Both use RANSAC, so hands and new
paint are outliers.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.geometry import transform

RANSAC_PX = 2.0
MIN_INLIERS_SIMILARITY, MIN_INLIERS_HOMOGRAPHY, MIN_SPREAD = 10, 40, 0.2
STILL_PX, STILL_SHARE = 0.12, 0.25
"""Points that move less stand still; if at least that share does, the camera did not move."""
MIN_FOUND_SPREAD = 0.03
"""Area (share of the picture) that points found without a guess must span."""
MAX_POINTS = 300
NEAR_PX, CONTRAST, NOISE_LEVELS = 25, 42.0, 6.0
"""Neighbourhood within which grey is evened out; its standard deviation afterwards; and grey levels
below which structure is noise."""
WINDOW_PX, LEVELS = 17, 3
"""Size of the window that is followed, and how often the pictures are halved to find it far off."""


@dataclass(frozen=True)
class Fit:
    """A homography and what supports it."""

    matrix: np.ndarray
    num_inliers: int
    spread: float
    """Area of the inliers' hull as a share of the picture."""

    @property
    def is_firm(self) -> bool:
        """Enough support all over the picture to be exact in its corners."""
        return self.num_inliers >= MIN_INLIERS_HOMOGRAPHY and self.spread > MIN_SPREAD


@dataclass(frozen=True)
class Features:
    """SIFT keypoints (n, 2) and descriptors (n, 128)."""

    points: np.ndarray
    descriptors: np.ndarray


def grey(image: np.ndarray) -> np.ndarray:
    """RGB uint8 (H, W, 3) to grey uint8 with one local brightness and contrast everywhere.

    Faint drawings get corners too, and a table looks the same whatever is painted beside it.
    """
    even = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32)
    mean = cv2.boxFilter(even, -1, (NEAR_PX, NEAR_PX))
    spread = cv2.boxFilter(even * even, -1, (NEAR_PX, NEAR_PX))
    # In place: this runs on every frame, and new memory costs more than the sums.
    even -= mean
    spread -= np.multiply(mean, mean, out=mean)
    np.sqrt(np.maximum(spread, 0, out=spread), out=spread)
    spread += NOISE_LEVELS
    even *= np.divide(CONTRAST, spread, out=spread)
    even += 128
    return np.clip(even, 0, 255, out=even).astype(np.uint8)


def corners_to_track(known: np.ndarray) -> np.ndarray:
    """Up to `MAX_POINTS` well-defined points (n, 2) of a grey picture."""
    found = cv2.goodFeaturesToTrack(known, MAX_POINTS, 0.005, 9, blockSize=5)
    return np.zeros((0, 2)) if found is None else found[:, 0].astype(np.float64)


def tracked(
    known: np.ndarray,
    points: np.ndarray,
    seen: np.ndarray,
    levels: int = LEVELS,
    max_move_px: float = np.inf,
) -> tuple[np.ndarray, np.ndarray]:
    """Where points float32 (n, 1, 2) of `known` lie in `seen`, and how far off they come back.

    The latter, in pixels (n,), is from tracking the other way; infinite where a point is lost or
    moved by `max_move_px` or more. With fewer `levels` only near points are found, sooner.
    """
    options = {"winSize": (WINDOW_PX, WINDOW_PX), "maxLevel": levels, "minEigThreshold": 1e-4}
    moved, ok, _ = cv2.calcOpticalFlowPyrLK(known, seen, points, None, **options)  # pyright: ignore
    near = (ok[:, 0] == 1) & (np.linalg.norm(moved - points, axis=2)[:, 0] < max_move_px)
    error = np.full(len(points), np.inf, np.float32)
    if near.any():
        # What went astray takes longest to follow back.
        start, goal = moved[near], points[near]
        back, ok, _ = cv2.calcOpticalFlowPyrLK(seen, known, start, None, **options)  # pyright: ignore
        off = np.linalg.norm(back - goal, axis=2)[:, 0]
        error[near] = np.where(ok[:, 0] == 1, off, np.inf)
    return moved, error


def follow(known: np.ndarray, points: np.ndarray, seen: np.ndarray) -> Fit | None:
    """The small correction that maps `seen` onto `known` (both grey, nearly aligned).

    It is the identity when the view stands still; None when too few points can be tracked.
    """
    if len(points) < MIN_INLIERS_SIMILARITY:
        return None
    start = points.astype(np.float32).reshape(-1, 1, 2)
    moved, error = tracked(known, start, seen)
    good = error < 1.0
    if good.sum() < MIN_INLIERS_SIMILARITY:
        return None
    source, goal = moved[good, 0].astype(np.float64), points[good]
    still = np.linalg.norm(source - goal, axis=1) < STILL_PX
    if still.mean() >= STILL_SHARE:
        return Fit(np.eye(3), int(still.sum()), _spread(goal[still], seen.shape))
    return fit(source, goal, seen.shape)


def features(image: np.ndarray) -> Features:
    """SIFT features of a grey picture."""
    points, descriptors = cv2.SIFT_create(1200).detectAndCompute(image, None)  # pyright: ignore
    if descriptors is None:
        return Features(np.zeros((0, 2)), np.zeros((0, 128), np.float32))
    return Features(np.array([p.pt for p in points], np.float64), descriptors)


def recover(known: Features, seen: Features, shape: tuple[int, ...]) -> Fit | None:
    """The homography from `seen` to `known` without a guess, or None."""
    if min(len(known.points), len(seen.points)) < 2 * MIN_INLIERS_SIMILARITY:
        return None
    pairs = cv2.BFMatcher(cv2.NORM_L2).knnMatch(seen.descriptors, known.descriptors, k=2)
    good = [p[0] for p in pairs if len(p) == 2 and p[0].distance < 0.75 * p[1].distance]
    if len(good) < 2 * MIN_INLIERS_SIMILARITY:
        return None
    source = seen.points[[m.queryIdx for m in good]]
    goal = known.points[[m.trainIdx for m in good]]
    found = fit(source, goal, shape)
    # A watermark is in every shot, at its place on the screen: so small an area says nothing.
    return found if found is not None and found.spread > MIN_FOUND_SPREAD else None


def fit(source: np.ndarray, goal: np.ndarray, shape: tuple[int, ...]) -> Fit | None:
    """Homography of point pairs (n, 2); a similarity where the points cover too little for one."""
    matrix, inliers = cv2.findHomography(
        source, goal, cv2.USAC_MAGSAC, RANSAC_PX, maxIters=2000, confidence=0.999
    )
    if matrix is not None:
        chosen = goal[inliers[:, 0] == 1]
        spread = _spread(chosen, shape) if len(chosen) > 2 else 0.0
        if len(chosen) >= MIN_INLIERS_HOMOGRAPHY and spread > MIN_SPREAD:
            return Fit(matrix, len(chosen), spread) if plausible(matrix, shape) else None
    small, inliers = cv2.estimateAffinePartial2D(
        source, goal, method=cv2.RANSAC, ransacReprojThreshold=RANSAC_PX
    )
    if small is None or inliers.sum() < MIN_INLIERS_SIMILARITY:
        return None
    full = np.vstack([small, [0, 0, 1]])
    chosen = goal[inliers[:, 0] == 1]
    if not plausible(full, shape):
        return None
    return Fit(full, len(chosen), _spread(chosen, shape))


def plausible(matrix: np.ndarray, shape: tuple[int, ...]) -> bool:
    """Whether a picture of `shape` stays convex, upright side up, and within 6 times its size."""
    height, width = shape[:2]
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    moved = transform(matrix, outline).astype(np.float32)
    area = cv2.contourArea(moved, oriented=True) / (height * width)
    return bool(np.isfinite(moved).all() and 1 / 6 < area < 6 and cv2.isContourConvex(moved))


def _spread(points: np.ndarray, shape: tuple[int, ...]) -> float:
    """Area of the points' convex hull as a share of the picture."""
    hull = cv2.convexHull(points.astype(np.float32))
    return cv2.contourArea(hull) / (shape[0] * shape[1])
