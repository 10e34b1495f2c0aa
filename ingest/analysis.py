"""The look at every sampled frame: where the canvas is in it, and the clean canvas over time.

A video is decoded once. Frames are registered as they come; what is kept of them is bounded (a JPEG
and a small copy of each), so memory does not grow with the video's length or size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.align import AlignConfig, Pose, Take, Tracker
from ingest.canvas import Canvas, find_canvas, typical_pose
from ingest.decode import Video
from ingest.errors import Refusal
from ingest.face import margin_view, on_face
from ingest.geometry import resize_to, scaling, to_rectangle, transform, valid_area, warp
from ingest.light import apply_gain, gains
from ingest.middle import middle_look
from ingest.moments import at_best_frames, find_changes
from ingest.occlusion import History, clean
from ingest.settings import IngestConfig
from ingest.settle import Ground
from ingest.spool import Spool
from ingest.surroundings import surrounding_gains

SMALL_SIDE_PX = 240
MIN_FRAMES = 12
"""Frames of the main view that are needed to tell paint from hands."""
LIGHT_SCALE = 0.25
"""Scale, of take coordinates, at which the light of the surroundings is compared."""
END_FRAMES, END_SHARE = 9, 0.06
"""Frames that show the start and the end of a painting, and the share of the view they span."""


@dataclass(frozen=True)
class Looked:
    """One frame as it was looked at."""

    index: int
    time_s: float
    pose: Pose
    small: np.ndarray


@dataclass(frozen=True, eq=False)
class Look:
    """All frames that were looked at."""

    looked: list[Looked]
    tracker: Tracker
    spool: Spool
    frame_shape: tuple[int, ...]

    def take_from_frame(self, i: int) -> np.ndarray:
        """Homography from the pixels of frame `i`, as it is in the video, to take coordinates."""
        side_px = self.tracker.config.side_px
        factor = min(1.0, side_px / min(self.frame_shape[:2]))
        return self.looked[i].pose.matrix @ scaling(factor)

    def take_from_small(self, i: int) -> np.ndarray:
        """The same from the pixels of its small copy."""
        shrunk = min(1.0, SMALL_SIDE_PX / min(self.frame_shape[:2]))
        return self.take_from_frame(i) @ np.linalg.inv(scaling(shrunk))

    def take_from_spooled(self, i: int) -> np.ndarray:
        """The same from the pixels of its spooled copy."""
        return self.take_from_frame(i) @ np.linalg.inv(scaling(self.spool.factor))


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
    look = _look(video, config.align)
    take = look.tracker.main_take()
    used = [i for i, frame in enumerate(look.looked) if frame.pose.take == take.number]
    if len(used) < MIN_FRAMES:
        raise Refusal(
            "canvas-lost",
            f"no view of {video.path.name} lasts for {MIN_FRAMES} of its {len(look.looked)} "
            "frames: the camera or the canvas moves too much to be followed",
        )
    _settle(look, used, Ground(_composites(take)))
    canvas = find_canvas(_composites(take), config.canvas)
    if canvas.kind == "frame":
        pose = typical_pose([look.looked[i].pose.matrix for i in used], take.size)
        canvas = replace(canvas, corners=transform(pose, canvas.corners))
    found = _light(look, used, canvas, take.size)
    if found is not None:
        canvas = on_face(canvas, *_ends(look, used, canvas, found))
    frames, valid = _rectify(look, used, canvas, config)
    if found is None:
        found = gains(zip(frames, valid, strict=True))
    frames = np.stack([apply_gain(f, g) for f, g in zip(frames, found, strict=True)])
    history = clean(frames, valid, config.occlusion)
    history = at_best_frames(history, find_changes(frames, valid, history), frames, valid)
    return Analysis(look, used, canvas, frames, valid, found, history)


def _look(video: Video, config: AlignConfig) -> Look:
    tracker, spool, looked, shape = Tracker(config), Spool(), [], (0, 0, 3)
    for frame in video.frames(video.sample_times()):
        shape = frame.image.shape
        spool.add(frame.image)
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
    return Look(looked, tracker, spool, shape)


def _settle(look: Look, used: list[int], ground: Ground) -> None:
    """Register the frames once more, to what stays; those that show too little of it keep theirs."""
    if not ground.is_firm:
        return
    for i in used:
        spooled = look.take_from_spooled(i)
        fine = ground.settle(look.spool.image(i), spooled)
        if fine is not None:
            change = fine @ np.linalg.inv(spooled)
            pose = change @ look.looked[i].pose.matrix
            look.looked[i] = replace(
                look.looked[i], pose=Pose(look.looked[i].pose.take, pose / pose[2, 2])
            )


def _composites(take: Take) -> list[np.ndarray]:
    return [image for _, image in take.snapshots] or [take.composite]


def _light(look: Look, used: list[int], canvas: Canvas, size: tuple[int, int]) -> np.ndarray | None:
    """Light by the surroundings of the canvas, where there are any."""
    return surrounding_gains(
        [look.looked[i].small for i in used],
        [look.take_from_small(i) for i in used],
        canvas.corners,
        size,
        LIGHT_SCALE,
    )


def _ends(
    look: Look, used: list[int], canvas: Canvas, light: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The canvas and a margin at the start and at the end of the main view, without most hands."""
    view, size = margin_view(canvas)
    part = max(END_FRAMES, round(END_SHARE * len(used)))
    ends = []
    for numbers in (range(part), range(len(used) - part, len(used))):
        chosen = np.unique(np.linspace(numbers[0], numbers[-1], END_FRAMES).round().astype(int))
        looks = [
            apply_gain(
                warp(look.spool.image(used[n]), view @ look.take_from_spooled(used[n]), size),
                light[n],
            )
            for n in chosen
        ]
        ends.append(middle_look(looks))
    return ends[0], ends[1]


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
