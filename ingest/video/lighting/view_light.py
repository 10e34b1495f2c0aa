"""Estimates a gain for every frame of a video with several camera setups, from the canvas.

Within a view the light drifts (`ingest.video.lighting.light.gains`). From one view to the next
exposure and white balance jump, while the painting stays. The background gives no gain there: it
changes with the camera.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable

import cv2
import numpy as np

from ingest.video.imaging.median import upper_median
from ingest.video.lighting.light import apply_gain, common_gain, gains

SOFT_PX = 3.0
"""Standard deviation of the blur before views are compared: they are aligned to about a pixel."""
MEDIAN_FRAMES = 7
"""Most frames of a view whose per-pixel median represents it."""
MEMORY = 6
"""Latest views that a view is compared with."""
MIN_SHARED = 0.1
"""Least share of the canvas that two views must both show to be compared."""


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
        some = np.linspace(0, len(members) - 1, min(MEDIAN_FRAMES, len(members))).astype(int)
        median = upper_median([apply_gain(frames[members[n]], drift[n]) for n in some])
        in_view = np.asarray(valid[members[some]].all(axis=0), bool)
        jump = _jump(known, median, in_view)
        found[members] = drift * jump
        known.append((apply_gain(median, jump), in_view))
    return found


def _jump(
    known: Iterable[tuple[np.ndarray, np.ndarray]], picture: np.ndarray, in_view: np.ndarray
) -> np.ndarray:
    """The factors (3,) that bring a picture to the light of the views before: the median of those
    relative to each of them; ones if no view can be compared.

    Args:
        known: RGB uint8 (h, w, 3) and bool (h, w), its area in view, for each view before.
    """
    gains_to_views = []
    for before, before_in_view in known:
        both = before_in_view & in_view
        if both.mean() >= MIN_SHARED:
            gain = common_gain(_soft(before, both), _soft(picture, both))
            # `common_gain` returns exact ones if no gain is clear.
            if not (gain == 1).all():
                gains_to_views.append(gain)
    if not gains_to_views:
        return np.ones(3, np.float32)
    return np.median(gains_to_views, axis=0).astype(np.float32)


def _soft(picture: np.ndarray, area: np.ndarray) -> np.ndarray:
    """A picture RGB uint8 (h, w, 3), blurred within an area, bool (h, w); black elsewhere."""
    weight = cv2.GaussianBlur(area.astype(np.float32), (0, 0), SOFT_PX)
    near = cv2.GaussianBlur(
        np.where(area[..., None], picture, 0).astype(np.float32), (0, 0), SOFT_PX
    )
    soft = near / np.maximum(weight, 1e-3)[..., None]
    return np.where(area[..., None], soft.round(), 0).astype(np.uint8)
