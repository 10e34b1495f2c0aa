"""Moves the sides of the canvas onto the edges of the painted area, from its start and its end."""

from __future__ import annotations

from collections.abc import Set

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.side_refinement import (
    PRIOR_MOVED_PX,
    PRIOR_PX,
    BeforeAfter,
    margin_view,
    refine_sides,
)
from ingest.video.imaging.geometry import pixel_scale, valid_area, warp
from ingest.video.imaging.median import upper_median
from ingest.video.lighting.light import apply_gain
from ingest.video.registration.sampled_video import SampledVideo

START_FRAMES = 3
"""Number of frames that show the start; few, because soon there is paint."""
END_FRAMES = 7
"""Number of frames that show the end."""
MIN_IN_VIEW = 0.99
"""Share of the canvas, with its margin, that must be in view in these frames."""
MAX_SCALE_RATIO = 1.04
"""Largest ratio between the scale of a frame and the median scale."""
MIDDLE_SHARES = (0.35, 0.4, 0.45, 0.5, 0.55, 0.6, 0.65)
"""Positions of the frames that show the middle of the process, as shares of the suitable frames."""


def refine_edges(
    sampled: SampledVideo, used: list[int], static: Set[int], canvas: Canvas, gains: np.ndarray
) -> Canvas:
    """Returns the canvas with its sides on the edges of the painted area.

    Args:
        used: positions of the frames of the main view, ascending (n).
        static: those of them in which the canvas is not moved relative to the table.
        gains: float32 (n, 3), gains per channel that give all frames the same light.
    """
    whole = _suitable_frames(sampled, used, canvas)
    view, size = margin_view(canvas)

    def median(numbers: list[int]) -> np.ndarray:
        return _median_view(sampled, used, numbers, view, size, gains)

    early, late = whole[:START_FRAMES], whole[-END_FRAMES:]
    middle = [whole[round(share * (len(whole) - 1))] for share in MIDDLE_SHARES]
    in_place = [n for n in whole if used[n] in static]
    start, end = median(early), median(late)
    pairs = []
    # If the table moved, it changed as well, and change does not show where paint ends.
    prior_px = PRIOR_PX if {*early, *late} <= {*in_place} else PRIOR_MOVED_PX
    if prior_px != PRIOR_PX and len(in_place) >= START_FRAMES + END_FRAMES:
        pairs.append(BeforeAfter(median(in_place[:START_FRAMES]), median(in_place[-END_FRAMES:])))
    # A side may be painted within the first frames. The very first frame shows it blank.
    pairs += [BeforeAfter(start, end, prior_px), BeforeAfter(median(early[:1]), end, prior_px)]
    if {*early, *middle} <= {*in_place}:
        # Paint that ends as light as the blank canvas may have had another colour before.
        pairs.append(BeforeAfter(start, median(middle)))
    return refine_sides(canvas, pairs)


def _suitable_frames(sampled: SampledVideo, used: list[int], canvas: Canvas) -> list[int]:
    """Returns indices into `used` of the frames that are suitable for refinement.

    They show all of the canvas at about the median scale. Closer views show the thickness of the
    canvas from another angle. If no frame shows all of it, only the scale counts.
    """
    view, size = margin_view(canvas)
    shape = sampled.frame_cache.image(used[0]).shape
    whole = [
        n
        for n, i in enumerate(used)
        if valid_area(shape, view @ sampled.shot_from_cached(i), size).mean() > MIN_IN_VIEW
    ]
    if not whole:
        whole = list(range(len(used)))
    scales = np.array([pixel_scale(view @ sampled.shot_from_cached(used[n])) for n in whole])
    near = np.abs(np.log(scales / np.median(scales))) < np.log(MAX_SCALE_RATIO)
    return [n for n, is_near in zip(whole, near, strict=True) if is_near]


def _median_view(
    sampled: SampledVideo,
    used: list[int],
    numbers: list[int],
    view: np.ndarray,
    size: tuple[int, int],
    gains: np.ndarray,
) -> np.ndarray:
    """Returns the per-pixel median RGB uint8 (h, w, 3) of some frames, in one view and light.

    Args:
        numbers: indices of the frames into `used`.
        view: homography (3, 3) from shot coordinates to the view.
        size: (width, height) of the view.
    """
    warped = [
        apply_gain(
            warp(
                sampled.frame_cache.image(used[n]), view @ sampled.shot_from_cached(used[n]), size
            ),
            gains[n],
        )
        for n in numbers
    ]
    return upper_median(warped)
