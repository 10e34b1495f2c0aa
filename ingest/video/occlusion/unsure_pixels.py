"""Decides for unsure pixels (changed while occluded) between the colour before and the one after.

A spot that was painted while a hand hid it shows either colour at the moment of a keyframe, and
nobody saw which. Paint is laid in areas, so the colour that fits the neighbours better is likelier.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.imaging.colour_distance import FULL_LAB, lab_distance, soft_lab
from ingest.video.occlusion.canvas_history import CanvasHistory

INPAINT_RADIUS_PX = 3
"""Radius of the neighbourhood that is used for inpainting."""
AREA_PX = 5
"""Side of the square over which differences are averaged, so that areas are decided as a whole."""


def clearly_changed_unsure(history: CanvasHistory) -> np.ndarray:
    """Returns bool (b, h, w): unsure pixels of clearly another colour when they are seen again.

    Where footage has many camera positions, the exposure jumps from view to view. What was hidden
    across a jump comes back in other colours though nothing was painted there.
    """
    result, following = np.zeros_like(history.unsure), soft_lab(history.states[-1])
    for b in reversed(range(history.num_bins)):
        shown, unsure = soft_lab(history.states[b]), history.unsure[b]
        following = np.where(unsure[..., None], following, shown)
        result[b] = unsure & (lab_distance(following, shown) > FULL_LAB)
    return result


def with_likelier_unsure_pixels(history: CanvasHistory, bins: list[int]) -> CanvasHistory:
    """Returns the history with the likelier colour at the unsure pixels of the given bins."""
    states = history.states.copy()
    for b in bins:
        states[b] = likelier_state(history.states, history.unsure, b)
    return replace(history, states=states)


def likelier_state(states: np.ndarray, unsure: np.ndarray, b: int) -> np.ndarray:
    """Returns the state of bin `b`, RGB uint8 (h, w, 3), with the likelier colour at its unsure
    pixels.

    Args:
        states: RGB uint8 (b, h, w, 3); unsure pixels show the colour before.
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
    return closer_to_inpainting(before, after, hidden)


def closer_to_inpainting(before: np.ndarray, after: np.ndarray, hidden: np.ndarray) -> np.ndarray:
    """Returns `before` and, at hidden pixels, whichever of the two is closer to an inpainting.

    Args:
        before, after: RGB uint8 (h, w, 3), equal where not hidden.
        hidden: bool (h, w).
    """
    inpainted = cv2.inpaint(before, hidden.astype(np.uint8), INPAINT_RADIUS_PX, cv2.INPAINT_TELEA)
    off = [np.abs(state.astype(np.int16) - inpainted).sum(axis=2) for state in (before, after)]
    # By area and not by pixel: a thin line of paint is unlike its neighbours.
    mean = [cv2.blur(o.astype(np.float32), (AREA_PX, AREA_PX)) for o in off]
    return np.where((hidden & (mean[1] < mean[0]))[..., None], after, before)
