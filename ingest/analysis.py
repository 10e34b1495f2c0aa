"""The first pass over a video: where the canvas is in every frame, and its clean state over time.

Frames are registered as they are decoded; only small copies are kept, a bounded number of them, so
memory does not grow with the video's length or size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.align import AlignConfig, Pose, Take, Tracker
from ingest.canvas import Canvas, find_canvas, typical_pose
from ingest.decode import Video
from ingest.errors import Refusal
from ingest.geometry import resize_to, scaling, to_rectangle, transform, valid_area, warp
from ingest.light import apply_gain, gains
from ingest.occlusion import History, clean
from ingest.segmenting import shown, told_canvas
from ingest.settings import IngestConfig

SMALL_SIDE_PX = 240
MIN_FRAMES = 12
"""Frames of the main view that are needed to tell paint from hands."""


@dataclass(frozen=True)
class Looked:
    """One frame as the first pass leaves it."""

    index: int
    time_s: float
    pose: Pose
    small: np.ndarray


@dataclass(frozen=True, eq=False)
class Analysis:
    """What the first pass found. Arrays over frames (n) hold the frames of the main view only."""

    looked: list[Looked]
    """Every frame that was looked at."""
    used: list[int]
    """Positions in `looked` of the main view's frames (n)."""
    canvas: Canvas
    frames: np.ndarray
    """RGB uint8 (n, h, w, 3): the rectified canvas at analysis size, equal light."""
    valid: np.ndarray
    """bool (n, h, w)."""
    gains: np.ndarray
    """float32 (n, 3)."""
    history: History
    align_side_px: int
    frame_shape: tuple[int, ...]

    def take_from_frame(self, number: int) -> np.ndarray:
        """Homography from the pixels of full-size frame `number` to take coordinates."""
        factor = min(1.0, self.align_side_px / min(self.frame_shape[:2]))
        return self.looked[self.used[number]].pose.matrix @ scaling(factor)


def analyse(video: Video, config: IngestConfig) -> Analysis:
    """The first pass. Raises Refusal: too-short, canvas-lost."""
    looked, tracker, shape = _look(video, config.align)
    take = tracker.main_take()
    used = [i for i, frame in enumerate(looked) if frame.pose.take == take.number]
    if len(used) < MIN_FRAMES:
        raise Refusal(
            "canvas-lost",
            f"no view of {video.path.name} lasts for {MIN_FRAMES} of its {len(looked)} frames: "
            "the camera or the canvas moves too much to be followed",
        )
    composites = _composites(take)
    canvas = told_canvas(composites, config.segmenter) or find_canvas(composites, config.canvas)
    if canvas.kind == "frame":
        pose = typical_pose([looked[i].pose.matrix for i in used], take.size)
        canvas = replace(canvas, corners=transform(pose, canvas.corners))
    frames, valid = _rectify([looked[i] for i in used], canvas, config, shape)
    valid = shown(frames, valid, config.segmenter)
    found = gains(zip(frames, valid, strict=True))
    frames = np.stack([apply_gain(f, g) for f, g in zip(frames, found, strict=True)])
    history = clean(frames, valid, config.occlusion)
    return Analysis(
        looked, used, canvas, frames, valid, found, history, config.align.side_px, shape
    )


def _look(video: Video, config: AlignConfig) -> tuple[list[Looked], Tracker, tuple[int, ...]]:
    tracker, looked, shape = Tracker(config), [], (0, 0, 3)
    for frame in video.frames(video.sample_times()):
        shape = frame.image.shape
        middle, _ = resize_to(frame.image, config.side_px)
        pose = tracker.add(middle)
        small, _ = resize_to(middle, SMALL_SIDE_PX)
        looked.append(Looked(frame.index, frame.time_s, pose, small))
    if len(looked) < MIN_FRAMES:
        raise Refusal(
            "too-short",
            f"{video.path.name} gives {len(looked)} frames, at least {MIN_FRAMES} are needed to "
            "tell paint from hands",
        )
    return looked, tracker, shape


def _composites(take: Take) -> list[np.ndarray]:
    return [image for _, image in take.snapshots] or [take.composite]


def _rectify(
    looked: list[Looked], canvas: Canvas, config: IngestConfig, shape: tuple[int, ...]
) -> tuple[np.ndarray, np.ndarray]:
    """The canvas of every frame at analysis size, and where it was in view."""
    size = canvas.size_px(config.occlusion.side_px)
    rectify = to_rectangle(canvas.corners, size)
    middle = min(config.align.side_px, *shape[:2])
    factor = middle / min(SMALL_SIDE_PX, middle)
    frames = np.zeros((len(looked), size[1], size[0], 3), np.uint8)
    valid = np.zeros((len(looked), size[1], size[0]), bool)
    for number, frame in enumerate(looked):
        matrix = rectify @ frame.pose.matrix @ scaling(factor)
        frames[number] = warp(frame.small, matrix, size)
        valid[number] = valid_area(frame.small.shape, matrix, size)
    return frames, valid
