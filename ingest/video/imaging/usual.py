"""What a place usually looks like: as it does for the longest time from its first look to its last.

What is there most of the time may be a hand that rests on the table. But it came and went.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.imaging.median import median_look

MIDDLE_PICTURES, END_PICTURES = 31, 3
"""Pictures that tell the look that is there mostly; and the look at the start, and at the end."""


def usual_look(
    pictures: np.ndarray, tolerance: np.ndarray, good: np.ndarray | None = None
) -> np.ndarray:
    """Of what is there mostly, at the start and at the end, what there is the longest from its
    first to its last look, RGB uint8 (h, w, 3).

    Args:
        pictures: RGB uint8 (n, h, w, 3) in order of time.
        tolerance: float32 (h, w), difference up to which two looks show the same.
        good: bool (n, h, w), looks that count; all if not given.
    """
    some = pictures[:: max(1, len(pictures) // MIDDLE_PICTURES)]
    looks = [
        median_look(part) for part in (some, pictures[:END_PICTURES], pictures[-END_PICTURES:])
    ]
    spans = [_span(pictures, look, tolerance, good) for look in looks]
    return np.choose(np.argmax(spans, axis=0)[..., None], looks)


def _span(
    pictures: np.ndarray, look: np.ndarray, tolerance: np.ndarray, good: np.ndarray | None
) -> np.ndarray:
    """Pictures from the first to the last that show a look, int (h, w)."""
    alike = np.stack([~differs(picture, look, tolerance) for picture in pictures])
    if good is not None:
        alike &= good
    span = len(alike) - alike[::-1].argmax(axis=0) - alike.argmax(axis=0)
    return np.where(alike.any(axis=0), span, 0)
