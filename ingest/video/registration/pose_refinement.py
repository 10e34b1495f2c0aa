"""Refines the poses of all frames of the main view against its static parts.

Frames that show enough of the static reference are *anchored* to it. The others are registered to
the canvas as it looks at about the same time.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import area_of, grown, transform
from ingest.video.registration.composites import composite
from ingest.video.registration.drift_correction import (
    MIN_HULL_SHARE_DRIFTED,
    find_drift_corrections,
)
from ingest.video.registration.sampled_video import MIN_FRAMES, SampledVideo
from ingest.video.registration.static_reference import RefinedPose, StaticReference

NEIGHBOURS = 8
"""Number of anchored frames near a frame whose composite it is registered to."""
MIN_ANCHORED = 5
"""Least number of anchored frames for that."""
FAR_PX = 14.0
"""Largest error of a pose before refinement against a composite of neighbours, or against table
and canvas together."""
NEAR_PX = 4.0
"""Largest error of the pose in the second refinement against the composite of neighbours."""
MIN_CORNER_MOVE_PX = 1.0
"""Least displacement of a canvas corner for which table and canvas together replace a pose."""
CERTAIN_SHARE = 0.5
"""Share of the static points from which an anchored pose is not refined again."""
TABLE_FACTOR = 1.08
"""The table begins outside of the canvas enlarged by this factor."""
CANVAS_FACTOR = 1.02
"""Points within the canvas enlarged by this factor count as its own."""
MIN_TABLE_POINTS = 60
"""Least number of static points on the table for a reference without the canvas."""


def refine_poses(
    sampled: SampledVideo,
    used: list[int],
    composites: list[np.ndarray],
    find_rough_canvas: Callable[[list[np.ndarray]], Canvas],
) -> tuple[list[int], dict[int, float]]:
    """Register the frames again, to the static reference or else to a composite near them in time.

    Poses in `sampled` are changed. If fewer than `MIN_FRAMES` succeed, all frames are returned.

    Args:
        used: positions of the frames of the main view, ascending.
        composites: of the main view, RGB uint8 (h, w, 3), in order of time.
        find_rough_canvas: returns the approximate canvas in composites.

    Returns:
        The positions of the frames that could be registered, ascending; and for those that are
        anchored to the static reference, the share of its points that they show.
    """
    references = _References(composites, find_rough_canvas)
    if not references.static.is_reliable:
        return used, {}
    refined, anchored = [], dict[int, float]()
    for n, i in enumerate(used):
        frame = sampled.frames[i]
        fine, is_anchored = references.refine_pose(frame.grey, frame.pose.matrix, n / len(used))
        if fine is not None:
            refined.append(i)
            sampled.set_pose(i, fine.pose)
            if is_anchored:
                anchored[i] = fine.visible_share
    return (refined, anchored) if len(refined) >= MIN_FRAMES else (used, {})


def refine_on_table_and_canvas(
    sampled: SampledVideo, anchored: dict[int, float], composites: list[np.ndarray], canvas: Canvas
) -> list[int]:
    """Register frames that show little of the table to table and canvas together.

    The canvas must be known to be static. A pose is replaced only if it changes a corner of the
    canvas by more than `MIN_CORNER_MOVE_PX`.

    Args:
        anchored: positions of the anchored frames, and the share of the static points of each.
        composites: of the main view, RGB uint8 (h, w, 3), in order of time.
        canvas: its approximate position.

    Returns:
        The positions of the frames whose poses were replaced.
    """
    reference, refined = StaticReference(composites, corners=canvas.corners), []
    uncertain = [i for i, share in anchored.items() if share < CERTAIN_SHARE]
    for i in uncertain if reference.is_reliable else ():
        known = sampled.frames[i].pose.matrix
        fine = reference.refine_pose(sampled.frames[i].grey, known, max_move_px=FAR_PX)
        if fine is None:
            continue
        seen = transform(np.linalg.inv(known), canvas.corners)
        if np.abs(transform(fine.pose, seen) - canvas.corners).max() > MIN_CORNER_MOVE_PX:
            sampled.set_pose(i, fine.pose)
            refined.append(i)
    return refined


def refine_on_canvas(
    sampled: SampledVideo, unanchored: list[int], anchored: list[int], canvas: Canvas
) -> list[int]:
    """Register frames to the canvas as it looks in anchored frames near them in time.

    Args:
        unanchored: positions of the frames to register.
        anchored: positions of the anchored frames, ascending.
        canvas: its approximate position in all of these.

    Returns:
        The positions of the frames that could be registered; all of `unanchored`, unchanged, if
        there are fewer than `MIN_ANCHORED` anchored frames.
    """
    if len(anchored) < MIN_ANCHORED:
        return unanchored
    height, width = sampled.frames[anchored[0]].grey.shape
    area = area_of(grown(canvas.corners, CANVAS_FACTOR), (height, width))
    references: dict[int, StaticReference] = {}
    refined = []
    for i in unanchored:
        start = bisect_left(anchored, i) - NEIGHBOURS // 2
        # Rounded to a few starts, so that frames near each other share a reference.
        start = max(0, min(start - start % (NEIGHBOURS // 2), len(anchored) - NEIGHBOURS))
        if start not in references:
            near = anchored[start : start + NEIGHBOURS]
            picture = composite(sampled, near, (width, height), None)
            references[start] = StaticReference([picture], area, canvas.corners)
        grey, pose = sampled.frames[i].grey, sampled.frames[i].pose.matrix
        rough = references[start].refine_pose(grey, pose, max_move_px=FAR_PX)
        fine = rough and references[start].refine_pose(grey, rough.pose, max_move_px=NEAR_PX)
        if fine is not None:
            refined.append(i)
            sampled.set_pose(i, fine.pose)
    return refined


class _References:
    """What frames are registered to: the static reference, or else the composite of their time."""

    def __init__(
        self,
        composites: list[np.ndarray],
        find_rough_canvas: Callable[[list[np.ndarray]], Canvas],
    ) -> None:
        self.composites = composites
        found = find_rough_canvas(composites)
        corners = found.corners if found.kind == "quad" else None
        self.static = _static_reference(composites, corners)
        is_reliable = self.static.is_reliable
        self.drift = find_drift_corrections(composites, self.static, corners) if is_reliable else []
        """For each composite the homography (3, 3) that corrects its drift, or None."""
        self._local: dict[int, StaticReference] = {}

    def refine_pose(
        self, image: np.ndarray, pose: np.ndarray, part: float
    ) -> tuple[RefinedPose | None, bool]:
        """Returns the refined pose of a frame (None if it fits no reference), and whether the frame
        is anchored.

        Args:
            image: contrast-normalised grey uint8 (h, w).
            pose: homography (3, 3) to shot coordinates.
            part: share of the frames of the main view that come before this one, 0 to 1.
        """
        k = min(int(part * len(self.composites)), len(self.composites) - 1)
        fine = self.static.refine_pose(image, pose)
        # A frame at the border between two composites may have the drift of the other one.
        for j in (k, k - 1, k + 1):
            correction = self.drift[j] if 0 <= j < len(self.drift) else None
            if fine is None and correction is not None:
                fine = self.static.refine_pose(image, correction @ pose, MIN_HULL_SHARE_DRIFTED)
        if fine is not None:
            return fine, True
        if k not in self._local:
            self._local[k] = StaticReference([self.composites[k]])
        fine, correction = self._local[k].refine_pose(image, pose), self.drift[k]
        if fine is not None and correction is not None:
            fine = replace(fine, pose=correction @ fine.pose)
        return fine, False


def _static_reference(composites: list[np.ndarray], canvas: np.ndarray | None) -> StaticReference:
    """Returns the reference from the table alone if that has enough points, else from everything.

    The canvas is left out because it may be moved: a pose that fits a moved canvas and the table
    at once is exact for neither.

    Args:
        canvas: approximate corners (4, 2), if known.
    """
    if canvas is not None:
        table = ~area_of(grown(canvas, TABLE_FACTOR), composites[0].shape)
        reference = StaticReference(composites, table, canvas)
        has_points = reference.is_reliable and len(reference.points) >= MIN_TABLE_POINTS
        if has_points and reference.encloses(canvas):
            return reference
    return StaticReference(composites, corners=canvas)
