"""Hands, tools and shadows removed over time: paint stays, what covers it moves on.

Time is cut into bins of a few frames; each pixel has a level (its median colour) in each bin. A
level is *paint* when the frames of its bin agree on it, when it comes back in bins nearby, and when
it is no episode between two equal levels (then the canvas was covered and came back). Elsewhere
the pixel shows what it showed last, or, before it was ever seen, what it shows first.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import Field

from ingest.config import Config
from ingest.middle import middle_look

KERNEL = np.ones((3, 3), np.uint8)
OUTLINE_SHARE = 0.5
"""Share of an area's rim that must be an edge for the area to be a thing in front."""
JOINED_SHARE = 0.25
"""Share of a piece that is known to be cover for all of it to be cover."""
LEAST_SEEN, BARE_SHARE = 0.2, 0.85
"""Share of the canvas that must be seen at first, and share of that which must have one tone, for
the canvas to have been bare."""


class OcclusionConfig(Config):
    """What counts as covered. Times are shares of the painting, so speed-ups do not matter."""

    side_px: int = Field(default=160, ge=64)
    """Short side of the rectified canvas on which time is analysed."""
    max_bins: int = Field(default=100, ge=10)
    """Bins that the video is cut into; a bin has at least `min_bin_frames` frames."""
    min_bin_frames: int = Field(default=3, ge=2)
    """Frames of a bin at least."""
    tolerance: float = Field(default=13.0, gt=0, le=255)
    """Largest channel difference (of 255) between two looks at the same paint."""
    edge_tolerance: float = Field(default=0.5, ge=0)
    """Added tolerance per level of local contrast a pixel: registration is never exact."""
    stable_share: float = Field(default=0.6, gt=0, le=1)
    """Share of a bin's frames that must show its level."""
    cover_share: float = Field(default=0.2, gt=0, le=1)
    """Longest episode of cover, as a share of the video; a longer one is paint."""
    min_motion: float = Field(default=0.08, ge=0, lt=1)
    """Share of unsteady pixels (in the busiest quarter of the bins) from which something is taken
    to move in front of the canvas. Measured: 0.02 to 0.05 without a hand, 0.12 to 0.30 with one."""
    flicker_share: float = Field(default=0.04, gt=0, le=1)
    """The same where nothing moves in front: a layer that is hidden for a moment."""
    min_support: int = Field(default=2, ge=1)
    """Bins nearby (itself included) that must show a level for it to be paint."""


@dataclass(frozen=True, eq=False)
class History:
    """The clean canvas through time, at analysis size; b bins."""

    bins: list[np.ndarray]
    """Frame numbers of each bin."""
    states: np.ndarray
    """RGB uint8 (b, h, w, 3), the clean canvas."""
    covered: np.ndarray
    """bool (b, h, w): the pixel was not seen as paint in the bin."""
    unsure: np.ndarray
    """bool (b, h, w): covered, and it showed something else afterwards."""
    tolerance: np.ndarray
    """float32 (h, w): difference up to which two looks show the same paint."""
    never_seen: np.ndarray
    """bool (h, w): not once seen as paint; filled with the most frequent colour."""
    moments: np.ndarray
    """int (b,): the frame that stands for each bin."""

    @property
    def num_bins(self) -> int:
        return len(self.bins)


def clean(frames: np.ndarray, valid: np.ndarray, config: OcclusionConfig) -> History:
    """The clean canvas through time.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, equal light.
        valid: bool (n, h, w), where the frames have pixels.
    """
    number = max(2, min(config.max_bins, len(frames) // config.min_bin_frames))
    bins = np.array_split(np.arange(len(frames)), number)
    levels = np.zeros((number, *frames.shape[1:]), np.uint8)
    good = np.zeros((number, *frames.shape[1:3]), bool)
    for b, members in enumerate(bins):
        levels[b] = middle_look(frames[members])
    tolerance = tolerance_map(levels, config)
    steady = np.zeros_like(good)
    for b, members in enumerate(bins):
        share = _agreement(frames[members], valid[members], levels[b], tolerance)
        good[b], steady[b] = share >= config.stable_share, share == 1
    # Where nothing moves in front of the canvas (a screen recording), all that appears is paint,
    # except for what is switched on and off within a moment.
    is_still = np.percentile((~steady).mean(axis=(1, 2)), 75) < config.min_motion
    share = config.flicker_share if is_still else config.cover_share
    covered = _covered(levels, good, tolerance, max(2, round(share * number)), config)
    start = _start(levels[0], good[0], ~covered[0], tolerance)
    states, unsure, never_seen = _fill(levels, ~covered, tolerance, start)
    moments = np.array([members[len(members) // 2] for members in bins])
    return History(bins, states, covered, unsure, tolerance, never_seen, moments)


def _start(
    level: np.ndarray, stable: np.ndarray, seen: np.ndarray, tolerance: np.ndarray
) -> np.ndarray | None:
    """The canvas before anything is painted, RGB uint8 (h, w, 3), or None if it was not bare.

    A bare canvas has one tone. What is only seen in the first bin, before paint comes, has no other
    bin to support it, but the bare canvas around it has; and what was covered then was as bare.
    """
    if seen.mean() < LEAST_SEEN:
        return None
    tone = np.median(level[seen], axis=0).astype(np.uint8)
    bare = ~differs(level, np.broadcast_to(tone, level.shape).copy(), tolerance)
    if bare[seen].mean() < BARE_SHARE:
        return None
    near = np.where((seen & bare)[..., None], level, 0).astype(np.float32)
    weight = cv2.GaussianBlur((seen & bare).astype(np.float32), (0, 0), 12)
    around = cv2.GaussianBlur(near, (0, 0), 12) / np.maximum(weight, 1e-4)[..., None]
    local = np.where(weight[..., None] > 0.02, around, tone).round().astype(np.uint8)
    return np.where((stable & bare)[..., None], level, local)


def _covered(
    levels: np.ndarray,
    good: np.ndarray,
    tolerance: np.ndarray,
    reach: int,
    config: OcclusionConfig,
) -> np.ndarray:
    """bool (b, h, w): where the canvas was not seen, from levels and where they are stable.

    Args:
        reach: bins that something in front stays at most.
    """
    good = good & _supported(levels, good, tolerance, reach, config.min_support)
    passing = _episodes(levels, good, tolerance, reach)
    fleeting = _fleeting(levels, good, tolerance, reach)
    covered = ~good
    for b in range(len(levels)):
        covered[b] |= _outlined(passing[b], levels[b], tolerance)
        covered[b] = _joined(covered[b], fleeting[b], levels[b], tolerance)
        covered[b] = _grown(covered[b])
    return covered


def tolerance_map(levels: np.ndarray, config: OcclusionConfig) -> np.ndarray:
    """float32 (h, w): the fixed tolerance, more where the picture has contrast."""
    contrast = np.zeros(levels.shape[1:3], np.float32)
    for level in levels[:: max(1, len(levels) // 12)]:
        smooth = cv2.cvtColor(level, cv2.COLOR_RGB2GRAY)
        dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
        contrast += np.hypot(dx, dy) / 8
    contrast /= len(levels[:: max(1, len(levels) // 12)])
    contrast = cv2.dilate(contrast, KERNEL)
    added = np.minimum(config.edge_tolerance * contrast, config.tolerance)
    return config.tolerance + added


def differs(a: np.ndarray, b: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """bool (h, w): two RGB uint8 pictures differ by more than the tolerance in a channel."""
    red, green, blue = cv2.split(cv2.absdiff(a, b))
    return cv2.max(cv2.max(red, green), blue) > tolerance


def _agreement(
    frames: np.ndarray, valid: np.ndarray, level: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """float (h, w): share of the frames that show the level."""
    agreeing = np.zeros(level.shape[:2], np.int32)
    for frame, seen in zip(frames, valid, strict=True):
        agreeing += ~differs(frame, level, tolerance) & seen
    return agreeing / len(frames)


def _supported(
    levels: np.ndarray, good: np.ndarray, tolerance: np.ndarray, reach: int, needed: int
) -> np.ndarray:
    """Levels that are seen in enough bins within reach."""
    count = good.astype(np.uint16)
    for lag in range(1, reach + 1):
        for b in range(len(levels) - lag):
            same = ~differs(levels[b], levels[b + lag], tolerance) & good[b] & good[b + lag]
            count[b] += same
            count[b + lag] += same
    return count >= min(needed, len(levels) // 2)


def _episodes(
    levels: np.ndarray, good: np.ndarray, tolerance: np.ndarray, reach: int
) -> np.ndarray:
    """Bins between two equal levels that differ from both: something passed over the canvas."""
    passing = np.zeros_like(good)
    for lag in range(2, reach + 1):
        for b in range(len(levels) - lag):
            back = ~differs(levels[b], levels[b + lag], tolerance) & good[b] & good[b + lag]
            if not back.any():
                continue
            for between in range(b + 1, b + lag):
                passing[between] |= back & differs(levels[b], levels[between], tolerance)
    return passing


def _outlined(passing: np.ndarray, level: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Those areas of `passing` (bool) whose outline is an edge in the picture.

    A thing in front has an outline. Where paint happens to come back to an earlier colour (a white
    cloud on the sky that was a white canvas), the outline of the cloud is not in the picture yet.
    """
    # Pieces are cut along edges, so that a thing and what is merely beside it are judged apart.
    edge = _spread(level) > tolerance
    labels, number = _pieces(passing & ~edge)
    rim_labels = cv2.dilate(labels.astype(np.float32), KERNEL).astype(np.int32)
    rim = (labels == 0) & (rim_labels > 0)
    rims = np.bincount(rim_labels[rim], minlength=number)
    edges = np.bincount(rim_labels[rim & edge], minlength=number)
    outlined = edges >= OUTLINE_SHARE * np.maximum(rims, 1)
    outlined[0] = False
    return passing & _with_edges(outlined[labels])


def _spread(level: np.ndarray) -> np.ndarray:
    """uint8 (h, w): largest difference within a neighbourhood, in the channel where it is most."""
    return (cv2.dilate(level, KERNEL) - cv2.erode(level, KERNEL)).max(axis=2)


def _pieces(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected pieces of a mask as int32 labels (0 is outside), and the number of labels."""
    number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(labels, np.int32), number


def _with_edges(found: np.ndarray) -> np.ndarray:
    """An area with the edges around it: they belong to what stands out in front."""
    return cv2.dilate(found.astype(np.uint8), KERNEL, iterations=2) > 0


def _fleeting(
    levels: np.ndarray, good: np.ndarray, tolerance: np.ndarray, reach: int
) -> np.ndarray:
    """bool (b, h, w): levels that last no longer than the reach, and not to the end."""
    first = _run_starts(levels, good, tolerance)
    backwards = _run_starts(levels[::-1], good[::-1], tolerance)
    last = len(levels) - 1 - backwards[::-1]
    return good & (last - first < reach) & (last < len(levels) - 1)


def _run_starts(levels: np.ndarray, good: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """int16 (b, h, w): the bin in which the level of each bin was first seen without a break."""
    starts = np.zeros(good.shape, np.int16)
    current, began = levels[0].copy(), np.zeros(good.shape[1:], np.int16)
    for b in range(len(levels)):
        new = good[b] & differs(levels[b], current, tolerance)
        began[new] = b
        current[good[b]] = levels[b][good[b]]
        starts[b] = began
    return starts


def _joined(
    covered: np.ndarray, fleeting: np.ndarray, level: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """`covered` with those fleeting pixels that are one thing with it.

    Where paint was laid under a resting hand, the hand comes between two different levels and
    looks like a short-lived layer; but it is one piece, without an edge, with the hand beside it
    that did come and go.
    """
    labels, number = _pieces((covered | fleeting) & (_spread(level) <= tolerance))
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=number), 1)
    hidden = np.bincount(labels[covered], minlength=number)
    is_cover = hidden >= JOINED_SHARE * sizes
    is_cover[0] = False
    return covered | (fleeting & _with_edges(is_cover[labels]))


def _grown(covered: np.ndarray) -> np.ndarray:
    """Without specks, and with the soft rim that every cover has."""
    firm = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_OPEN, KERNEL)
    return (cv2.dilate(firm, KERNEL) > 0) | covered


def _fill(
    levels: np.ndarray, good: np.ndarray, tolerance: np.ndarray, start: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States, unsure pixels and pixels never seen, from levels and where they are paint.

    Before a pixel is first seen it shows the start or, without one, what it will be first.
    """
    number = len(levels)
    after = np.zeros_like(levels)
    following, seen = levels[-1].copy(), np.zeros(good.shape[1:], bool)
    for b in reversed(range(number)):
        following[good[b]] = levels[b][good[b]]
        seen |= good[b]
        after[b] = following
    states, unsure = np.zeros_like(levels), np.zeros_like(good)
    last = after[0].copy() if start is None else start
    known = np.full(good.shape[1:], start is not None)
    for b in range(number):
        last[good[b]] = levels[b][good[b]]
        known |= good[b]
        unsure[b] = ~good[b] & differs(last, after[b], tolerance) & known
        states[b] = last
    states[:, ~seen] = np.median(levels, axis=0).astype(np.uint8)[~seen]
    return states, unsure, ~seen
