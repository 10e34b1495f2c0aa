"""Selects keyframes by how much was painted, not by the clock."""

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
from ingest.video.keyframes.gap_filling import gaps_filled
from ingest.video.keyframes.painting_span import Span
from ingest.video.occlusion.canvas_history import CanvasHistory

STRIDE_FACTOR = 0.8
"""Factor by which the step between keyframes shrinks until there are enough keyframes."""
CROSS_KERNEL = cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3))
"""A pixel and its four neighbours, for eroding masks by one pixel."""
SHORT_WAIT_BINS = 3
"""Bins among which a keyframe takes the one with the fewest unsure pixels."""
LONG_WAIT_BINS = 12
"""Bins that a keyframe waits at most for a clear one."""
MAX_UNSURE_WHEN_CLEAR = 0.01
"""Largest share of the canvas that is unsure in a clear bin."""
MAX_SOURCE_BINS = 4
"""Distance, in lengths of the keyframe's bin, from which frames only fill what nearer frames do not
show at all."""


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
    """Largest share of the canvas that may be unsure (occluded, and changed when seen again) in a
    keyframe between the first and the last."""
    max_unsure_in_gap: float = Field(default=0.1, gt=0, le=1)
    """The same in a keyframe that fills a large gap between two others."""
    looks_per_keyframe: int = Field(default=5, ge=1)
    """Frames averaged at each pixel: removes noise and compression."""


@dataclass(frozen=True, eq=False)
class SelectedKeyframe:
    """One keyframe: its bin, its frame, and which frames show its clean canvas where."""

    bin: int
    frame: int
    change: float
    """Share of the canvas that looks different from the keyframe before."""
    occluded: float
    """Share of the canvas that is occluded in the keyframe's bin."""
    unsure: float
    """Share of the canvas that is occluded and had changed when it was seen again."""
    source_masks: dict[int, np.ndarray]
    """Frame number to bool (h, w): pixels that are taken from that frame."""


def choose_bins(
    history: CanvasHistory,
    span: Span,
    config: KeyframeConfig,
    *,
    wait_long: bool = True,
    fill_gaps: bool = False,
) -> list[tuple[int, float]]:
    """Returns the bin of each keyframe and its change from the keyframe before, 0 to 1.

    Keyframes are equal steps of paint apart, in bins with a clear view. The first and the last
    state of the span are always among them. Steps shrink until there are `target_count` keyframes,
    but not below `min_change`.

    Args:
        wait_long: wait up to `LONG_WAIT_BINS` for a clear bin.
        fill_gaps: take bins with up to `max_unsure_in_gap` unsure pixels where most of a painting
            would else lie between two keyframes.
    """
    pyramids = {b: pyramid(history.states[b]) for b in range(span.first, span.last + 1)}
    # Walks with other steps compare the same states again.
    difference = functools.cache(lambda a, b: change(pyramids[a], pyramids[b]))
    unsure = history.unsure.mean(axis=(1, 2))
    stride = difference(span.first, span.last)
    while True:
        stride = max(config.min_change, stride)
        chosen = _walk(difference, unsure, span, stride, config, wait_long=wait_long)
        if len(chosen) >= config.target_count or stride == config.min_change:
            break
        stride *= STRIDE_FACTOR
    if not fill_gaps:
        return chosen
    bins = gaps_filled([b for b, _ in chosen], pyramids, unsure, config.max_unsure_in_gap)
    steps = [change(pyramids[a], pyramids[b]) for a, b in pairwise(bins)]
    return list(zip(bins, [0.0, *steps], strict=True))


def _walk(
    difference: Callable[[int, int], float],
    unsure: np.ndarray,
    span: Span,
    stride: float,
    config: KeyframeConfig,
    *,
    wait_long: bool,
) -> list[tuple[int, float]]:
    """Returns bins and changes of keyframes that are at least `stride` apart.

    Args:
        difference: returns how different two bins look, 0 to 1.
        unsure: share of the canvas that is unsure in each bin (b,).
    """
    chosen, current = [(span.first, 0.0)], span.first
    while current < span.last:
        usable = [b for b in range(current + 1, span.last + 1) if _usable(b, unsure, span, config)]
        reached = next((b for b in usable if difference(current, b) >= stride), None)
        if reached is None:
            break
        wait_bins = LONG_WAIT_BINS if wait_long else SHORT_WAIT_BINS
        best = _clearest([b for b in usable if b >= reached], unsure, wait_bins)
        chosen.append((best, difference(current, best)))
        current = best
    return _with_last(chosen, difference, span.last, config)


def _clearest(bins: list[int], unsure: np.ndarray, wait_bins: int) -> int:
    """Returns the bin to take, of usable bins in order of time.

    Waiting a little for the hand to leave gives a truer picture than taking the first bin.
    """
    soon = [b for b in bins if b < bins[0] + SHORT_WAIT_BINS]
    best = min(soon, key=lambda b: (round(float(unsure[b]), 3), b))
    later = (b for b in bins if b < bins[0] + wait_bins and unsure[b] <= MAX_UNSURE_WHEN_CLEAR)
    return best if unsure[best] <= MAX_UNSURE_WHEN_CLEAR else next(later, best)


def _usable(b: int, unsure: np.ndarray, span: Span, config: KeyframeConfig) -> bool:
    """Returns True if a bin may be a keyframe: few unsure pixels, or the end of the span."""
    return b == span.last or float(unsure[b]) <= config.max_unsure


def _with_last(
    chosen: list[tuple[int, float]],
    difference: Callable[[int, int], float],
    last: int,
    config: KeyframeConfig,
) -> list[tuple[int, float]]:
    """Returns the keyframes with the finished state as the last one, and no near-duplicate before
    it."""
    if chosen[-1][0] == last:
        return chosen
    rest = difference(chosen[-1][0], last)
    if rest < config.min_change and len(chosen) > 1:
        previous = chosen[-2][0]
        return [*chosen[:-1], (last, difference(previous, last))]
    return [*chosen, (last, rest)]


def choose_source_frames(
    history: CanvasHistory,
    chosen: list[tuple[int, float]],
    frames: np.ndarray,
    valid: np.ndarray,
    config: KeyframeConfig,
) -> list[SelectedKeyframe]:
    """Returns, for every chosen bin, the frames that show its clean canvas, nearest in time first.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, exposure evened.
        valid: bool (n, h, w), where the frames show the canvas.
    """
    selected = []
    for b, amount in chosen:
        middle = int(history.representative_frames[b])
        masks = _source_masks(history, b, middle, frames, valid, config.looks_per_keyframe)
        selected.append(
            SelectedKeyframe(
                bin=b,
                frame=middle,
                change=amount,
                occluded=float(history.occluded[b].mean()),
                unsure=float(history.unsure[b].mean()),
                source_masks=masks,
            )
        )
    return selected


def _source_masks(
    history: CanvasHistory,
    b: int,
    middle: int,
    frames: np.ndarray,
    valid: np.ndarray,
    wanted: int,
) -> dict[int, np.ndarray]:
    """Returns `SelectedKeyframe.source_masks` of a bin, with at most `wanted` frames at each
    pixel."""
    state = history.states[b]
    missing = np.full(state.shape[:2], wanted, np.int16)
    # Frames of the bin itself first; then outwards in time.
    order = sorted(range(len(frames)), key=lambda n: (abs(n - middle), n))
    masks: dict[int, np.ndarray] = {}
    reach = MAX_SOURCE_BINS * len(history.bins[b])
    for number in order:
        # Far frames only fill what near ones do not show at all.
        needed = missing > 0 if abs(number - middle) <= reach else missing == wanted
        if not needed.any():
            break
        showing = ~differs(frames[number], state, history.tolerance) & valid[number]
        use = _eroded(showing) & needed
        if use.any():
            masks[number] = use
            missing -= use
    return masks


def _eroded(showing: np.ndarray) -> np.ndarray:
    """Returns a mask eroded by one pixel: at its border the occluder shines through."""
    return cv2.erode(showing.view(np.uint8), CROSS_KERNEL) > 0
