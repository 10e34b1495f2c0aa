"""Computes the clean canvas over time from rectified frames: occluders are removed, paint stays.

Time is cut into bins of a few frames. Each pixel has a dominant colour in each bin. That colour is
taken for the canvas if the frames of the bin agree on it, if bins nearby show it too, and if it is
not a temporary change between two equal colours (then something passed in front of the canvas).
Elsewhere the pixel keeps the last known colour of the canvas or, before the first one, the next.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.canvas.footage import Footage
from ingest.video.imaging.difference import differs
from ingest.video.occlusion.blank_canvas import OCCLUDED_OPENING, OPENING, find_blank_canvas
from ingest.video.occlusion.dominant_colours import DominantColours, find_dominant_colours
from ingest.video.occlusion.occluders import find_occluders


class OcclusionConfig(Config):
    """How occluders are found. Times are shares of the video, so speed-ups do not matter."""

    side_px: int = Field(default=160, ge=64)
    """Short side of the rectified canvas on which occluders are found."""
    max_bins: int = Field(default=100, ge=10)
    """Most time bins that the video is cut into; a bin has at least `min_bin_frames` frames."""
    min_bin_frames: int = Field(default=3, ge=2)
    """Least frames of a bin."""
    tolerance: float = Field(default=13.0, gt=0, le=255)
    """Largest channel difference (of 255) between two observations of the same paint."""
    edge_tolerance: float = Field(default=0.5, ge=0)
    """Added tolerance per grey level of local contrast: registration is never exact."""
    cover_share: float = Field(default=0.5, gt=0, le=1)
    """Longest time that an occluder stays in front of the canvas, as a share of the video, where
    the table around the canvas is in view."""
    min_motion: float = Field(default=0.08, ge=0, lt=1)
    """Share of pixels whose frames disagree (in the busiest quarter of the bins) from which
    something is taken to move in front of the canvas. Measured: 0.02 to 0.05 without a hand, 0.12
    to 0.30 with one."""
    flicker_share: float = Field(default=0.04, gt=0, le=1)
    """The same as `cover_share` where nothing moves in front: a layer that is hidden for a moment.
    With a table in view also the longest time that a colour may last to be joined to the moving
    occluder next to it."""
    resting_share: float = Field(default=0.2, gt=0, le=1)
    """Both of these without a table in view: how long a hand may rest next to where it paints."""
    told_resting_share: float = Field(default=0.04, gt=0, le=1)
    """The same in footage with many camera positions, once hands were found by their colours."""
    margin: float = Field(default=0.1, gt=0, le=0.5)
    """Width of the border around the canvas that is analysed too, as a share of the canvas: what
    lies on the table is no paint, nor is what is connected with it."""
    min_support: int = Field(default=2, ge=1)
    """Bins nearby (itself included) that must show a colour for it to be paint."""


@dataclass(frozen=True, eq=False)
class CanvasHistory:
    """The clean canvas in each of b time bins, at analysis size (h, w)."""

    bins: list[np.ndarray]
    """Frame numbers of each bin."""
    states: np.ndarray
    """RGB uint8 (b, h, w, 3), the clean canvas."""
    occluded: np.ndarray
    """bool (b, h, w): the canvas was not seen at this pixel in the bin."""
    unsure: np.ndarray
    """bool (b, h, w): occluded, and of another colour when it was seen again."""
    tolerance: np.ndarray
    """float32 (h, w): largest difference between two observations of the same paint."""
    never_seen: np.ndarray
    """bool (h, w): occluded in all bins; `states` holds an inpainting there."""
    representative_frames: np.ndarray
    """int (b,): the number of the frame that represents each bin."""

    @property
    def num_bins(self) -> int:
        return len(self.bins)


def remove_occluders(
    frames: np.ndarray,
    valid: np.ndarray,
    inside: np.ndarray,
    footage: Footage,
    config: OcclusionConfig,
    *,
    are_hands_masked: bool = False,
) -> CanvasHistory:
    """Returns the clean canvas over time.

    Args:
        frames: RGB uint8 (n, h, w, 3), rectified, exposure evened.
        valid: bool (n, h, w), where the frames have pixels.
        inside: bool (h, w), the canvas; the rest is the table around it.
        are_hands_masked: whether `valid` leaves out hands that were found by their colours.
    """
    number = max(2, min(config.max_bins, len(frames) // config.min_bin_frames))
    colours = find_dominant_colours(frames, valid, number, config.tolerance, config.edge_tolerance)
    # Where nothing moves in front of the canvas (a screen recording), all that appears is paint,
    # except for what is switched on and off within a moment.
    moving = (~colours.unanimous & inside).sum(axis=(1, 2)) / inside.sum()
    is_static = np.percentile(moving, 75) < config.min_motion
    max_occlusion, max_joined = _max_durations(footage, config, is_static, are_hands_masked)
    occluded = find_occluders(
        colours,
        inside,
        max_occlusion_bins=max(2, round(max_occlusion * number)),
        max_joined_bins=max(2, round(max_joined * number)),
        min_support=config.min_support,
        has_table=footage is Footage.TABLE,
    )
    start = _blank_start(colours, ~occluded[0] & inside, inside)
    states, unsure, never_seen = _fill(colours.colour, ~occluded, colours.tolerance, start)
    middles = np.array([members[len(members) // 2] for members in colours.bins])
    tolerance = colours.tolerance
    return CanvasHistory(colours.bins, states, occluded, unsure, tolerance, never_seen, middles)


def _max_durations(
    footage: Footage, config: OcclusionConfig, is_static: bool, are_hands_masked: bool
) -> tuple[float, float]:
    """Returns two shares of the video: how long an occluder may stay in front of the canvas, and
    how long a part of it may keep one colour."""
    if is_static:
        return config.flicker_share, config.flicker_share
    if footage is Footage.TABLE:
        return config.cover_share, config.flicker_share
    if footage is Footage.REFRAMED and are_hands_masked:
        # Each view has its own exposure, so paint too keeps its colour for a short time only.
        return config.told_resting_share, config.told_resting_share
    # Without a table in view only the duration separates a resting hand from paint.
    return config.resting_share, config.resting_share


def crop_history(history: CanvasHistory, crop: tuple[slice, slice]) -> CanvasHistory:
    """Returns the history of a part of the picture, given as rows and columns."""
    parts = {
        name: np.ascontiguousarray(getattr(history, name)[(slice(None), *crop)])
        for name in ("states", "occluded", "unsure")
    }
    flat = {name: getattr(history, name)[crop] for name in ("tolerance", "never_seen")}
    return replace(history, **parts, **flat)


def _blank_start(
    colours: DominantColours, seen: np.ndarray, inside: np.ndarray
) -> np.ndarray | None:
    """Returns the canvas before anything is painted, RGB uint8 (h, w, 3), or None if it was not
    blank.

    A blank canvas has one colour. A pixel that is blank in the first bin only has no other bin to
    support it, but the blank canvas around it has. Occluded pixels are taken for blank as well.

    Args:
        seen: bool (h, w), where the canvas is seen in the first bin.
        inside: bool (h, w), where the canvas lies.
    """
    first, test = colours.colour[0], OPENING
    if seen.mean() < test.min_seen_share:
        seen, test = inside & colours.in_view[0], OCCLUDED_OPENING
    blank = find_blank_canvas(first, seen, colours.tolerance, test)
    if blank is None:
        return None
    return np.where((colours.reliable[0] & blank.where)[..., None], first, blank.colour)


def _fill(
    colours: np.ndarray, visible: np.ndarray, tolerance: np.ndarray, start: np.ndarray | None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Fills occluded pixels from other bins.

    Args:
        colours: RGB uint8 (b, h, w, 3), the dominant colours.
        visible: bool (b, h, w), where they show the canvas.
        start: the blank canvas, which pixels show before they are first seen. Without one they
            show the colour that is seen first.

    Returns:
        `states`, `unsure` and `never_seen` of `CanvasHistory`.
    """
    number, masks = len(colours), visible.view(np.uint8)
    after = np.zeros_like(colours)
    following, seen = colours[-1].copy(), np.zeros(visible.shape[1:], bool)
    for b in reversed(range(number)):
        cv2.copyTo(colours[b], masks[b], following)
        seen |= visible[b]
        after[b] = following
    states, unsure = np.zeros_like(colours), np.zeros_like(visible)
    last = after[0].copy() if start is None else start
    known = np.full(visible.shape[1:], start is not None)
    for b in range(number):
        cv2.copyTo(colours[b], masks[b], last)
        known |= visible[b]
        unsure[b] = ~visible[b] & differs(last, after[b], tolerance) & known
        states[b] = last
    if not seen.all():
        # An occluder lies there all the time: its neighbours are likelier than its own colour.
        states[:, ~seen] = _inpainted(states[-1], ~seen)[~seen]
    return states, unsure, ~seen


def _inpainted(state: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Returns the state with the pixels `hidden`, bool (h, w), inpainted from their neighbours."""
    if hidden.all():
        return state
    return cv2.inpaint(state, hidden.astype(np.uint8), 3, cv2.INPAINT_TELEA)
