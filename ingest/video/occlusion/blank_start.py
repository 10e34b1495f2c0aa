"""Computes what a canvas that starts blank showed where it was hidden at first.

Pixels that are hidden from the start show the colour that is seen first
(`ingest.video.occlusion.canvas_history`), which may be paint that was laid meanwhile. On a canvas
that starts blank they may as well have been blank. In each state the colour that fits the
neighbours better is taken.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.occlusion.unsure_pixels import closer_to_inpainting

BLUR_PX = 12.0
"""Standard deviation of the blur that gives the local colour of the blank canvas, whose light may
fall off."""
MIN_BLUR_WEIGHT = 0.02
"""Least blurred weight of blank pixels nearby; below it the median colour is used."""
MIN_SEEN_SHARE = 0.4
"""Least share of the canvas that must be seen in the first state."""
MIN_BLANK_SHARE = 0.85
"""Least share of the visible canvas that must have the local colour for the canvas to be blank."""
MAX_SHADING_TOLERANCES = 3.0
"""Largest difference from the median colour, in tolerances, that falling light explains."""


def with_blank_start(history: CanvasHistory) -> CanvasHistory:
    """Returns the history with the likelier colour, blank or painted, at pixels that were not seen
    yet; the same history if the canvas does not start blank."""
    blank = blank_canvas_colour(history.states[0], ~history.occluded[0], history.tolerance)
    if blank is None:
        return history
    states, unseen = history.states.copy(), np.ones_like(history.occluded[0])
    for b, state in enumerate(history.states):
        unseen &= history.occluded[b]
        if not unseen.any():
            break
        states[b] = closer_to_inpainting(np.where(unseen[..., None], blank, state), state, unseen)
    return replace(history, states=states)


def blank_canvas_colour(
    state: np.ndarray, seen: np.ndarray, tolerance: np.ndarray
) -> np.ndarray | None:
    """Returns the blank canvas, RGB uint8 (h, w, 3), or None if the state is not blank.

    Args:
        state: RGB uint8 (h, w, 3), the first state.
        seen: bool (h, w), where it shows the canvas.
        tolerance: float32 (h, w), largest difference between equal observations.
    """
    if seen.mean() < MIN_SEEN_SHARE:
        return None
    median = np.median(state[seen], axis=0).astype(np.uint8)
    flat = np.broadcast_to(median, state.shape).copy()
    near = seen & ~differs(state, flat, MAX_SHADING_TOLERANCES * tolerance)
    weight = cv2.GaussianBlur(near.astype(np.float32), (0, 0), BLUR_PX)
    total = cv2.GaussianBlur(
        np.where(near[..., None], state, 0).astype(np.float32), (0, 0), BLUR_PX
    )
    mean = total / np.maximum(weight, 1e-4)[..., None]
    local = np.where(weight[..., None] > MIN_BLUR_WEIGHT, mean, median).round().astype(np.uint8)
    blank = near & ~differs(state, local, tolerance)
    return local if blank[seen].mean() >= MIN_BLANK_SHARE else None
