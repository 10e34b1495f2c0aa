"""The frames of a video in which occluders are looked for, and the clean canvas that they show."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from ingest.video.canvas.footage import Footage
from ingest.video.occlusion.canvas_history import CanvasHistory, OcclusionConfig, remove_occluders
from ingest.video.occlusion.table_background import TableBackground


@dataclass(frozen=True, eq=False)
class Scene:
    """The rectified frames of a video, and where they may show the canvas."""

    frames: np.ndarray
    """RGB uint8 (n, h, w, 3), exposure evened."""
    valid: np.ndarray
    """bool (n, h, w): where the frames have pixels and no occluder was found so far."""
    inside: np.ndarray
    """bool (h, w): the canvas; the rest is the table around it."""
    footage: Footage
    table: TableBackground
    config: OcclusionConfig
    are_hands_masked: bool = False
    """Moving hands were found by their colours and are masked."""

    @cached_property
    def history(self) -> CanvasHistory:
        """The clean canvas over time, from what is not masked yet."""
        return remove_occluders(
            self.frames,
            self.valid,
            self.inside,
            self.footage,
            self.config,
            are_hands_masked=self.are_hands_masked,
        )

    def without(self, mask: np.ndarray, *, are_hands: bool) -> Scene:
        """Returns the scene without what is masked; the same one if nothing is.

        Args:
            mask: bool (n, h, w).
            are_hands: whether the mask holds moving hands.
        """
        if not mask.any():
            return self
        masked = self.are_hands_masked or are_hands
        return replace(self, valid=self.valid & ~mask, are_hands_masked=masked)
