"""When exactly every pixel was painted, and at which frames the canvas is seen best.

Bins say which levels of paint follow each other; frame by frame we look when the old level is seen
for the last time and the new one for the first time. Between the two the pixel is covered, and what
it shows is *unsure*: keyframes are taken at the frames where that is least.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.occlusion import History, differs


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


def find_changes(frames: np.ndarray, valid: np.ndarray, history: History) -> Changes:
    """The changes of paint between the clean states of a history.

    Args:
        frames: RGB uint8 (n, h, w, 3); valid: bool (n, h, w).
    """
    states, tolerance = history.states, history.tolerance
    current = states[0].copy()
    last_seen = np.full(tolerance.shape, -1, np.int32)
    parts: list[tuple[np.ndarray, ...]] = []

    def switch(where: np.ndarray, state: np.ndarray, frame: int) -> None:
        pixels = np.flatnonzero(where)
        if len(pixels):
            seen = last_seen.ravel()[pixels]
            parts.append((np.full(len(pixels), frame), pixels, state.reshape(-1, 3)[pixels], seen))
        current[where] = state[where]
        last_seen[where] = frame

    for b, members in enumerate(history.bins):
        for n in map(int, members):
            shown = ~differs(frames[n], current, tolerance) & valid[n]
            last_seen[shown] = n
            for coming in states[b : b + 2]:
                new = differs(coming, current, tolerance) & ~shown & valid[n]
                new &= ~differs(frames[n], coming, tolerance)
                switch(new, coming, n)
                shown |= new
        # What the bin is known to show, it shows at its end at the latest.
        switch(differs(states[b], current, tolerance), states[b], int(members[-1]))
        current = states[b].copy()
    return _ordered(parts, states[0])


def _ordered(parts: list[tuple[np.ndarray, ...]], first: np.ndarray) -> Changes:
    if not parts:
        none = np.zeros(0, np.int32)
        return Changes(none, none, np.zeros((0, 3), np.uint8), first, none, none)
    shown, pixel, colour, seen = (np.concatenate(columns) for columns in zip(*parts, strict=True))
    # Nobody saw it happen: half of the way is least wrong.
    middle = (seen + 1 + shown + 1) // 2
    order = np.lexsort((pixel, shown, middle))
    return Changes(
        *(x[order].astype(np.int32) for x in (middle, pixel)),
        colour[order],
        first,
        *(x[order].astype(np.int32) for x in (seen + 1, shown)),
    )


def at_best_frames(
    history: History, changes: Changes, frames: np.ndarray, valid: np.ndarray
) -> History:
    """The history with every state as it is at its bin's best frame, and which frame that is.

    The best frame of a bin leaves the fewest pixels unsure, and of equals shows most of the canvas.
    """
    height, width = history.tolerance.shape
    count = np.zeros(len(frames) + 1)
    np.add.at(count, changes.unsure_from, 1)
    np.add.at(count, changes.unsure_to, -1)
    share = np.cumsum(count)[:-1] / (height * width)
    current, done = changes.first.reshape(-1, 3).copy(), 0
    states, unsure = np.empty_like(history.states), np.zeros_like(history.unsure)
    moments = []
    for b, members in enumerate(history.bins):
        hidden = [
            (differs(frames[n], history.states[b], history.tolerance) | ~valid[n]).mean()
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
