"""Chooses keyframes by what was painted, not by the clock."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.colour_distance import change, pyramid
from ingest.video.imaging.difference import differs
from ingest.video.keyframes.gaps import gaps_filled
from ingest.video.keyframes.span import Span
from ingest.video.occlusion.occlusion import History

STRIDE_STEP = 0.8
CROSS = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
PATIENCE_BINS, LONG_PATIENCE_BINS, CLEAR = 3, 12, 0.01
"""Bins that a keyframe waits for the clearest moment; bins that it waits at most for a clear one,
and share of the canvas that may be unsure in that."""


class KeyframeConfig(Config):
    """How many keyframes, how large, how stored."""

    side_px: int = Field(default=512, ge=64)
    """Short side of the stored keyframes."""
    format: Literal["jpg", "png"] = "jpg"
    """How they are stored."""
    jpeg_quality: int = Field(default=95, ge=1, le=100)
    """JPEG quality (colour is stored at full resolution)."""
    target_count: int = Field(default=26, ge=2)
    """Wished number over a painting; the paper's data has 27 on average."""
    min_change: float = Field(default=0.008, gt=0)
    """Share of the canvas that must look different from the keyframe before."""
    max_unsure: float = Field(default=0.05, gt=0, le=1)
    """Share of the canvas that may be unsure (covered, and changed when seen again) in a keyframe
    between the first and the last: a guess is no keyframe; the next clear moment is."""
    max_unsure_in_gap: float = Field(default=0.1, gt=0, le=1)
    """The same in a keyframe between two that would else be far apart."""
    looks_per_keyframe: int = Field(default=5, ge=1)
    """Frames averaged at each pixel: removes noise and compression."""


@dataclass(frozen=True, eq=False)
class Choice:
    """One keyframe: its bin, its frame, and which frames show its clean canvas where."""

    bin: int
    frame: int
    change: float
    """Share of the canvas that looks different from the keyframe before."""
    covered: float
    """Share of the canvas that was covered around this moment."""
    unsure: float
    """Share of the canvas that was covered and had changed when it was seen again."""
    looks: dict[int, np.ndarray]
    """Frame number to bool (h, w): pixels that are taken from it."""


def choose_bins(
    history: History,
    span: Span,
    config: KeyframeConfig,
    *,
    is_patient: bool = True,
    fill_gaps: bool = False,
) -> list[tuple[int, float]]:
    """Bins of the keyframes and their change: equal steps of paint, at moments with a clear view.

    The first and the last state of the span are always among them. Steps are made smaller until
    the wished number is reached, but never smaller than `min_change`.

    Args:
        is_patient: wait long for a clear moment: one will come, and what is unsure is told well.
        fill_gaps: take moments that are a little unsure where most of a painting would else lie
            between two keyframes.
    """
    looks = {b: pyramid(history.states[b]) for b in range(span.first, span.last + 1)}
    # Walks with other steps compare the same states again.
    apart = functools.cache(lambda a, b: change(looks[a], looks[b]))
    unsure = history.unsure.mean(axis=(1, 2))
    stride = apart(span.first, span.last)
    while True:
        stride = max(config.min_change, stride)
        chosen = _walk(apart, unsure, span, stride, config, is_patient=is_patient)
        if len(chosen) >= config.target_count or stride == config.min_change:
            break
        stride *= STRIDE_STEP
    if not fill_gaps:
        return chosen
    bins = gaps_filled([b for b, _ in chosen], looks, unsure, config.max_unsure_in_gap)
    steps = [change(looks[a], looks[b]) for a, b in pairwise(bins)]
    return list(zip(bins, [0.0, *steps], strict=True))


def _walk(
    apart: Callable[[int, int], float],
    unsure: np.ndarray,
    span: Span,
    stride: float,
    config: KeyframeConfig,
    *,
    is_patient: bool,
) -> list[tuple[int, float]]:
    """Keyframes at least `stride` apart; `apart` tells how different two bins look."""
    chosen, current = [(span.first, 0.0)], span.first
    while current < span.last:
        clear = [b for b in range(current + 1, span.last + 1) if _is_clear(b, unsure, span, config)]
        reached = next((b for b in clear if apart(current, b) >= stride), None)
        if reached is None:
            break
        patience = LONG_PATIENCE_BINS if is_patient else PATIENCE_BINS
        best = _clearest([b for b in clear if b >= reached], unsure, patience)
        chosen.append((best, apart(current, best)))
        current = best
    return _ended(chosen, apart, span.last, config)


def _clearest(bins: list[int], unsure: np.ndarray, patience: int) -> int:
    """Of bins from the first that may be a keyframe on, the one to take.

    Waiting a little for the hand to leave gives a truer picture than cutting at once.
    """
    soon = [b for b in bins if b < bins[0] + PATIENCE_BINS]
    best = min(soon, key=lambda b: (round(float(unsure[b]), 3), b))
    later = (b for b in bins if b < bins[0] + patience and unsure[b] <= CLEAR)
    return best if unsure[best] <= CLEAR else next(later, best)


def _is_clear(b: int, unsure: np.ndarray, span: Span, config: KeyframeConfig) -> bool:
    return b == span.last or float(unsure[b]) <= config.max_unsure


def _ended(
    chosen: list[tuple[int, float]],
    apart: Callable[[int, int], float],
    last: int,
    config: KeyframeConfig,
) -> list[tuple[int, float]]:
    """With the finished state as the last keyframe, and no near-duplicate before it."""
    if chosen[-1][0] == last:
        return chosen
    rest = apart(chosen[-1][0], last)
    if rest < config.min_change and len(chosen) > 1:
        previous = chosen[-2][0]
        return [*chosen[:-1], (last, apart(previous, last))]
    return [*chosen, (last, rest)]


def choose_looks(
    history: History,
    chosen: list[tuple[int, float]],
    frames: np.ndarray,
    valid: np.ndarray,
    config: KeyframeConfig,
) -> list[Choice]:
    """For every chosen bin the frames that show its clean canvas, nearest in time first.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, equal light; valid: bool (n, h, w).
    """
    choices = []
    for b, amount in chosen:
        middle = int(history.moments[b])
        looks = _looks(history, b, middle, frames, valid, config.looks_per_keyframe)
        choices.append(
            Choice(
                bin=b,
                frame=middle,
                change=amount,
                covered=float(history.covered[b].mean()),
                unsure=float(history.unsure[b].mean()),
                looks=looks,
            )
        )
    return choices


def _looks(
    history: History, b: int, middle: int, frames: np.ndarray, valid: np.ndarray, wanted: int
) -> dict[int, np.ndarray]:
    state = history.states[b]
    missing = np.full(state.shape[:2], wanted, np.int16)
    # Frames of the bin itself first; then outwards in time.
    order = sorted(range(len(frames)), key=lambda n: (abs(n - middle), n))
    looks: dict[int, np.ndarray] = {}
    reach = 4 * len(history.bins[b])
    for number in order:
        # Far frames only fill what near ones do not show at all.
        needed = missing > 0 if abs(number - middle) <= reach else missing == wanted
        if not needed.any():
            break
        showing = ~differs(frames[number], state, history.tolerance) & valid[number]
        use = _without_rim(showing) & needed
        if use.any():
            looks[number] = use
            missing -= use
    return looks


def _without_rim(showing: np.ndarray) -> np.ndarray:
    """The area less one pixel: at its border the cover shines through."""
    return cv2.erode(showing.view(np.uint8), CROSS) > 0
