"""Computes each pixel's dominant colour in each time bin: the colour that most frames agree on."""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.difference import KERNEL, differs

MIN_AGREEING_SHARE = 0.5
"""Least share of a bin's frames that must show its dominant colour for it to be reliable."""
CONTRAST_BINS = 12
"""About how many bins the local contrast is averaged over."""


@dataclass(frozen=True, eq=False)
class DominantColours:
    """What each of b time bins shows, occluders included."""

    bins: list[np.ndarray]
    """Frame numbers of each bin."""
    colour: np.ndarray
    """RGB uint8 (b, h, w, 3)."""
    reliable: np.ndarray
    """bool (b, h, w): at least `MIN_AGREEING_SHARE` of the frames show the colour."""
    unanimous: np.ndarray
    """bool (b, h, w): all frames show the colour."""
    in_view: np.ndarray
    """bool (b, h, w): most frames of the bin have a pixel there."""
    tolerance: np.ndarray
    """float32 (h, w): largest difference between two observations of the same paint."""


def find_dominant_colours(
    frames: np.ndarray, valid: np.ndarray, number: int, tolerance: float, edge_tolerance: float
) -> DominantColours:
    """Cuts time into `number` bins and returns their dominant colours.

    Args:
        frames: RGB uint8 (n, h, w, 3).
        valid: bool (n, h, w), where the frames have pixels.
        tolerance, edge_tolerance: see `OcclusionConfig`.
    """
    bins = np.array_split(np.arange(len(frames)), number)
    shape = (number, *frames.shape[1:3])
    colour = np.zeros((*shape, 3), np.uint8)
    flat = np.full(frames.shape[1:3], tolerance, np.float32)
    for b, members in enumerate(bins):
        window = _window(members, len(frames))
        colour[b] = _most_agreed(frames[window], valid[window], flat)
    exact = tolerance_map(colour, tolerance, edge_tolerance)
    reliable, unanimous = np.zeros(shape, bool), np.zeros(shape, bool)
    in_view = np.zeros(shape, bool)
    for b, members in enumerate(bins):
        window = _window(members, len(frames))
        share = _agreement(frames[window], valid[window], colour[b], exact)
        reliable[b] = share * len(window) >= max(2, MIN_AGREEING_SHARE * len(window))
        unanimous[b] = share == 1
        in_view[b] = valid[members].mean(axis=0) > 0.5
    return DominantColours(bins, colour, reliable, unanimous, in_view, exact)


def _window(members: np.ndarray, number: int) -> np.ndarray:
    """Returns the frame numbers of a bin and one more on each side.

    A hand hides a smaller share of five frames than of three.
    """
    return np.arange(max(0, members[0] - 1), min(number, members[-1] + 2))


def _most_agreed(frames: np.ndarray, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Returns, at each pixel, the colour of the frame that most other frames agree with, RGB uint8
    (h, w, 3).

    A median needs a majority: a hand that hides a pixel half of the time would win.

    Args:
        frames: RGB uint8 (k, h, w, 3), a few frames.
    """
    votes = np.zeros(frames.shape[:3], np.uint8)
    for i, j in itertools.combinations(range(len(frames)), 2):
        same = ~differs(frames[i], frames[j], tolerance) & valid[i] & valid[j]
        votes[i] += same
        votes[j] += same
    # Of equals the one nearest to the middle of the bin.
    order = np.argsort(np.abs(np.arange(len(frames)) - (len(frames) - 1) / 2), kind="stable")
    best = order[votes[order].argmax(axis=0)]
    return np.take_along_axis(frames, best[None, ..., None], axis=0)[0]


def tolerance_map(colours: np.ndarray, tolerance: float, edge_tolerance: float) -> np.ndarray:
    """Returns the tolerance at each pixel, float32 (h, w): larger where the picture has contrast,
    at most twice `tolerance`.

    Args:
        colours: RGB uint8 (b, h, w, 3).
    """
    contrast = np.zeros(colours.shape[1:3], np.float32)
    some = colours[:: max(1, len(colours) // CONTRAST_BINS)]
    for colour in some:
        grey = cv2.cvtColor(colour, cv2.COLOR_RGB2GRAY)
        dx, dy = cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1)
        contrast += np.hypot(dx, dy) / 8
    contrast = cv2.dilate(contrast / len(some), KERNEL)
    return tolerance + np.minimum(edge_tolerance * contrast, tolerance)


def _agreement(
    frames: np.ndarray, valid: np.ndarray, colour: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """Returns the share of the frames that show the colour, float (h, w) in [0, 1]."""
    agreeing = np.zeros(colour.shape[:2], np.int32)
    for frame, seen in zip(frames, valid, strict=True):
        agreeing += ~differs(frame, colour, tolerance) & seen
    return agreeing / len(frames)
