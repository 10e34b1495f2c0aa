"""Undoes jumps of light between views that were set up one after the other.

Within a view light drifts (`ingest.video.lighting.light.gains`); from one view to the next exposure
and white balance jump, while what was painted stays. The surroundings tell nothing there: they are
rearranged as the camera is.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import cv2
import numpy as np

from ingest.video.imaging.median import middle_look
from ingest.video.lighting.light import apply_gain, common_gain, gains

SOFT_PX = 3.0
"""By how much looks are blurred (standard deviation): views lie over each other a pixel off."""
LOOKS, MEMORY, LEAST_SHARED = 7, 6, 0.1
"""Frames of a view that make its middle look; how many views before are asked; and the least share
of the canvas that two views must share for the light of one to be brought to the other's."""


def view_gains(frames: np.ndarray, valid: np.ndarray, views: list[int]) -> np.ndarray:
    """Factors float32 (n, 3) that bring every frame to the light of the first view.

    Args:
        frames: RGB uint8 (n, h, w, 3), the rectified canvas; valid: bool (n, h, w).
        views: which view each frame belongs to, in order of time.
    """
    found = np.ones((len(frames), 3), np.float32)
    known: deque[tuple[np.ndarray, np.ndarray]] = deque(maxlen=MEMORY)
    numbers = np.array(views)
    for view in dict.fromkeys(views):
        members = np.flatnonzero(numbers == view)
        drift = gains(zip(frames[members], valid[members], strict=True))
        some = np.linspace(0, len(members) - 1, min(LOOKS, len(members))).astype(int)
        look = middle_look([apply_gain(frames[members[n]], drift[n]) for n in some])
        shown = np.asarray(valid[members[some]].all(axis=0), bool)
        jump = _jump(known, look, shown)
        found[members] = drift * jump
        known.append((apply_gain(look, jump), shown))
    return found


def _jump(
    known: Iterable[tuple[np.ndarray, np.ndarray]], look: np.ndarray, shown: np.ndarray
) -> np.ndarray:
    """The factors (3,) that bring a look to the light of most of the views before; ones if none
    tells."""
    told = []
    for before, seen in known:
        both = seen & shown
        if both.mean() >= LEAST_SHARED:
            gain = common_gain(_soft(before, both), _soft(look, both))
            # Exactly one is what is answered where pixels agree on nothing.
            if not (gain == 1).all():
                told.append(gain)
    return np.median(told, axis=0).astype(np.float32) if told else np.ones(3, np.float32)


def _soft(look: np.ndarray, shown: np.ndarray) -> np.ndarray:
    """The look RGB uint8 (h, w, 3), blurred, where it is shown; black elsewhere."""
    weight = cv2.GaussianBlur(shown.astype(np.float32), (0, 0), SOFT_PX)
    near = cv2.GaussianBlur(np.where(shown[..., None], look, 0).astype(np.float32), (0, 0), SOFT_PX)
    soft = near / np.maximum(weight, 1e-3)[..., None]
    return np.where(shown[..., None], soft.round(), 0).astype(np.uint8)
