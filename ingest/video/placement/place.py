"""Finds the canvas in every frame: refined poses, corners in shot coordinates, light gains."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ingest.conventions.errors import Refusal
from ingest.video.canvas.canvas import (
    Canvas,
    CanvasConfig,
    edge_strength,
    find_canvas,
    lasting_change,
    whole_frame,
)
from ingest.video.canvas.footage import Footage
from ingest.video.canvas.view_border import is_view_border
from ingest.video.imaging.geometry import transform
from ingest.video.lighting.background_light import background_gains
from ingest.video.placement.canvas_drift import correct_canvas_drift
from ingest.video.placement.displacement_compensation import compensate_displacements
from ingest.video.placement.edge_refinement import refine_edges
from ingest.video.placement.shot_linking import link_shots
from ingest.video.registration.composites import opening_composite, shot_composites
from ingest.video.registration.pose_refinement import (
    refine_on_canvas,
    refine_on_table_and_canvas,
    refine_poses,
)
from ingest.video.registration.sampled_video import MIN_FRAMES, SampledVideo
from ingest.video.segmentation.segmenter import SegmenterConfig
from ingest.video.segmentation.shot_segmentation import segmented_canvas

LIGHT_SCALE = 0.25
"""Scale, relative to shot coordinates, at which the light of the background is compared."""
REFINEMENT_ROUNDS = 2
"""Number of rounds of pose refinement; each uses sharper composites."""


@dataclass(frozen=True, eq=False)
class Placement:
    """The canvas in the frames of the main view, those that show the canvas."""

    used: list[int]
    """Positions of these frames among the sampled frames, ascending (n)."""
    canvas: Canvas
    """The canvas in shot coordinates."""
    footage: Footage
    gains: np.ndarray | None
    """float32 (n, 3), gains per channel from the background of the canvas; None without one."""
    views: list[int]
    """Number of the view, with its own light, of each frame (n); 0 where there is a single one."""


def place_canvas(
    sampled: SampledVideo, name: str, config: CanvasConfig, segmenter: SegmenterConfig
) -> Placement:
    """Find the canvas in all frames. Poses in `sampled` are changed.

    Args:
        name: name of the video, for messages.

    Raises:
        Refusal: canvas-lost.
    """
    used = link_shots(sampled)
    if len(used) < MIN_FRAMES:
        raise Refusal(
            "canvas-lost",
            f"no view of {name} lasts for {MIN_FRAMES} of its {len(sampled.frames)} "
            "frames: the camera or the canvas moves too much to be followed",
        )
    size = sampled.frames[0].grey.shape[1], sampled.frames[0].grey.shape[0]
    composites, anchored = shot_composites(sampled, used, size), dict[int, float]()
    for _ in range(REFINEMENT_ROUNDS):
        used, anchored = refine_poses(
            sampled, used, composites, lambda c: _rough_canvas(c, None, config)
        )
        composites = shot_composites(sampled, used, size)
    used, anchored, moved, composites = _register_to_canvas(
        sampled, used, anchored, composites, config
    )
    canvas = segmented_canvas(composites, segmenter)
    if canvas is None:
        poses = [sampled.frames[i].pose.matrix for i in used]
        canvas = _final_canvas(composites, opening_composite(sampled, used, size), poses, config)
    gains = _background_gains(sampled, used, moved, canvas, size)
    if gains is not None:
        canvas = refine_edges(sampled, used, anchored.keys() - moved.keys(), canvas, gains)
    footage = Footage.TABLE if canvas.kind == "quad" else Footage.SCREEN
    return Placement(used, canvas, footage, gains, [0] * len(used))


def _register_to_canvas(
    sampled: SampledVideo,
    used: list[int],
    anchored: dict[int, float],
    composites: list[np.ndarray],
    config: CanvasConfig,
) -> tuple[list[int], dict[int, float], dict[int, np.ndarray], list[np.ndarray]]:
    """Register frames to the canvas where it was moved, or where the table does not fix the pose.

    Returns:
        Positions of the frames that show the canvas; the anchored ones of them with the share of
        the static points of each; for frames in which the canvas was moved, the homography (3, 3)
        that undoes it; and composites with the new poses.
    """
    size = composites[0].shape[1], composites[0].shape[0]
    rough = _rough_canvas(composites, opening_composite(sampled, used, size), config)
    moved = compensate_displacements(sampled, used, anchored.keys(), composites, rough)
    refined = [] if moved else refine_on_table_and_canvas(sampled, anchored, composites, rough)
    drifted = set[int]() if moved else correct_canvas_drift(sampled, used, anchored, rough)
    anchored = {i: share for i, share in anchored.items() if i not in drifted}
    if rough.kind == "quad":
        unanchored = [i for i in used if i not in anchored]
        refined_on_canvas = refine_on_canvas(
            sampled, unanchored, sorted({*anchored, *drifted}), rough
        )
        # If the canvas was moved, the pose of a frame registered to nothing is unknown.
        used = sorted({*anchored, *refined_on_canvas}) if moved else used
        if moved or refined or refined_on_canvas:
            composites = shot_composites(sampled, used, size)
    return used, anchored, moved, composites


def _final_canvas(
    composites: list[np.ndarray], opening: np.ndarray, poses: list[np.ndarray], config: CanvasConfig
) -> Canvas:
    """Returns the canvas found in all composites, or else in the half of them that scores best."""
    canvases = candidate_canvases(composites, opening, config)
    whole = next(canvases)
    if whole.kind == "quad":
        return whole
    part = max([whole, *canvases], key=_quad_score)
    size = (opening.shape[1], opening.shape[0])
    if part.kind == "quad" and is_view_border(part.corners, poses, size):
        return whole_frame(composites, config)
    return part


def _rough_canvas(
    composites: list[np.ndarray], opening: np.ndarray | None, config: CanvasConfig
) -> Canvas:
    """Returns the canvas that scores best in all composites, or in a half of them.

    It may have been moved between the halves.
    """
    return max(candidate_canvases(composites, opening, config), key=_quad_score)


def candidate_canvases(
    composites: list[np.ndarray], opening: np.ndarray | None, config: CanvasConfig
) -> Iterator[Canvas]:
    """Yields the canvas found in all composites, in their first half and in their last half.

    Args:
        composites: RGB uint8 (h, w, 3), in order of time.
        opening: composite of the first frames of the main view.
    """
    middle, change = len(composites) // 2, lasting_change(composites, opening)
    strengths = [edge_strength(composite) for composite in composites]
    for part in (slice(None), slice(middle), slice(middle, None)):
        if composites[part]:
            # The canvas may be moved before the last half. The edges of the opening would then
            # pull its sides to the old position.
            early = None if part.start else opening
            yield find_canvas(composites[part], config, change, early, strengths[part])


def _quad_score(canvas: Canvas) -> tuple[bool, float]:
    """Sort key: quadrilaterals before whole frames, then by score."""
    return canvas.kind == "quad", canvas.score


def _background_gains(
    sampled: SampledVideo,
    used: list[int],
    moved: dict[int, np.ndarray],
    canvas: Canvas,
    size: tuple[int, int],
) -> np.ndarray | None:
    """Returns gains float32 (n, 3) that give the background the same light in all frames, or None.

    Args:
        moved: homography that undid the displacement, for frames in which the canvas was moved.
        size: (width, height) in shot coordinates.
    """
    # Undoing the displacement moved the table. Here the table has to be static again.
    to_table = {i: np.linalg.inv(to_home) for i, to_home in moved.items()}
    displaced = {
        matrix.tobytes(): transform(matrix, canvas.corners) for matrix in to_table.values()
    }
    return background_gains(
        [sampled.frames[i].small for i in used],
        [to_table.get(i, np.eye(3)) @ sampled.shot_from_small(i) for i in used],
        [canvas.corners, *displaced.values()],
        size,
        LIGHT_SCALE,
    )
