"""Computes composites of a shot: the per-pixel median of a few registered frames.

The median removes most of the hands.
"""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.video.imaging.fill import filled
from ingest.video.imaging.geometry import rectified, valid_area
from ingest.video.imaging.median import upper_median
from ingest.video.registration.sampled_video import SampledVideo

MAX_COMPOSITES = 10
"""Largest number of composites of a shot."""
COMPOSITE_FRAMES = 5
"""Number of frames whose median is a composite."""


def shot_composites(
    sampled: SampledVideo, used: list[int], size: tuple[int, int]
) -> list[np.ndarray]:
    """Returns composites of the main view in order of time, RGB uint8 (h, w, 3) each.

    The frames are split into equal parts, and each composite is the median of frames of one part.
    Pixels that no frame shows are filled in from earlier composites, or else from later ones.

    Args:
        used: positions of the frames of the main view.
        size: (width, height) in shot coordinates.
    """
    found: list[np.ndarray] = []
    visible: list[np.ndarray] = []
    for group in np.array_split(np.array(used), min(MAX_COMPOSITES, len(used) // COMPOSITE_FRAMES)):
        chosen = np.linspace(0, len(group) - 1, COMPOSITE_FRAMES).round().astype(int)
        known = visible[-1].copy() if visible else np.zeros(size[::-1], bool)
        for i in group[chosen]:
            known |= valid_area(sampled.frame_shape, sampled.shot_from_frame(int(i)), size)
        found.append(composite(sampled, group[chosen], size, found[-1] if found else None))
        visible.append(known)
    # Filled in, so that the border of a closer view does not look like an edge.
    for k in range(len(found) - 2, -1, -1):
        found[k] = filled(found[k], visible[k], found[k + 1])
    return found


def opening_composite(sampled: SampledVideo, used: list[int], size: tuple[int, int]) -> np.ndarray:
    """Returns the composite RGB uint8 (h, w, 3) of the first frames of the main view."""
    return composite(sampled, used[:COMPOSITE_FRAMES], size, None)


def composite(
    sampled: SampledVideo,
    frames: Sequence[int] | np.ndarray,
    size: tuple[int, int],
    base: np.ndarray | None,
) -> np.ndarray:
    """Returns the per-pixel median RGB uint8 (h, w, 3) of some frames in shot coordinates.

    Args:
        frames: positions of the frames.
        size: (width, height) of the result.
        base: RGB uint8 (h, w, 3) that fills in what a frame does not show; if None, the frame
            before it does.
    """
    warped: list[np.ndarray] = []
    for i in frames:
        image, matrix = sampled.frame_cache.image(int(i)), sampled.shot_from_cached(int(i))
        image_in_shot = rectified(image, matrix, size)
        outside = ~valid_area(image.shape, matrix, size)
        filling = base if base is not None else (warped[-1] if warped else None)
        if filling is not None:
            cv2.copyTo(filling, outside.view(np.uint8), image_in_shot)
        warped.append(image_in_shot)
    return upper_median(warped)
