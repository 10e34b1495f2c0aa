"""Settles all frames of a take on what stays in it, so that nothing drifts through the video.

While frames come in, each can only be registered to what was seen before, and the picture changes:
errors of a pixel add up. Once all is seen we know what lasts (table, easel, the canvas's corners),
and every frame is registered once more to that alone.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import lasting_strength
from ingest.video.imaging.geometry import transform, warp, within
from ingest.video.imaging.median import middle_look
from ingest.video.registration.homography import grey, tracked

MAX_POINTS, MIN_POINTS, MIN_HULL = 400, 16, 0.25
"""Points that last; how many of them a frame must show, and how much of the picture they span."""
LASTING_STRENGTH = 8.0
RANSAC_PX, MAX_BACK_ERROR_PX, MAX_MOVE_PX, LEVELS, FAR_LEVELS = 0.8, 0.7, 6.0, 1, 3
MIN_SEEN, MIN_SEEN_NEAR = 0.5, 0.15
"""Least area that the points seen span, as a share of all that stays; and of all that one composite
shows, which a nearer view shows a part of."""
MOST_WORSE, WORSE_PX, WORSE_GUESS_PX = 1.15, 0.04, 0.3
"""Root mean square error of a similarity, over that of a homography, up to which it will do: a
factor, and pixels on top; more of these where a homography would be a guess."""


@dataclass(frozen=True, eq=False)
class Settled:
    """Where a frame lies on the ground."""

    pose: np.ndarray
    """Homography (3, 3) to take coordinates."""
    shown: float
    """Share of the ground's points that the frame shows there."""


class Ground:
    """What stays in a take."""

    def __init__(
        self,
        composites: list[np.ndarray],
        area: np.ndarray | None = None,
        goal: np.ndarray | None = None,
    ) -> None:
        """What stays.

        Args:
            composites: of a take, RGB uint8 (h, w, 3), in order of time; of one, all of it stays.
            area: bool (h, w), where it is sought; everywhere if not given.
            goal: corners (4, 2) of what poses must be right for, the canvas, if that is known.
        """
        self.goal = goal
        self.min_seen = MIN_SEEN if len(composites) > 1 else MIN_SEEN_NEAR
        self.grey = grey(middle_look(composites))
        is_edge = lasting_strength(composites) > LASTING_STRENGTH
        near = cv2.dilate(is_edge.astype(np.uint8), np.ones((3, 3), np.uint8))
        if area is not None:
            near = near * area.astype(np.uint8)
        found = cv2.goodFeaturesToTrack(self.grey, MAX_POINTS, 0.003, 7, mask=near, blockSize=5)
        self.points = np.zeros((0, 1, 2), np.float32) if found is None else found
        self.hull = _hull_area(self.points[:, 0])

    @property
    def is_firm(self) -> bool:
        """Whether enough stays, all over the picture, to settle frames on."""
        height, width = self.grey.shape
        return len(self.points) >= 2 * MIN_POINTS and self.hull > MIN_HULL * height * width

    def encloses(self, corners: np.ndarray) -> bool:
        """Whether what stays lies all around a quadrilateral (4, 2)."""
        return _encloses(self.points[:, 0], corners)

    def settle(
        self,
        image: np.ndarray,
        pose: np.ndarray,
        min_seen: float | None = None,
        max_move_px: float = MAX_MOVE_PX,
    ) -> Settled | None:
        """A finer pose of a frame, or None where the frame shows too little of the ground.

        Args:
            image: contrast-stretched grey uint8 (H, W).
            pose: its homography to take coordinates, right to a few pixels.
            min_seen: least area that the points seen span, as a share of all that stays.
            max_move_px: how far the pose may be off.
        """
        height, width = self.grey.shape
        seen = warp(image, pose, (width, height))
        start = self.points
        levels = LEVELS if max_move_px <= MAX_MOVE_PX else FAR_LEVELS
        moved, error = tracked(self.grey, start, seen, levels, max_move_px)
        good = error < MAX_BACK_ERROR_PX
        if good.sum() < MIN_POINTS:
            return None
        source = transform(np.linalg.inv(pose), moved[good, 0])
        goal = start[good, 0].astype(np.float64)
        found = _simplest(source, goal, self.goal)
        if found is None:
            return None
        fine, kept = found
        if (
            kept.sum() < MIN_POINTS
            or _hull_area(goal[kept]) < (min_seen or self.min_seen) * self.hull
        ):
            return None
        outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
        back_again = transform(fine @ np.linalg.inv(pose), outline)
        if np.abs(back_again - outline).max() >= 2 * max_move_px:
            return None
        return Settled(fine, float(kept.sum()) / len(start))


def _simplest(
    source: np.ndarray, goal: np.ndarray, wanted: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray] | None:
    """The simplest motion that explains point pairs (n, 2), and which of them it explains.

    A camera that only shakes gives a similarity (four numbers). A homography (eight) always fits
    better, and where a hand hides a corner it is wrong there; so it is used only where a
    similarity plainly does not do, and the more so where corners that are wanted (4, 2) lie
    outside of all points.
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
        typical, best = (float(np.sqrt((e**2).mean())) for e in errors)
        is_guess = wanted is not None and not _encloses(goal[kept], wanted)
        if typical < MOST_WORSE * best + (WORSE_GUESS_PX if is_guess else WORSE_PX):
            return simple, kept
    return full / full[2, 2], kept


def _encloses(points: np.ndarray, corners: np.ndarray) -> bool:
    """Whether points (n, 2) lie all around corners (4, 2)."""
    if len(points) < 3:
        return False
    return bool(within(corners, cv2.convexHull(points.astype(np.float32))).all())


def _hull_area(points: np.ndarray) -> float:
    if len(points) < 3:
        return 0.0
    return float(cv2.contourArea(cv2.convexHull(points.astype(np.float32))))
