"""All that is found in a video before keyframes are made: frames, canvas, light, clean states."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.canvas import Canvas
from ingest.decode import Video
from ingest.geometry import to_rectangle, valid_area, warp
from ingest.light import apply_gain, gains
from ingest.moments import at_best_frames, find_changes
from ingest.occlusion import History, clean
from ingest.place import Placed, place_canvas
from ingest.settings import IngestConfig
from ingest.watch import Look, Looked, look_at


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was found. Arrays over frames (n) hold the frames of the main view only."""

    look: Look
    used: list[int]
    """Positions among the frames looked at of the main view's frames (n)."""
    canvas: Canvas
    frames: np.ndarray
    """RGB uint8 (n, h, w, 3): the rectified canvas at analysis size, equal light."""
    valid: np.ndarray
    """bool (n, h, w)."""
    gains: np.ndarray
    """float32 (n, 3)."""
    history: History

    @property
    def looked(self) -> list[Looked]:
        """Every frame that was looked at."""
        return self.look.looked

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return self.look.frame_shape

    def take_from_frame(self, number: int) -> np.ndarray:
        """Homography from the pixels of full-size frame `number` to take coordinates."""
        return self.look.take_from_frame(self.used[number])

    def take_from_spooled(self, number: int) -> np.ndarray:
        """The same from the pixels of its spooled copy."""
        return self.look.take_from_spooled(self.used[number])

    def spooled(self, number: int) -> np.ndarray:
        """The spooled copy of frame `number`, RGB uint8 (H, W, 3)."""
        return self.look.spool.image(self.used[number])


def analyse(video: Video, config: IngestConfig) -> Analysis:
    """Look at a video. Raises Refusal: too-short, canvas-lost."""
    look = look_at(video, config.align)
    return analyse_placed(look, place_canvas(look, video.path.name, config), config)


def analyse_placed(look: Look, placed: Placed, config: IngestConfig) -> Analysis:
    """The clean canvas over time, from where it is in every frame."""
    frames, valid = _rectify(look, placed.used, placed.canvas, config)
    found = placed.gains
    if found is None:
        found = gains(zip(frames, valid, strict=True))
    frames = np.stack([apply_gain(f, g) for f, g in zip(frames, found, strict=True)])
    history = clean(frames, valid, config.occlusion)
    history = at_best_frames(history, find_changes(frames, valid, history), frames, valid)
    return Analysis(look, placed.used, placed.canvas, frames, valid, found, history)


def _rectify(
    look: Look, used: list[int], canvas: Canvas, config: IngestConfig
) -> tuple[np.ndarray, np.ndarray]:
    """The canvas of every frame at analysis size, and where it was in view."""
    size = canvas.size_px(config.occlusion.side_px)
    rectify = to_rectangle(canvas.corners, size)
    frames = np.zeros((len(used), size[1], size[0], 3), np.uint8)
    valid = np.zeros((len(used), size[1], size[0]), bool)
    for number, i in enumerate(used):
        small, matrix = look.looked[i].small, rectify @ look.take_from_small(i)
        frames[number] = warp(small, matrix, size)
        valid[number] = valid_area(small.shape, matrix, size)
    return frames, valid
