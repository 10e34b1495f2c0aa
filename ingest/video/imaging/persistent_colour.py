"""Estimates the background colour of every pixel over time: the colour with the longest time span.

The span of a colour is the time from its first to its last appearance. The temporal median would be
a hand that rests on the table most of the time; but the hand comes and goes, and the table is there
before and after it.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.imaging.median import pixel_median

MEDIAN_PICTURES = 31
"""About how many pictures the temporal median is taken of."""
END_PICTURES = 3
"""Pictures at the start, and at the end, whose median is a further candidate."""


def most_persistent_colour(
    pictures: np.ndarray, tolerance: np.ndarray, good: np.ndarray | None = None
) -> np.ndarray:
    """The colour of every pixel with the longest span, RGB uint8 (h, w, 3).

    Candidates are the medians over all pictures, over the first and over the last ones.

    Args:
        pictures: RGB uint8 (n, h, w, 3) in order of time.
        tolerance: float32 (h, w), largest difference at which two colours are the same.
        good: bool (n, h, w), observations that are used; all if not given.
    """
    some = pictures[:: max(1, len(pictures) // MEDIAN_PICTURES)]
    candidates = [
        pixel_median(part) for part in (some, pictures[:END_PICTURES], pictures[-END_PICTURES:])
    ]
    spans = [_span(pictures, colour, tolerance, good) for colour in candidates]
    return np.choose(np.argmax(spans, axis=0)[..., None], candidates)


def _span(
    pictures: np.ndarray, colour: np.ndarray, tolerance: np.ndarray, good: np.ndarray | None
) -> np.ndarray:
    """Number of pictures from the first to the last that show a colour, RGB uint8 (h, w, 3): int
    (h, w); 0 if none does."""
    alike = np.stack([~differs(picture, colour, tolerance) for picture in pictures])
    if good is not None:
        alike &= good
    span = len(alike) - alike[::-1].argmax(axis=0) - alike.argmax(axis=0)
    return np.where(alike.any(axis=0), span, 0)
