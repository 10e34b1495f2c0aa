"""All that is found in a video before keyframes are made: frames, canvas, light, clean states."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.video.canvas.canvas import Canvas, CanvasConfig
from ingest.video.decoding.decode import Video
from ingest.video.imaging.geometry import to_rectangle, valid_area, warp
from ingest.video.lighting.light import apply_gain, overexposed
from ingest.video.lighting.view_light import view_gains
from ingest.video.occlusion.appearance import passing_cover
from ingest.video.occlusion.bare import with_bare_start
from ingest.video.occlusion.moments import at_best_frames, find_changes
from ingest.video.occlusion.occlusion import History, OcclusionConfig, clean, cropped
from ingest.video.occlusion.skin import resting_skin
from ingest.video.occlusion.surround import Surround
from ingest.video.placement.page.views import place_by_outline
from ingest.video.placement.place import Placed, place_canvas
from ingest.video.registration.observation import Look, Looked, look_at
from ingest.video.registration.tracking import AlignConfig
from ingest.video.segmentation.segmenter import SegmenterConfig
from ingest.video.segmentation.segmenting import shown


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


def analyse(
    video: Video,
    align: AlignConfig,
    canvas: CanvasConfig,
    occlusion: OcclusionConfig,
    segmenter: SegmenterConfig,
) -> Analysis:
    """Look at a video. Raises Refusal: too-short, canvas-lost."""
    look = look_at(video, align)
    followed = replace(look, looked=list(look.looked))
    placed = place_canvas(look, video.path.name, canvas, segmenter)
    outlined = place_by_outline(followed, placed)
    if outlined is not None:
        look, placed = followed, outlined
    return analyse_placed(look, placed, occlusion, segmenter)


def analyse_placed(
    look: Look, placed: Placed, config: OcclusionConfig, segmenter: SegmenterConfig
) -> Analysis:
    """The clean canvas over time, from where it is in every frame."""
    frames, valid = _rectify(look, placed.used, placed.canvas, config)
    valid = shown(frames, valid, segmenter)
    found = placed.gains
    if found is None:
        area = (slice(None), *_canvas_area(placed.canvas, config)[1])
        views = placed.views or [0] * len(placed.used)
        found = view_gains(frames[area], valid[area], views)
    clipped, looks = overexposed(frames, valid, found)
    frames = np.stack([apply_gain(f, g) for f, g in zip(frames, found, strict=True)])
    frames[clipped] = looks[clipped]
    inside, crop = _canvas_area(placed.canvas, config)
    surround = Surround(frames, inside)
    if not inside.all():
        flat = np.full(inside.shape, config.tolerance, np.float32)
        valid = valid & ~surround.other_scenes(valid, flat)[:, None, None]
    if placed.canvas.kind == "sheet":
        valid = valid & ~resting_skin(frames, valid)
    history = clean(frames, valid, inside, config)
    if inside.all():
        # Without a table in view only its looks tell a hand that rests from paint.
        first, last = history.states[0], history.states[-1]
        followed = placed.views is not None
        cover = passing_cover(frames, valid, first, last, history.tolerance, is_followed=followed)
        if cover.any():
            valid = valid & ~cover
            told = config
            if followed:
                # Where each view has a light of its own, paint too is over soon.
                told = told.model_copy(update={"resting_share": told.told_resting_share})
            history = clean(frames, valid, inside, told)
    changes = find_changes(surround, valid, history)
    history = cropped(at_best_frames(history, changes, inside, frames, valid), crop)
    if placed.views is not None:
        history = with_bare_start(history)
    # What is known of clipped paint tells when it came; keyframes are made of frames that show it.
    shown_well = valid & ~clipped
    frames, valid = (np.ascontiguousarray(p[(slice(None), *crop)]) for p in (frames, shown_well))
    return Analysis(look, placed.used, placed.canvas, frames, valid, found, history)


def _margin_px(canvas: Canvas, config: OcclusionConfig) -> int:
    """Pixels of surroundings at analysis size; none where the canvas is the whole frame."""
    has_surroundings = canvas.kind == "quad"
    return round(config.margin * config.side_px) if has_surroundings else 0


def _canvas_area(canvas: Canvas, config: OcclusionConfig) -> tuple[np.ndarray, tuple[slice, slice]]:
    """The canvas in its surroundings at analysis size: bool (h, w), and as slices."""
    margin, (width, height) = _margin_px(canvas, config), canvas.size_px(config.side_px)
    crop = slice(margin, margin + height), slice(margin, margin + width)
    inside = np.zeros((height + 2 * margin, width + 2 * margin), bool)
    inside[crop] = True
    return inside, crop


def _rectify(
    look: Look, used: list[int], canvas: Canvas, config: OcclusionConfig
) -> tuple[np.ndarray, np.ndarray]:
    """The canvas of every frame at analysis size with its margin, and where it was in view."""
    margin, (width, height) = _margin_px(canvas, config), canvas.size_px(config.side_px)
    rectify = to_rectangle(canvas.corners, (width, height))
    rectify = np.array([[1, 0, margin], [0, 1, margin], [0, 0, 1.0]]) @ rectify
    size = (width + 2 * margin, height + 2 * margin)
    frames = np.zeros((len(used), size[1], size[0], 3), np.uint8)
    valid = np.zeros((len(used), size[1], size[0]), bool)
    for number, i in enumerate(used):
        small, matrix = look.looked[i].small, rectify @ look.take_from_small(i)
        frames[number] = warp(small, matrix, size)
        valid[number] = valid_area(small.shape, matrix, size)
        for caption in look.captions:
            if caption.first <= i <= caption.last:
                area = caption.area(small.shape).astype(np.uint8)
                valid[number] &= warp(area, matrix, size) == 0
    return frames, valid
