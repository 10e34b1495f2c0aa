"""The look at every sampled frame: where the canvas is in it, and the clean canvas over time.

A video is decoded once. Frames are registered as they come; what is kept of them is bounded (a JPEG
and a small copy of each), so memory does not grow with the video's length or size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.align import AlignConfig, Pose, Take, Tracker
from ingest.canvas import Canvas, find_canvas, typical_pose
from ingest.compose import rectified
from ingest.decode import Video
from ingest.errors import Refusal
from ingest.face import margin_view, on_face
from ingest.geometry import pixel_scale, resize_to, scaling, to_rectangle, transform, valid_area, warp
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
SETTLINGS, COMPOSITES, COMPOSITE_FRAMES = 2, 10, 5
"""How often frames are settled, each time on sharper composites; how many of these, of how many
frames each."""
END_FRAMES, ALL_IN_VIEW, SAME_SCALE = 7, 0.99, 1.04
"""Frames that show the start and the end of a painting; the share of the canvas that they show; and
how much their scale may differ from that of most frames."""


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
    composites = _composites(take)
    for _ in range(SETTLINGS):
        used = _settled(look, used, composites)
        composites = _composed(look, used, take.size)
    canvas = find_canvas(composites, config.canvas)
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


def _settled(look: Look, used: list[int], composites: list[np.ndarray]) -> list[int]:
    """Register the frames once more, to what stays, or to the canvas as it looks about then.

    Returns the frames that could be: a frame that fits neither is registered wrongly.
    """
    ground = Ground(composites)
    if not ground.is_firm:
        return used
    local = [Ground([composite]) for composite in composites]
    settled = []
    for n, i in enumerate(used):
        spooled = look.take_from_spooled(i)
        image = look.spool.image(i)
        fine = ground.settle(image, spooled)
        if fine is None:
            fine = local[min(n * len(local) // len(used), len(local) - 1)].settle(image, spooled)
        if fine is None:
            continue
        settled.append(i)
        pose = fine @ np.linalg.inv(spooled) @ look.looked[i].pose.matrix
        moved = Pose(look.looked[i].pose.take, pose / pose[2, 2])
        look.looked[i] = replace(look.looked[i], pose=moved)
    return settled if len(settled) >= MIN_FRAMES else used


def _composites(take: Take) -> list[np.ndarray]:
    return [image for _, image in take.snapshots] or [take.composite]


def _composed(look: Look, used: list[int], size: tuple[int, int]) -> list[np.ndarray]:
    """Composites through the main view, from its frames as they are registered now."""
    groups = np.array_split(np.array(used), min(COMPOSITES, len(used) // COMPOSITE_FRAMES))
    composites = []
    for group in groups:
        places = np.linspace(0, len(group) - 1, COMPOSITE_FRAMES).round().astype(int)
        looks = []
        for i in group[places]:
            image, matrix = look.spool.image(i), look.take_from_spooled(i)
            looks.append(rectified(image, matrix, size))
        composites.append(middle_look(looks))
    return composites


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
    """The canvas and a margin at the start and at the end of the main view, without most hands.

    Only frames that show all of it, from about where most frames show it, are taken: nearer ones
    see the thickness of the canvas from another angle.
    """
    view, size = margin_view(canvas)
    shape = look.spool.image(used[0]).shape
    whole = [
        n
        for n, i in enumerate(used)
        if valid_area(shape, view @ look.take_from_spooled(i), size).mean() > ALL_IN_VIEW
    ]
    scales = np.array([pixel_scale(view @ look.take_from_spooled(used[n])) for n in whole])
    near = np.abs(np.log(scales / np.median(scales))) < np.log(SAME_SCALE)
    whole = [n for n, is_near in zip(whole, near, strict=True) if is_near] or list(range(len(used)))
    ends = []
    for numbers in (whole[:END_FRAMES], whole[-END_FRAMES:]):
        looks = [
            apply_gain(
                warp(look.spool.image(used[n]), view @ look.take_from_spooled(used[n]), size),
                light[n],
            )
            for n in numbers
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
