"""Corrects the drift of parts of a video from what the canvas looks like in neighbouring parts.

If the table cannot be registered (a rag lies on it, or tracking followed a moved canvas), frames
are registered to each other only, and drift together by several pixels.
"""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.outline_matching import OutlineMatcher
from ingest.video.placement.displacement_compensation import composite_of_first, shows_whole_canvas
from ingest.video.placement.displacement_estimation import estimate_drift
from ingest.video.registration.sampled_video import SampledVideo

PART_FRAMES = 12
"""Number of frames in a part."""
MIN_ANCHORED_SHARE = 0.3
"""A part is anchored if at least this share of its frames is."""
MIN_VISIBLE_FACTOR = 0.5
"""A frame counts as anchored only if it shows at least this factor of the median share of static
points."""


def correct_canvas_drift(
    sampled: SampledVideo, used: list[int], anchored: dict[int, float], canvas: Canvas
) -> set[int]:
    """Register parts that are not anchored to the canvas as the neighbouring part shows it.

    Parts are corrected one after another, nearest to the anchored ones first. Poses in `sampled`
    are changed.

    Args:
        used: positions of the frames of the main view, ascending.
        anchored: those of them that are anchored, and the share of the static points of each.
        canvas: its approximate position.

    Returns:
        The positions of the frames whose poses were changed.
    """
    parts = np.array_split(np.array(used), max(1, len(used) // PART_FRAMES))
    is_anchored = _are_anchored(parts, anchored)
    if canvas.kind != "quad" or not is_anchored.any():
        return set()
    anchored_parts, matcher, corrected = (
        np.flatnonzero(is_anchored),
        OutlineMatcher(canvas),
        set[int](),
    )
    for k in sorted(
        np.flatnonzero(~is_anchored), key=lambda k: int(np.abs(anchored_parts - k).min())
    ):
        step = 1 if anchored_parts[np.abs(anchored_parts - k).argmin()] > k else -1
        known, seen = (
            composite_of_first(
                sampled, [int(i) for i in frames if shows_whole_canvas(sampled, i, canvas)]
            )
            for frames in (parts[k + step][::step], parts[k][::-step])
        )
        correction = None if known is None or seen is None else estimate_drift(known, seen, matcher)
        if correction is None:
            continue
        for i in parts[k].tolist():
            sampled.set_pose(i, correction @ sampled.frames[i].pose.matrix)
            corrected.add(i)
    return corrected


def _are_anchored(parts: list[np.ndarray], anchored: dict[int, float]) -> np.ndarray:
    """Returns bool (parts,), True for parts that are anchored."""
    min_share = (
        MIN_VISIBLE_FACTOR * float(np.median(list(anchored.values()))) if anchored else np.inf
    )
    shares = [np.mean([anchored.get(int(i), 0.0) >= min_share for i in part]) for part in parts]
    return np.array(shares) >= MIN_ANCHORED_SHARE
