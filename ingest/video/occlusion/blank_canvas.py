"""Tells whether a canvas, part of which may be hidden, is still blank, and computes its colour.

`ingest.video.imaging.colour_distance.is_blank` answers another question: whether a finished
keyframe, of which nothing is hidden, shows no structure.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.difference import differs

BLUR_PX = 12
"""Standard deviation of the blur that gives the local colour of the blank canvas, whose light may
fall off."""
MIN_BLUR_WEIGHT = 0.02
"""Least blurred weight of blank pixels nearby; below it the median colour is used."""
MAX_SHADING_TOLERANCES = 3.0
"""Largest difference from the median colour, in tolerances, that falling light explains."""


@dataclass(frozen=True)
class BlankTest:
    """What must be seen for a canvas to count as blank."""

    min_seen_share: float
    """Least share of the picture that must be seen."""
    min_blank_share: float
    """Least share of what is seen that must have the colour of the canvas."""
    allows_shading: bool
    """Compares each pixel with the colour around it, so that light may fall off; otherwise with
    the median of the canvas."""


OPENING = BlankTest(min_seen_share=0.2, min_blank_share=0.85, allows_shading=False)
"""The first time bin, which may show hands."""
OCCLUDED_OPENING = BlankTest(min_seen_share=0.2, min_blank_share=0.6, allows_shading=False)
"""The first time bin where hands are all over the canvas: most of what is in view has one colour
still, hands included."""
FIRST_STATE = BlankTest(min_seen_share=0.4, min_blank_share=0.85, allows_shading=True)
"""The first clean state of footage whose views have a light of their own."""


@dataclass(frozen=True, eq=False)
class BlankCanvas:
    """A canvas without paint."""

    where: np.ndarray
    """bool (h, w): pixels that look blank."""
    colour: np.ndarray
    """RGB uint8 (h, w, 3): the colour of the canvas at each pixel, hidden ones too."""


def find_blank_canvas(
    image: np.ndarray, seen: np.ndarray, tolerance: np.ndarray, test: BlankTest
) -> BlankCanvas | None:
    """Returns the blank canvas, or None if too little is seen or it is not blank.

    Args:
        image: RGB uint8 (h, w, 3).
        seen: bool (h, w), where it shows the canvas.
        tolerance: float32 (h, w), largest difference between equal observations.
    """
    if seen.mean() < test.min_seen_share:
        return None
    median = np.median(image[seen], axis=0).astype(np.uint8)
    flat = np.broadcast_to(median, image.shape).copy()
    farthest = MAX_SHADING_TOLERANCES * tolerance if test.allows_shading else tolerance
    where = ~differs(image, flat, farthest)
    colour = _local_colour(image, seen & where, median)
    if test.allows_shading:
        where &= ~differs(image, colour, tolerance)
    return BlankCanvas(where, colour) if where[seen].mean() >= test.min_blank_share else None


def _local_colour(image: np.ndarray, where: np.ndarray, default: np.ndarray) -> np.ndarray:
    """Returns the mean colour near each pixel of the pixels `where`, RGB uint8 (h, w, 3)."""
    weight = cv2.GaussianBlur(where.astype(np.float32), (0, 0), BLUR_PX)
    part = np.where(where[..., None], image, 0).astype(np.float32)
    mean = cv2.GaussianBlur(part, (0, 0), BLUR_PX) / np.maximum(weight, 1e-4)[..., None]
    return np.where(weight[..., None] > MIN_BLUR_WEIGHT, mean, default).round().astype(np.uint8)
