"""Undoes displacements of the canvas on the table: it gets one position in shot coordinates."""

from __future__ import annotations

import itertools
from collections.abc import Set

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.outline_matching import OutlineMatcher
from ingest.video.imaging.geometry import transform, warp
from ingest.video.placement.displacement_detection import (
    CanvasPosition,
    assign_positions,
    detect_positions,
)
from ingest.video.placement.displacement_estimation import estimate_displacement
from ingest.video.registration.composites import composite
from ingest.video.registration.sampled_video import SampledVideo

SKIPPED_FRAMES = 2
"""Frames next to a move that are left out, because they may show the move itself."""
NEAR_FRAMES = 28
"""Number of frames beyond these from which a composite is made."""
MAX_COMPOSITE_FRAMES = 9
"""Largest number of frames in a composite, evenly spaced among the near ones."""
MIN_COMPOSITE_FRAMES = 3
"""Least number of frames in a composite."""
VIEW_TOLERANCE_PX = 2.0
"""How far outside of the view a corner of a canvas in view may lie."""


def compensate_displacements(
    sampled: SampledVideo,
    used: list[int],
    anchored: Set[int],
    composites: list[np.ndarray],
    canvas: Canvas,
) -> dict[int, np.ndarray]:
    """Change the poses of all frames in which the canvas was moved, so that it lies at home.

    Args:
        used: positions of the frames of the main view, ascending.
        anchored: those of them that are anchored to the table.
        composites: of the main view, RGB uint8 (h, w, 3), in order of time.
        canvas: the canvas in its home position, approximately.

    Returns:
        For each of these frames the homography (3, 3) that its pose was multiplied by. It moves
        the table of the frame as well.
    """
    if canvas.kind != "quad":
        return {}
    positions = detect_positions(composites, canvas)
    if not any(position is not None and position.number for position in positions):
        return {}
    greys = [sampled.frames[i].grey for i in used]
    poses = [sampled.frames[i].pose.matrix for i in used]
    rough = assign_positions(greys, poses, positions, canvas.corners)
    to_home = _exact_to_home(sampled, used, anchored, rough, canvas)
    moved = {}
    for i, position in zip(used, rough, strict=True):
        if position.number:
            moved[i] = to_home[position.number]
            sampled.set_pose(i, to_home[position.number] @ sampled.frames[i].pose.matrix)
    return moved


def _exact_to_home(
    sampled: SampledVideo,
    used: list[int],
    anchored: Set[int],
    rough: list[CanvasPosition],
    canvas: Canvas,
) -> dict[int, np.ndarray]:
    """Returns the homography (3, 3) to the home position, by number of the position.

    Positions are estimated one after another, starting at home, each from composites just before
    and just after the move. If that fails, the rough estimate is used.

    Args:
        rough: position of the canvas in each frame of `used`.
    """
    matcher = OutlineMatcher(canvas)
    intervals = [
        list(group) for _, group in itertools.groupby(range(len(used)), lambda n: rough[n].number)
    ]
    numbers = [rough[interval[0]].number for interval in intervals]
    to_home: dict[int, np.ndarray] = {0: np.eye(3)}
    home = max(
        (k for k, number in enumerate(numbers) if number == 0), key=lambda k: len(intervals[k])
    )
    for direction in (range(home + 1, len(intervals)), range(home - 1, -1, -1)):
        previous = home
        for k in direction:
            if numbers[k] not in to_home:
                position = rough[intervals[k][0]]
                known = _composite_at_end(
                    sampled, used, anchored, intervals[previous], k > previous, canvas
                )
                seen = _composite_at_end(
                    sampled, used, anchored, intervals[k], k < previous, canvas
                )
                found = None
                if known is not None and seen is not None:
                    size = (known.shape[1], known.shape[0])
                    known = warp(known, to_home[numbers[previous]], size)
                    found = estimate_displacement(known, seen, matcher, position.to_home)
                to_home[numbers[k]] = position.to_home if found is None else found
            previous = k
    return to_home


def _composite_at_end(
    sampled: SampledVideo,
    used: list[int],
    anchored: Set[int],
    interval: list[int],
    at_end: bool,
    canvas: Canvas,
) -> np.ndarray | None:
    """Returns a composite of the start or the end of an interval in which the canvas is static.

    Args:
        interval: indices into `used`.
        at_end: True for the end, False for the start.
    """
    ordered = [used[n] for n in (reversed(interval) if at_end else interval)]
    whole = [i for i in ordered if i in anchored and shows_whole_canvas(sampled, i, canvas)]
    return composite_of_first(sampled, whole[SKIPPED_FRAMES:] or whole)


def composite_of_first(sampled: SampledVideo, frames: list[int]) -> np.ndarray | None:
    """Returns a composite RGB uint8 (h, w, 3) of the first `NEAR_FRAMES` frames; None if too few.

    Args:
        frames: positions of frames, the nearest first.
    """
    near = frames[:NEAR_FRAMES]
    if len(near) < MIN_COMPOSITE_FRAMES:
        return None
    chosen = np.array(near)[
        np.linspace(0, len(near) - 1, min(MAX_COMPOSITE_FRAMES, len(near))).round().astype(int)
    ]
    height, width = sampled.frames[near[0]].grey.shape
    return composite(sampled, sorted(chosen.tolist()), (width, height), None)


def shows_whole_canvas(sampled: SampledVideo, i: int, canvas: Canvas) -> bool:
    """Returns True if frame `i` shows all of the canvas."""
    height, width = sampled.frames[i].grey.shape
    seen = transform(np.linalg.inv(sampled.frames[i].pose.matrix), canvas.corners)
    low, high = -VIEW_TOLERANCE_PX, np.array([width, height]) - 1 + VIEW_TOLERANCE_PX
    return bool((seen >= low).all() and (seen <= high).all())
