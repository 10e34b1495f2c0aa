"""What a bare canvas showed where hands or the border of the view hid it at first.

What is hidden from the start is shown as it is seen first (`ingest.video.occlusion.occlusion`):
painted, where the painter was done by then. On a canvas that starts bare it may as well have been
bare. Whichever is more like what is around is taken, state by state.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.occlusion.guess import more_like_around
from ingest.video.occlusion.occlusion import History

SOFT_PX, LEAST_WEIGHT = 12.0, 0.02
"""By how much the bare canvas is blurred (standard deviation): its light may fall off; and the
least weight with which what is near tells the tone, else it is that of all of the canvas."""
LEAST_SEEN, BARE_SHARE, SLOPE = 0.4, 0.85, 3.0
"""Share of the canvas that must be seen at first, and share of that which must have the tone of
what is around it, at most so many tolerances off the tone of all, for the canvas to be bare."""


def with_bare_start(history: History) -> History:
    """The history of a canvas with what was not seen yet as it likelier was, bare or painted; the
    same history if the canvas was not bare."""
    tone = bare_tone(history.states[0], ~history.covered[0], history.tolerance)
    if tone is None:
        return history
    states, unseen = history.states.copy(), np.ones_like(history.covered[0])
    for b, state in enumerate(history.states):
        unseen &= history.covered[b]
        if not unseen.any():
            break
        states[b] = more_like_around(np.where(unseen[..., None], tone, state), state, unseen)
    return replace(history, states=states)


def bare_tone(state: np.ndarray, seen: np.ndarray, tolerance: np.ndarray) -> np.ndarray | None:
    """The bare canvas RGB uint8 (h, w, 3), or None if the first state is not bare.

    Args:
        state: RGB uint8 (h, w, 3); seen: bool (h, w), where it shows the canvas.
        tolerance: float32 (h, w), difference up to which two looks show the same.
    """
    if seen.mean() < LEAST_SEEN:
        return None
    tone = np.median(state[seen], axis=0).astype(np.uint8)
    near = seen & ~differs(state, np.broadcast_to(tone, state.shape).copy(), SLOPE * tolerance)
    weight = cv2.GaussianBlur(near.astype(np.float32), (0, 0), SOFT_PX)
    total = cv2.GaussianBlur(
        np.where(near[..., None], state, 0).astype(np.float32), (0, 0), SOFT_PX
    )
    around = total / np.maximum(weight, 1e-4)[..., None]
    local = np.where(weight[..., None] > LEAST_WEIGHT, around, tone).round().astype(np.uint8)
    bare = near & ~differs(state, local, tolerance)
    return local if bare[seen].mean() >= BARE_SHARE else None
