"""The level of every pixel in every bin of time: the colour that most looks of the bin agree on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.difference import KERNEL, differs

AGREEING_SHARE = 0.5
"""Share of the looks around a bin that must agree on a level."""


@dataclass(frozen=True, eq=False)
class Levels:
    """What each bin shows, before anything is known of cover; b bins."""

    bins: list[np.ndarray]
    """Frame numbers of each bin."""
    colour: np.ndarray
    """RGB uint8 (b, h, w, 3)."""
    good: np.ndarray
    """bool (b, h, w): enough looks agree."""
    steady: np.ndarray
    """bool (b, h, w): all looks agree."""
    seen: np.ndarray
    """bool (b, h, w): in view in most frames of the bin."""
    tolerance: np.ndarray
    """float32 (h, w): difference up to which two looks show the same paint."""


def find_levels(
    frames: np.ndarray, valid: np.ndarray, number: int, tolerance: float, edge_tolerance: float
) -> Levels:
    """Cut time into `number` bins and find their levels.

    Args:
        frames: RGB uint8 (n, h, w, 3); valid: bool (n, h, w).
        tolerance, edge_tolerance: see `OcclusionConfig`.
    """
    bins = np.array_split(np.arange(len(frames)), number)
    shape = (number, *frames.shape[1:3])
    colour = np.zeros((*shape, 3), np.uint8)
    flat = np.full(frames.shape[1:3], tolerance, np.float32)
    for b, members in enumerate(bins):
        looks = _around(members, len(frames))
        colour[b] = _most_agreed(frames[looks], valid[looks], flat)
    exact = tolerance_map(colour, tolerance, edge_tolerance)
    good, steady, seen = np.zeros(shape, bool), np.zeros(shape, bool), np.zeros(shape, bool)
    for b, members in enumerate(bins):
        looks = _around(members, len(frames))
        share = _agreement(frames[looks], valid[looks], colour[b], exact)
        good[b] = share * len(looks) >= max(2, AGREEING_SHARE * len(looks))
        steady[b] = share == 1
        seen[b] = valid[members].mean(axis=0) > 0.5
    return Levels(bins, colour, good, steady, seen, exact)


def _around(members: np.ndarray, number: int) -> np.ndarray:
    """The frames of a bin with one more on each side: a hand hides less of five than of three."""
    return np.arange(max(0, members[0] - 1), min(number, members[-1] + 2))


def _most_agreed(looks: np.ndarray, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Of a few looks RGB uint8 (k, h, w, 3), at each pixel the one that most others agree with.

    A median needs a majority; a hand that hides a pixel half of the time would win.
    """
    votes = np.zeros(looks.shape[:3], np.uint8)
    for i, j in itertools.combinations(range(len(looks)), 2):
        same = ~differs(looks[i], looks[j], tolerance) & valid[i] & valid[j]
        votes[i] += same
        votes[j] += same
    # Of equals the one nearest to the middle of the bin.
    order = np.argsort(np.abs(np.arange(len(looks)) - (len(looks) - 1) / 2), kind="stable")
    best = order[votes[order].argmax(axis=0)]
    return np.take_along_axis(looks, best[None, ..., None], axis=0)[0]


def tolerance_map(levels: np.ndarray, tolerance: float, edge_tolerance: float) -> np.ndarray:
    """float32 (h, w): the fixed tolerance, more where the picture has contrast."""
    contrast = np.zeros(levels.shape[1:3], np.float32)
    some = levels[:: max(1, len(levels) // 12)]
    for level in some:
        smooth = cv2.cvtColor(level, cv2.COLOR_RGB2GRAY)
        dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
        contrast += np.hypot(dx, dy) / 8
    contrast = cv2.dilate(contrast / len(some), KERNEL)
    return tolerance + np.minimum(edge_tolerance * contrast, tolerance)


def _agreement(
    frames: np.ndarray, valid: np.ndarray, level: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """float (h, w): share of the frames that show the level."""
    agreeing = np.zeros(level.shape[:2], np.int32)
    for frame, seen in zip(frames, valid, strict=True):
        agreeing += ~differs(frame, level, tolerance) & seen
    return agreeing / len(frames)
