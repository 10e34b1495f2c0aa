"""Computes what a canvas that starts blank showed where it was hidden at first.

Pixels that are hidden from the start show the colour that is seen first
(`ingest.video.occlusion.canvas_history`), which may be paint that was laid meanwhile. On a canvas
that starts blank they may as well have been blank. In each state the colour that fits the
neighbours better is taken.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.video.occlusion.blank_canvas import FIRST_STATE, find_blank_canvas
from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.occlusion.unsure_pixels import closer_to_inpainting


def with_blank_start(history: CanvasHistory) -> CanvasHistory:
    """Returns the history with the likelier colour, blank or painted, at pixels that were not seen
    yet; the same history if the canvas does not start blank."""
    seen = ~history.occluded[0]
    blank = find_blank_canvas(history.states[0], seen, history.tolerance, FIRST_STATE)
    if blank is None:
        return history
    states, unseen = history.states.copy(), np.ones_like(history.occluded[0])
    for b, state in enumerate(history.states):
        unseen &= history.occluded[b]
        if not unseen.any():
            break
        states[b] = closer_to_inpainting(
            np.where(unseen[..., None], blank.colour, state), state, unseen
        )
    return replace(history, states=states)
