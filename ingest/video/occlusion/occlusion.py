"""Hands, tools and shadows removed over time: paint stays, what covers it moves on.

Time is cut into bins of a few frames; each pixel has a level (its median colour) in each bin. A
level is *paint* when the frames of its bin agree on it, when it comes back in bins nearby, and when
it is no episode between two equal levels (then the canvas was covered and came back). Elsewhere
the pixel shows what it showed last, or, before it was ever seen, what it shows first.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.difference import differs
from ingest.video.occlusion.cover import find_cover
from ingest.video.occlusion.levels import Levels, find_levels

LEAST_SEEN, BARE_SHARE, BARE_BEHIND_SHARE = 0.2, 0.85, 0.6
"""Share of the picture that must be seen of the canvas at first; share of that which must have one
tone for the canvas to have been bare; and the same of all of the canvas, a hand included, where
less is seen."""


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
    cover_share: float = Field(default=0.5, gt=0, le=1)
    """Longest time that something lies in front of the canvas, as a share of the video, where the
    table around it is in view."""
    min_motion: float = Field(default=0.08, ge=0, lt=1)
    """Share of unsteady pixels (in the busiest quarter of the bins) from which something is taken
    to move in front of the canvas. Measured: 0.02 to 0.05 without a hand, 0.12 to 0.30 with one."""
    flicker_share: float = Field(default=0.04, gt=0, le=1)
    """The same where nothing moves in front: a layer that is hidden for a moment. And, with a table
    in view, how long a level lasts at most to be a part of the moving thing beside it."""
    resting_share: float = Field(default=0.2, gt=0, le=1)
    """Both of these without a table in view: how long a hand may rest beside where it paints."""
    told_resting_share: float = Field(default=0.04, gt=0, le=1)
    """The same in footage that is set up anew often, once hands were told by their looks."""
    margin: float = Field(default=0.1, ge=0, le=0.5)
    """How much of the surroundings is looked at, as a share of the canvas: what lies on the table
    is no paint, nor is what is one thing with it."""
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
    """bool (h, w): not once seen as paint; filled in from what is around."""
    moments: np.ndarray
    """int (b,): the frame that stands for each bin."""

    @property
    def num_bins(self) -> int:
        return len(self.bins)


def clean(
    frames: np.ndarray, valid: np.ndarray, inside: np.ndarray, config: OcclusionConfig
) -> History:
    """The clean canvas through time.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, equal light.
        valid: bool (n, h, w), where the frames have pixels.
        inside: bool (h, w), the canvas; the rest is what lies around it.
    """
    number = max(2, min(config.max_bins, len(frames) // config.min_bin_frames))
    levels = find_levels(frames, valid, number, config.tolerance, config.edge_tolerance)
    # Where nothing moves in front of the canvas (a screen recording), all that appears is paint,
    # except for what is switched on and off within a moment.
    unsteady = (~levels.steady & inside).sum(axis=(1, 2)) / inside.sum()
    is_still = np.percentile(unsteady, 75) < config.min_motion
    shares = _longest_cover(inside, is_still, config)
    covered = find_cover(
        levels,
        inside,
        reach=max(2, round(shares[0] * number)),
        fleeting_reach=max(2, round(shares[1] * number)),
        min_support=config.min_support,
    )
    start = _start(levels, ~covered[0] & inside, inside)
    states, unsure, never_seen = _fill(levels.colour, ~covered, levels.tolerance, start)
    moments = np.array([members[len(members) // 2] for members in levels.bins])
    return History(levels.bins, states, covered, unsure, levels.tolerance, never_seen, moments)


def _longest_cover(
    inside: np.ndarray, is_still: bool, config: OcclusionConfig
) -> tuple[float, float]:
    """How long something may lie in front, and a part of it keep one colour, as shares of the
    video."""
    if is_still:
        return config.flicker_share, config.flicker_share
    if inside.all():
        # Without a table in view only the time tells what rests from what was painted.
        return config.resting_share, config.resting_share
    return config.cover_share, config.flicker_share


def cropped(history: History, crop: tuple[slice, slice]) -> History:
    """The same history of a part of the picture."""
    parts = {
        name: np.ascontiguousarray(getattr(history, name)[(slice(None), *crop)])
        for name in ("states", "covered", "unsure")
    }
    flat = {name: getattr(history, name)[crop] for name in ("tolerance", "never_seen")}
    return replace(history, **parts, **flat)


def _start(levels: Levels, seen: np.ndarray, inside: np.ndarray) -> np.ndarray | None:
    """The canvas before anything is painted, RGB uint8 (h, w, 3), or None if it was not bare.

    A bare canvas has one tone. What is only seen in the first bin, before paint comes, has no other
    bin to support it, but the bare canvas around it has; and what was covered then was as bare.

    Args:
        seen: bool (h, w), where the canvas is seen in the first bin; inside: bool (h, w), where it
            lies.
    """
    level, stable, tolerance, least = levels.colour[0], levels.good[0], levels.tolerance, BARE_SHARE
    if seen.mean() < LEAST_SEEN:
        # Somebody paints already, all over: what most of the canvas looks like has one tone still.
        seen, least = inside & levels.seen[0], BARE_BEHIND_SHARE
        if seen.mean() < LEAST_SEEN:
            return None
    tone = np.median(level[seen], axis=0).astype(np.uint8)
    bare = ~differs(level, np.broadcast_to(tone, level.shape).copy(), tolerance)
    if bare[seen].mean() < least:
        return None
    near = np.where((seen & bare)[..., None], level, 0).astype(np.float32)
    weight = cv2.GaussianBlur((seen & bare).astype(np.float32), (0, 0), 12)
    around = cv2.GaussianBlur(near, (0, 0), 12) / np.maximum(weight, 1e-4)[..., None]
    local = np.where(weight[..., None] > 0.02, around, tone).round().astype(np.uint8)
    return np.where((stable & bare)[..., None], level, local)


def _fill(
    levels: np.ndarray, good: np.ndarray, tolerance: np.ndarray, start: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """States, unsure pixels and pixels never seen, from levels and where they are paint.

    Before a pixel is first seen it shows the start or, without one, what it will be first.
    """
    number, masks = len(levels), good.view(np.uint8)
    after = np.zeros_like(levels)
    following, seen = levels[-1].copy(), np.zeros(good.shape[1:], bool)
    for b in reversed(range(number)):
        cv2.copyTo(levels[b], masks[b], following)
        seen |= good[b]
        after[b] = following
    states, unsure = np.zeros_like(levels), np.zeros_like(good)
    last = after[0].copy() if start is None else start
    known = np.full(good.shape[1:], start is not None)
    for b in range(number):
        cv2.copyTo(levels[b], masks[b], last)
        known |= good[b]
        unsure[b] = ~good[b] & differs(last, after[b], tolerance) & known
        states[b] = last
    if not seen.all():
        # What lies over it is not the canvas: what is around it is the likelier look.
        states[:, ~seen] = _from_around(states[-1], ~seen)[~seen]
    return states, unsure, ~seen


def _from_around(state: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """The state with what is hidden, bool (h, w), filled in from its surroundings."""
    if hidden.all():
        return state
    return cv2.inpaint(state, hidden.astype(np.uint8), 3, cv2.INPAINT_TELEA)
