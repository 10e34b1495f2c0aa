"""Tells painting from other changes: paint accumulates, place by place, and stays.

Three things are no painting. Pictures that stand still and are replaced (cards, slides). A picture
that comes all at once, wherever it comes from. And changes that do not add up: somebody talks and
moves, and what changed comes back again and again.
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

STILL_SIDE_PX, STILL_LEVELS, STILL_AREA = 120, 12, 0.0005
"""Short side at which frames are compared; channel difference (of 255) from which a pixel changed;
share of changed pixels up to which the picture stood still."""
SEEN_LAB, NOISE_LAB = 10.0, 4.0
"""Lab distance of a plain change, and below which a step is noise."""
LEAST_PICTURE = 0.3
"""Share of the canvas that must change for it to be another picture rather than a stroke."""


class AccumulationConfig(Config):
    """When a video is taken for something else than a painting being made."""

    max_still_share: float = Field(default=0.8, gt=0, le=1)
    """Refuse when so many of the frames look like the one before: pictures are shown. Measured:
    0.89 to 0.97 on slides and cards, up to 0.46 on twelve real paintings."""
    max_at_once: float = Field(default=0.8, gt=0, le=1)
    """Refuse when so much of a change of most of the picture comes in one moment. Measured: 0.86 to
    1.00 on slides, up to 0.51 on real paintings."""
    min_direct: float = Field(default=0.5, ge=0, lt=1)
    """Refuse when little changes and of all that changes less than this adds up (distance from
    start to end over the way taken). Measured: 0.17 to 0.44 on a talking head."""
    small_area: float = Field(default=0.12, ge=0, le=1)
    """Share of the canvas that counts as little there."""


def still_share(pictures: Sequence[np.ndarray], least: float = 0.0) -> float:
    """Share of the pictures RGB uint8 (h, w, 3) that look like the one before, 0 to 1.

    Once it is plain that this is less than `least`, the rest is not looked at: then it is what it
    would be if all of the rest did.
    """
    number = len(pictures) - 1
    factor, moved = STILL_SIDE_PX / min(pictures[0].shape[:2]), 0
    for one, other in itertools.pairwise(_coarse(picture, factor) for picture in pictures):
        changed = functools.reduce(cv2.max, cv2.split(cv2.absdiff(one, other))) > STILL_LEVELS
        moved += bool(changed.mean() > STILL_AREA)
        if number - moved < least * number:
            break
    return (number - moved) / number if number else 0.0


def _coarse(picture: np.ndarray, factor: float) -> np.ndarray:
    smooth = cv2.GaussianBlur(picture, (0, 0), 1.5)
    return cv2.resize(smooth, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA)


def why_no_painting(
    states: np.ndarray, pictures: Sequence[np.ndarray], config: AccumulationConfig
) -> str:
    """What speaks against a painting, or nothing.

    Args:
        states: RGB uint8 (b, h, w, 3), the clean canvas from the start to the end of what happens.
        pictures: RGB uint8 (h, w, 3), all frames that were looked at, in their order.
    """
    still = still_share(pictures, config.max_still_share)
    if still > config.max_still_share:
        return f"{still:.0%} of the frames stand still, as when pictures or cards are shown"
    if len(states) < 2:
        return "what changes is there all at once, with nothing before it"
    looks = [soft_lab(state) for state in states]
    off = np.stack([lab_distance(look, looks[-1]) for look in looks])
    steps = np.stack([lab_distance(a, b) for a, b in itertools.pairwise(looks)])
    moved = (off > SEEN_LAB).any(axis=0) | (steps > SEEN_LAB).any(axis=0)
    area = float(moved.mean())
    at_once = _at_once(off > SEEN_LAB)
    if area > LEAST_PICTURE and at_once > config.max_at_once:
        return f"{at_once:.0%} of what changes comes at once, as when a picture is replaced"
    way = np.where(steps < NOISE_LAB, 0, steps).sum(axis=0)
    direct = float(off[0][moved].sum()) / max(float(way[moved].sum()), 1e-6)
    if area < config.small_area and direct < config.min_direct:
        return (
            f"{area:.1%} of the picture changes, back and forth: {direct:.0%} of it adds up, as "
            "when somebody talks or something sways"
        )
    return ""


def _at_once(different: np.ndarray) -> float:
    """Share of the area that ever differs from the end that arrives there within two states."""
    ever = different.any(axis=0)
    arrived = len(different) - np.argmax(different[::-1], axis=0)
    counts = np.bincount(arrived[ever], minlength=len(different) + 2)
    return float((counts[:-1] + counts[1:]).max()) / max(int(ever.sum()), 1)
