"""Separates painting from other changes: paint accumulates, spot by spot, and stays.

Three things are no painting: static pictures that are replaced (cards, slides); a picture that
appears all at once; and changes that do not add up, as when somebody talks and moves, so that what
changed returns again and again.
"""

from __future__ import annotations

import functools
import itertools
from collections.abc import Sequence

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.colour_distance import lab_distance, soft_lab

STATIC_SIDE_PX = 120
"""Short side at which consecutive frames are compared."""
MIN_CHANGED_LEVELS = 12
"""Channel difference (of 255) from which a pixel has changed."""
MAX_STATIC_AREA = 0.0005
"""Largest share of changed pixels of a static frame."""
CHANGED_LAB = 10.0
"""Lab distance from which a pixel has clearly changed."""
NOISE_LAB = 4.0
"""Lab distance up to which a step from state to state is noise."""
MIN_PICTURE_AREA = 0.3
"""Share of the canvas that must change for the change to be another picture and no stroke."""


class AccumulationConfig(Config):
    """When a video is taken for something else than a painting being made."""

    max_still_share: float = Field(default=0.8, gt=0, le=1)
    """Refuse when more of the frames look like the one before: pictures are shown. Measured:
    0.89 to 0.97 on slides and cards, up to 0.46 on twelve real paintings."""
    max_at_once: float = Field(default=0.8, gt=0, le=1)
    """Refuse when more of a change of most of the picture comes in one moment. Measured: 0.86 to
    1.00 on slides, up to 0.51 on real paintings."""
    min_direct: float = Field(default=0.5, ge=0, lt=1)
    """Refuse when little changes and less of that adds up (colour distance from start to end over
    the length of the path). Measured: 0.17 to 0.44 on a talking head."""
    small_area: float = Field(default=0.12, ge=0, le=1)
    """Share of the canvas up to which little changes, for `min_direct`."""


def still_share(pictures: Sequence[np.ndarray], least: float = 0.0) -> float:
    """Returns the share of the pictures, RGB uint8 (h, w, 3), that look like the one before.

    Args:
        least: stop as soon as the share is certainly less than this. The result is then an upper
            bound: all pictures that were not compared count as alike.
    """
    number = len(pictures) - 1
    factor, moved = STATIC_SIDE_PX / min(pictures[0].shape[:2]), 0
    for one, other in itertools.pairwise(_coarse(picture, factor) for picture in pictures):
        difference = functools.reduce(cv2.max, cv2.split(cv2.absdiff(one, other)))
        changed = difference > MIN_CHANGED_LEVELS
        moved += bool(changed.mean() > MAX_STATIC_AREA)
        if number - moved < least * number:
            break
    return (number - moved) / number if number else 0.0


def _coarse(picture: np.ndarray, factor: float) -> np.ndarray:
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return cv2.resize(smooth, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def why_no_painting(
    states: np.ndarray, pictures: Sequence[np.ndarray], config: AccumulationConfig
) -> str:
    """Returns a sentence that says why this is no painting; empty if it is one.

    Args:
        states: RGB uint8 (b, h, w, 3), the clean canvas from the start to the end of the changes.
        pictures: RGB uint8 (h, w, 3), all sampled frames in order of time.
    """
    still = still_share(pictures, config.max_still_share)
    if still > config.max_still_share:
        return f"{still:.0%} of the frames stand still, as when pictures or cards are shown"
    if len(states) < 2:
        return "what changes is there all at once, with nothing before it"
    labs = [soft_lab(state) for state in states]
    from_end = np.stack([lab_distance(lab, labs[-1]) for lab in labs])
    steps = np.stack([lab_distance(a, b) for a, b in itertools.pairwise(labs)])
    moved = (from_end > CHANGED_LAB).any(axis=0) | (steps > CHANGED_LAB).any(axis=0)
    area = float(moved.mean())
    at_once = _at_once(from_end > CHANGED_LAB)
    if area > MIN_PICTURE_AREA and at_once > config.max_at_once:
        return f"{at_once:.0%} of what changes comes at once, as when a picture is replaced"
    path = np.where(steps < NOISE_LAB, 0, steps).sum(axis=0)
    direct = float(from_end[0][moved].sum()) / max(float(path[moved].sum()), 1e-6)
    if area < config.small_area and direct < config.min_direct:
        return (
            f"{area:.1%} of the picture changes, back and forth: {direct:.0%} of it adds up, as "
            "when somebody talks or something sways"
        )
    return ""


def _at_once(different: np.ndarray) -> float:
    """Returns the largest share of the changed area that arrives at its end within two states.

    Args:
        different: bool (b, h, w), where a state differs from the last one.
    """
    ever = different.any(axis=0)
    arrived = len(different) - np.argmax(different[::-1], axis=0)
    counts = np.bincount(arrived[ever], minlength=len(different) + 2)
    return float((counts[:-1] + counts[1:]).max()) / max(int(ever.sum()), 1)
