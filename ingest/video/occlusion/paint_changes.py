"""Computes the frame at which every pixel was painted, and each bin's frame of clearest view.

Bins give the order in which colours of paint follow each other. Frame by frame, the last
observation of the old colour and the first one of the new colour are found. In between the pixel
is occluded and its colour is *unsure*. Keyframes are taken at frames with few unsure pixels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.occlusion.table_background import TableBackground


@dataclass(frozen=True, eq=False)
class PaintChanges:
    """All k changes of a pixel's paint, in order of time."""

    frame: np.ndarray
    """int32 (k,): the first frame that is taken to show the new paint."""
    pixel: np.ndarray
    """int32 (k,): flat pixel index."""
    colour: np.ndarray
    """uint8 (k, 3): the new paint."""
    first: np.ndarray
    """RGB uint8 (h, w, 3): the canvas at the first frame."""
    unsure_from: np.ndarray
    """int32 (k,): the first frame at which the pixel is unsure."""
    unsure_to: np.ndarray
    """int32 (k,): the first frame at which it is not unsure any more."""


class _FrameScan:
    """The canvas as known at the present frame, and the changes that were seen up to it."""

    def __init__(self, history: CanvasHistory) -> None:
        self.current = history.states[0].copy()
        self.last_seen = np.full(history.tolerance.shape, -1, np.int32)
        self.parts: list[tuple[np.ndarray, ...]] = []

    def change(self, where: np.ndarray, state: np.ndarray, frame: int) -> None:
        """Records that the pixels `where`, bool (h, w), show `state` from `frame` on."""
        pixels = np.flatnonzero(where)
        if len(pixels):
            seen = self.last_seen.ravel()[pixels]
            colour = state.reshape(-1, 3)[pixels]
            self.parts.append((np.full(len(pixels), frame), pixels, colour, seen))
        self.current[where] = state[where]
        self.last_seen[where] = frame


def find_paint_changes(
    table: TableBackground, valid: np.ndarray, history: CanvasHistory
) -> PaintChanges:
    """Returns the changes of paint between the clean states of a history.

    Args:
        table: holds all n frames, and separates new paint from arms that reach in from the table.
        valid: bool (n, h, w), where the frames show the canvas or the table.
    """
    states, tolerance, frames = history.states, history.tolerance, table.frames
    scan = _FrameScan(history)
    for b, members in enumerate(history.bins):
        for n in map(int, members):
            shown = ~differs(frames[n], scan.current, tolerance) & valid[n]
            scan.last_seen[shown] = n
            for state in states[b : b + 2]:
                new = differs(state, scan.current, tolerance) & ~shown & valid[n]
                new &= ~differs(frames[n], state, tolerance)
                scan.change(new, state, n)
                shown |= new
            new = table.visible_new_paint(n, ~shown & valid[n], valid, tolerance)
            scan.change(new, frames[n], n)
        # New paint of a bin that no frame showed arriving is shown from the bin's last frame on.
        known = scan.last_seen >= members[0]
        is_new = differs(states[b], states[max(b - 1, 0)], tolerance) & ~known
        scan.change(
            is_new & differs(states[b], scan.current, tolerance), states[b], int(members[-1])
        )
        same = ~differs(states[b], scan.current, tolerance)
        scan.current[same] = states[b][same]
    return _ordered(scan.parts, states[0])


def _ordered(parts: list[tuple[np.ndarray, ...]], first: np.ndarray) -> PaintChanges:
    """Returns the changes ordered by time.

    Args:
        parts: frame, flat pixel index, colour and frame of the last observation before, of some
            changes each.
        first: the canvas at the first frame.
    """
    if not parts:
        none = np.zeros(0, np.int32)
        return PaintChanges(none, none, np.zeros((0, 3), np.uint8), first, none, none)
    shown, pixel, colour, seen = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    # Nobody saw the change itself: the middle between the two observations has the least error.
    middle = (seen + 1 + shown + 1) // 2
    order = np.lexsort((pixel, shown, middle))
    return PaintChanges(
        frame=middle[order].astype(np.int32),
        pixel=pixel[order].astype(np.int32),
        colour=colour[order],
        first=first,
        unsure_from=(seen[order] + 1).astype(np.int32),
        unsure_to=shown[order].astype(np.int32),
    )


def with_clearest_frames(
    history: CanvasHistory,
    changes: PaintChanges,
    inside: np.ndarray,
    frames: np.ndarray,
    valid: np.ndarray,
) -> CanvasHistory:
    """Returns the history with each bin's clearest frame, and the state as it is at that frame.

    The clearest frame of a bin has the fewest unsure pixels and, of equals, the fewest occluded
    ones.

    Args:
        inside: bool (h, w), the canvas.
        frames: RGB uint8 (n, h, w, 3).
        valid: bool (n, h, w), where the frames show the canvas or the table.
    """
    height, width = history.tolerance.shape
    unsure_share = _unsure_share(changes, inside, len(frames))
    current, done = changes.first.reshape(-1, 3).copy(), 0
    states, unsure = np.empty_like(history.states), np.zeros_like(history.unsure)
    chosen = []
    for b, members in enumerate(history.bins):
        hidden = [
            (differs(frames[n], history.states[b], history.tolerance) | ~valid[n])[inside].mean()
            for n in members
        ]
        frame = _clearest(members, unsure_share, hidden)
        chosen.append(frame)
        until = int(np.searchsorted(changes.frame, frame, side="right"))
        # Later changes of a pixel overwrite earlier ones: assignment goes in order.
        current[changes.pixel[done:until]] = changes.colour[done:until]
        done = until
        state = current.reshape(height, width, 3)
        other = differs(state, history.states[b], history.tolerance)
        states[b] = np.where(other[..., None], state, history.states[b])
        is_unsure = (changes.unsure_from <= frame) & (frame < changes.unsure_to)
        unsure[b].ravel()[changes.pixel[is_unsure]] = True
    return replace(history, states=states, unsure=unsure, representative_frames=np.array(chosen))


def _unsure_share(changes: PaintChanges, inside: np.ndarray, num_frames: int) -> np.ndarray:
    """Returns the share of the canvas that is unsure at each frame, float (n,) in [0, 1]."""
    count = np.zeros(num_frames + 1)
    on_canvas = inside.ravel()[changes.pixel]
    np.add.at(count, changes.unsure_from[on_canvas], 1)
    np.add.at(count, changes.unsure_to[on_canvas], -1)
    return np.cumsum(count)[:-1] / inside.sum()


def _clearest(members: np.ndarray, unsure_share: np.ndarray, hidden: list[float]) -> int:
    """Returns the frame of a bin with the fewest unsure pixels, then the fewest hidden ones, then
    the one nearest to the middle.

    Args:
        members: frame numbers of the bin.
        unsure_share: share of the canvas that is unsure at each frame of the video.
        hidden: share of the canvas that is hidden in each frame of the bin.
    """
    middle = int(members[len(members) // 2])
    best = min(
        zip(members, hidden, strict=True),
        key=lambda m: (
            round(float(unsure_share[m[0]]), 3),
            round(m[1], 2),
            abs(int(m[0]) - middle),
        ),
    )
    return int(best[0])
