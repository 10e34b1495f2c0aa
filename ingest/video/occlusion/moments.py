"""When exactly every pixel was painted, and at which frames the canvas is seen best.

Bins say which levels of paint follow each other; frame by frame we look when the old level is seen
for the last time and the new one for the first time. Between the two the pixel is covered, and what
it shows is *unsure*: keyframes are taken at the frames where that is least.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.occlusion.occlusion import History
from ingest.video.occlusion.surround import Surround


@dataclass(frozen=True, eq=False)
class Changes:
    """Every change of paint, in order of time; flat pixel numbers."""

    frame: np.ndarray
    """int32 (k,): the first frame that is taken to show the new paint."""
    pixel: np.ndarray
    """int32 (k,)."""
    colour: np.ndarray
    """uint8 (k, 3): the new paint."""
    first: np.ndarray
    """RGB uint8 (h, w, 3): the canvas at the first frame."""
    unsure_from: np.ndarray
    """int32 (k,): the pixel is unsure from this frame to before `unsure_to`."""
    unsure_to: np.ndarray


class _Walk:
    """The canvas as it goes from frame to frame, and the changes that were seen on the way."""

    def __init__(self, history: History) -> None:
        self.current = history.states[0].copy()
        self.last_seen = np.full(history.tolerance.shape, -1, np.int32)
        self.parts: list[tuple[np.ndarray, ...]] = []

    def switch(self, where: np.ndarray, state: np.ndarray, frame: int) -> None:
        """From `frame` on, the pixels `where` show `state`."""
        pixels = np.flatnonzero(where)
        if len(pixels):
            seen = self.last_seen.ravel()[pixels]
            colour = state.reshape(-1, 3)[pixels]
            self.parts.append((np.full(len(pixels), frame), pixels, colour, seen))
        self.current[where] = state[where]
        self.last_seen[where] = frame


def find_changes(surround: Surround, valid: np.ndarray, history: History) -> Changes:
    """The changes of paint between the clean states of a history.

    Args:
        surround: all frames (n), the canvas and what lies around it; valid: bool (n, h, w).
    """
    states, tolerance, frames = history.states, history.tolerance, surround.frames
    walk = _Walk(history)
    for b, members in enumerate(history.bins):
        for n in map(int, members):
            shown = ~differs(frames[n], walk.current, tolerance) & valid[n]
            walk.last_seen[shown] = n
            for coming in states[b : b + 2]:
                new = differs(coming, walk.current, tolerance) & ~shown & valid[n]
                new &= ~differs(frames[n], coming, tolerance)
                walk.switch(new, coming, n)
                shown |= new
            fresh = surround.fresh_paint(n, ~shown & valid[n], valid, tolerance)
            walk.switch(fresh, frames[n], n)
        # What the bin has newly to show, it shows at its end at the latest, if nobody saw it come.
        known = walk.last_seen >= members[0]
        is_new = differs(states[b], states[max(b - 1, 0)], tolerance) & ~known
        walk.switch(
            is_new & differs(states[b], walk.current, tolerance), states[b], int(members[-1])
        )
        same = ~differs(states[b], walk.current, tolerance)
        walk.current[same] = states[b][same]
    return _ordered(walk.parts, states[0])


def _ordered(parts: list[tuple[np.ndarray, ...]], first: np.ndarray) -> Changes:
    if not parts:
        none = np.zeros(0, np.int32)
        return Changes(none, none, np.zeros((0, 3), np.uint8), first, none, none)
    shown, pixel, colour, seen = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    # Nobody saw it happen: half of the way is least wrong.
    middle = (seen + 1 + shown + 1) // 2
    order = np.lexsort((pixel, shown, middle))
    return Changes(
        frame=middle[order].astype(np.int32),
        pixel=pixel[order].astype(np.int32),
        colour=colour[order],
        first=first,
        unsure_from=(seen[order] + 1).astype(np.int32),
        unsure_to=shown[order].astype(np.int32),
    )


def at_best_frames(
    history: History, changes: Changes, inside: np.ndarray, frames: np.ndarray, valid: np.ndarray
) -> History:
    """The history with every state as it is at its bin's best frame, and which frame that is.

    The best frame of a bin leaves the fewest pixels unsure, and of equals shows most of the canvas.
    """
    height, width = history.tolerance.shape
    count = np.zeros(len(frames) + 1)
    on_canvas = inside.ravel()[changes.pixel]
    np.add.at(count, changes.unsure_from[on_canvas], 1)
    np.add.at(count, changes.unsure_to[on_canvas], -1)
    share = np.cumsum(count)[:-1] / inside.sum()
    current, done = changes.first.reshape(-1, 3).copy(), 0
    states, unsure = np.empty_like(history.states), np.zeros_like(history.unsure)
    moments = []
    for b, members in enumerate(history.bins):
        hidden = [
            (differs(frames[n], history.states[b], history.tolerance) | ~valid[n])[inside].mean()
            for n in members
        ]
        middle = int(members[len(members) // 2])
        best = min(
            zip(members, hidden, strict=True),
            key=lambda m: (round(float(share[m[0]]), 3), round(m[1], 2), abs(int(m[0]) - middle)),
        )
        moment = int(best[0])
        moments.append(moment)
        until = int(np.searchsorted(changes.frame, moment, side="right"))
        # Later changes of a pixel overwrite earlier ones: assignment goes in order.
        current[changes.pixel[done:until]] = changes.colour[done:until]
        done = until
        state = current.reshape(height, width, 3)
        other = differs(state, history.states[b], history.tolerance)
        states[b] = np.where(other[..., None], state, history.states[b])
        open_ = (changes.unsure_from <= moment) & (moment < changes.unsure_to)
        unsure[b].ravel()[changes.pixel[open_]] = True
    return replace(history, states=states, unsure=unsure, moments=np.array(moments))
