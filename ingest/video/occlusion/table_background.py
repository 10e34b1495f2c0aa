"""Compares the table around the canvas with its usual colours: an arm reaches in from the table.

In a frame in which nothing lies on the table around the canvas, no hand is on the canvas either,
and everything new on it is paint. In other frames only new regions that do not touch what lies on
the table are paint.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.connected_components import components_touching
from ingest.video.imaging.difference import KERNEL, differs
from ingest.video.imaging.persistent_colour import most_persistent_colour

BORDER_PX = 2
"""Width of the band around the canvas's edge that counts neither as canvas nor as table."""
MAX_CLEAR_SHARE = 0.004
"""Share of the table that may differ from the background (noise, edges) in a frame without an
object on the table."""
REFERENCE_FRAMES = 62
"""About how many frames the background is computed from."""
CONFIRMATION_FRAMES = 3
"""Most frames between two observations of new paint that confirm each other."""
TABLE_TOLERANCE = 13.0
"""Largest channel difference (of 255) between two observations of the same spot of the table."""
MIN_CHANGED_SHARE = 0.5
"""Share of the table that differs from the background from which a frame shows another scene."""
MIN_VISIBLE_SHARE = 0.25
"""Least share of the table that must be in view to detect another scene."""
SCENE_CHANGE_MARGIN_FRAMES = 1
"""Frames before and after a detected scene change that belong to it, as in a dissolve."""
BLUR_PX = 3.0
"""Standard deviation of the blur with which scenes are compared."""


class TableBackground:
    """The usual colours of the table around a canvas, and what differs from them in each frame."""

    def __init__(self, frames: np.ndarray, inside: np.ndarray) -> None:
        """Computes the background.

        Args:
            frames: RGB uint8 (n, h, w, 3), all frames.
            inside: bool (h, w), the canvas in them.
        """
        self.frames, self.inside = frames, inside
        near = cv2.dilate(inside.astype(np.uint8), KERNEL, iterations=BORDER_PX) > 0
        self.table = ~near
        some = frames[:: max(1, len(frames) // REFERENCE_FRAMES)]
        tolerance = np.full(inside.shape, TABLE_TOLERANCE, np.float32)
        self.background = most_persistent_colour(some, tolerance)

    def scene_changes(self, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
        """Returns bool (n,): frames that dissolve into another scene, flash or fade to black.

        In these nearly all of the table differs from the background.

        Args:
            valid: bool (n, h, w), where the frames have pixels.
            tolerance: float32 (h, w), largest difference between equal observations.
        """
        background, least = _blurred(self.background), MIN_VISIBLE_SHARE * self.table.sum()
        found = np.zeros(len(self.frames), np.uint8)
        for n, frame in enumerate(self.frames):
            seen = self.table & valid[n]
            changed = seen & differs(_blurred(frame), background, tolerance)
            found[n] = seen.sum() > least and changed.sum() > MIN_CHANGED_SHARE * seen.sum()
        window = np.ones((2 * SCENE_CHANGE_MARGIN_FRAMES + 1, 1), np.uint8)
        return cv2.dilate(found, window)[:, 0] > 0

    def visible_new_paint(
        self, n: int, different: np.ndarray, valid: np.ndarray, tolerance: np.ndarray
    ) -> np.ndarray:
        """Returns bool (h, w): where frame `n` certainly shows new paint and no occluder.

        Args:
            different: bool (h, w), where the frame differs from the canvas as known so far.
            valid: bool (n, h, w), where the frames have pixels.
            tolerance: float32 (h, w), largest difference between equal observations.
        """
        none = np.zeros_like(different)
        if not self.table.any() or not (different & self.inside).any():
            return none
        changed = self.table & valid[n] & differs(self.frames[n], self.background, tolerance)
        changed = cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
        if (self.table & valid[n]).mean() < 0.5 * self.table.mean():
            return none
        is_clear = changed.sum() < MAX_CLEAR_SHARE * self.table.sum()
        new = different & self.inside
        if not is_clear:
            new &= ~components_touching((different & ~self.table) | changed, changed)
        # What reaches in from where the table is out of view may be an arm as well.
        unseen = cv2.dilate((~valid[n]).astype(np.uint8), KERNEL) > 0
        new &= ~components_touching(different | unseen, unseen)
        new &= self._confirmations(n, valid, tolerance) >= (1 if is_clear else 2)
        return cv2.morphologyEx(new.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0

    def _confirmations(self, n: int, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
        """Returns uint8 (h, w): how many frames close to frame `n` show the same colour."""
        count = np.zeros(self.inside.shape, np.uint8)
        first, last = n - CONFIRMATION_FRAMES, n + CONFIRMATION_FRAMES
        for m in range(max(0, first), min(len(self.frames), last + 1)):
            if m != n:
                count += ~differs(self.frames[n], self.frames[m], tolerance) & valid[m]
        return count


def _blurred(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), BLUR_PX)
