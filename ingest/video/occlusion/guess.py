"""What a place that was covered most likely showed: what it did before, or what it did afterwards.

A place that was painted while a hand hid it shows either, and nobody saw which at the moment of a
keyframe. Paint is laid in areas: the one that is more like what lies around it is likelier.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.occlusion.occlusion import History


def with_likelier_guesses(history: History, bins: list[int]) -> History:
    """The history with what is unsure in some bins as it is likelier."""
    states = history.states.copy()
    for b in bins:
        states[b] = likelier(history.states, history.unsure, b)
    return replace(history, states=states)


def likelier(states: np.ndarray, unsure: np.ndarray, b: int) -> np.ndarray:
    """The state RGB uint8 (h, w, 3) of bin `b`; what is unsure in it is as before or as afterwards.

    Args:
        states: RGB uint8 (b, h, w, 3), with what was before where they are unsure.
        unsure: bool (b, h, w).
    """
    before, hidden = states[b], unsure[b]
    if not hidden.any() or hidden.all():
        return before
    after, still_hidden = before.copy(), hidden.copy()
    for later in range(b + 1, len(states)):
        seen = still_hidden & ~unsure[later]
        after[seen] = states[later][seen]
        still_hidden &= ~seen
    return more_like_around(before, after, hidden)


def more_like_around(before: np.ndarray, after: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """RGB uint8 (h, w, 3): `before`, but where it is hidden whichever of the two is more like what
    is around; `before` and `after` are the same elsewhere.

    Args:
        hidden: bool (h, w).
    """
    around = cv2.inpaint(before, hidden.astype(np.uint8), 3, cv2.INPAINT_TELEA)
    off = [np.abs(look.astype(np.int16) - around).sum(axis=2) for look in (before, after)]
    # By area and not by pixel: a line of paint is like nothing around it.
    soft = [cv2.blur(o.astype(np.float32), (5, 5)) for o in off]
    return np.where((hidden & (soft[1] < soft[0]))[..., None], after, before)
