"""What reaches onto the canvas from the table: an arm comes from somewhere, new paint does not.

In a frame in which nothing lies on the table around the canvas, no hand is on the canvas either,
and all that is new on it is paint. In other frames that holds for what does not hang together with
what lies on the table.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.connected_components import touching
from ingest.video.imaging.difference import KERNEL, differs
from ingest.video.imaging.usual import usual_look

GAP_PX, CLEAR_SHARE = 2, 0.004
"""The canvas's edge, which is neither; and what share of the table may look strange in a frame that
counts as clear (noise, edges)."""
REFERENCE_FRAMES, PERSISTS_FRAMES = 62, 3
"""Frames that tell the usual look; how near a look has to be seen again for it to be paint."""
SAME_TABLE = 13.0
"""Difference (of 255) up to which two looks show the same of the table."""

OTHER_SHARE, LEAST_SEEN, OTHER_FRAMES, BLUR_PX = 0.5, 0.25, 1, 3.0
"""Share of the table that looks strange from which a frame shows another scene, and the share of it
that must be in view for that; how many frames beside it do so less plainly, and the blur in which
pictures are compared."""


class Surround:
    """The table around a canvas, as it usually looks."""

    def __init__(self, frames: np.ndarray, inside: np.ndarray) -> None:
        """From all frames RGB uint8 (n, h, w, 3), and the canvas in them, bool (h, w)."""
        self.frames, self.inside = frames, inside
        near = cv2.dilate(inside.astype(np.uint8), KERNEL, iterations=GAP_PX) > 0
        self.table = ~near
        some = frames[:: max(1, len(frames) // REFERENCE_FRAMES)]
        self.usual = usual_look(some, np.full(inside.shape, SAME_TABLE, np.float32))

    def other_scenes(self, valid: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
        """bool (n,): frames that dissolve into another scene, flash or fade to black: there the
        table is another one nearly everywhere.

        Args:
            valid: bool (n, h, w).
            tolerance: float32 (h, w), difference up to which two looks show the same.
        """
        usual, least = self._coarse(self.usual), LEAST_SEEN * self.table.sum()
        found = np.zeros(len(self.frames), np.uint8)
        for n, frame in enumerate(self.frames):
            seen = self.table & valid[n]
            strange = seen & differs(self._coarse(frame), usual, tolerance)
            found[n] = seen.sum() > least and strange.sum() > OTHER_SHARE * seen.sum()
        return cv2.dilate(found, np.ones((2 * OTHER_FRAMES + 1, 1), np.uint8))[:, 0] > 0

    @staticmethod
    def _coarse(picture: np.ndarray) -> np.ndarray:
        return cv2.GaussianBlur(picture, (0, 0), BLUR_PX)

    def fresh_paint(
        self, n: int, different: np.ndarray, valid: np.ndarray, tolerance: np.ndarray
    ) -> np.ndarray:
        """bool (h, w): where frame `n` shows paint for sure that was not there.

        Args:
            different: bool (h, w), where the frame does not show the canvas as it is known.
            valid: bool (n, h, w).
            tolerance: float32 (h, w), difference up to which two looks show the same.
        """
        none = np.zeros_like(different)
        if not self.table.any() or not (different & self.inside).any():
            return none
        strange = self.table & valid[n] & differs(self.frames[n], self.usual, tolerance)
        strange = cv2.morphologyEx(strange.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
        if (self.table & valid[n]).mean() < 0.5 * self.table.mean():
            return none
        is_clear = strange.sum() < CLEAR_SHARE * self.table.sum()
        fresh = different & self.inside
        if not is_clear:
            fresh &= ~touching((different & ~self.table) | strange, strange)
        # What reaches in from where the table is out of view may be an arm as well.
        unseen = cv2.dilate((~valid[n]).astype(np.uint8), KERNEL) > 0
        fresh &= ~touching(different | unseen, unseen)
        again = np.zeros(different.shape, np.uint8)
        for m in range(max(0, n - PERSISTS_FRAMES), min(len(self.frames), n + PERSISTS_FRAMES + 1)):
            if m != n:
                again += ~differs(self.frames[n], self.frames[m], tolerance) & valid[m]
        fresh &= again >= (1 if is_clear else 2)
        return cv2.morphologyEx(fresh.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
