"""Computes the clean canvas over time from a video: chains all stages before keyframe selection.

Frames are sampled and registered, the canvas is placed and rectified, its exposure is evened, and
occluders are removed.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.video.canvas.canvas import Canvas, CanvasConfig
from ingest.video.canvas.footage import Footage
from ingest.video.decoding.decode import Video
from ingest.video.imaging.geometry import to_rectangle, valid_area, warp
from ingest.video.lighting.light import apply_gain, recover_overexposed
from ingest.video.lighting.view_light import view_gains
from ingest.video.occlusion.blank_start import with_blank_start
from ingest.video.occlusion.canvas_history import CanvasHistory, OcclusionConfig, crop_history
from ingest.video.occlusion.mask_sources import masked
from ingest.video.occlusion.paint_changes import find_paint_changes, with_clearest_frames
from ingest.video.occlusion.scene import Scene
from ingest.video.occlusion.table_background import TableBackground
from ingest.video.placement.page.page_tracking import place_by_outline
from ingest.video.placement.place import Placement, place_canvas
from ingest.video.registration.sampled_video import SampledFrame, SampledVideo, register_video
from ingest.video.registration.tracking import AlignConfig
from ingest.video.segmentation.segmenter import SegmenterConfig
from ingest.video.segmentation.shot_segmentation import without_occluders


@dataclass(frozen=True, eq=False)
class Analysis:
    """What was found in a video. Arrays over n frames hold the frames that show the canvas."""

    sampled: SampledVideo
    used: list[int]
    """Positions in `sampled_frames` of the frames that show the canvas (n)."""
    canvas: Canvas
    footage: Footage
    frames: np.ndarray
    """RGB uint8 (n, h, w, 3): the rectified canvas at analysis size, exposure evened."""
    valid: np.ndarray
    """bool (n, h, w): where a frame shows the canvas well: in view, not occluded, not clipped."""
    gains: np.ndarray
    """float32 (n, 3): factors on R, G and B that even the exposure."""
    history: CanvasHistory

    @property
    def sampled_frames(self) -> list[SampledFrame]:
        """All sampled frames."""
        return self.sampled.frames

    @property
    def frame_shape(self) -> tuple[int, ...]:
        return self.sampled.frame_shape

    def shot_from_frame(self, number: int) -> np.ndarray:
        """Returns the homography (3, 3) from pixels of the full-size frame to shot coordinates."""
        return self.sampled.shot_from_frame(self.used[number])

    def shot_from_cached(self, number: int) -> np.ndarray:
        """Returns the homography (3, 3) from pixels of its cached copy to shot coordinates."""
        return self.sampled.shot_from_cached(self.used[number])

    def cached_frame(self, number: int) -> np.ndarray:
        """Returns the cached copy of frame `number`, RGB uint8 (H, W, 3)."""
        return self.sampled.frame_cache.image(self.used[number])


def analyse(
    video: Video,
    align: AlignConfig,
    canvas: CanvasConfig,
    occlusion: OcclusionConfig,
    segmenter: SegmenterConfig,
) -> Analysis:
    """Returns the analysis of a video. Raises Refusal: too-short, canvas-lost."""
    sampled = register_video(video, align)
    registered = replace(sampled, frames=list(sampled.frames))
    placement = place_canvas(sampled, video.path.name, canvas, segmenter)
    outlined = place_by_outline(registered, placement)
    if outlined is not None:
        sampled, placement = registered, outlined
    return analyse_placed(sampled, placement, occlusion, segmenter)


def analyse_placed(
    sampled: SampledVideo,
    placement: Placement,
    config: OcclusionConfig,
    segmenter: SegmenterConfig,
) -> Analysis:
    """Returns the analysis of a video, given where the canvas lies in every frame."""
    canvas, used, footage = placement.canvas, placement.used, placement.footage
    frames, in_view = _rectify(sampled, used, canvas, footage, config)
    in_view = without_occluders(frames, in_view, segmenter)
    inside, crop = _canvas_area(canvas, footage, config)
    gains = placement.gains
    if gains is None:
        area = (slice(None), *crop)
        gains = view_gains(frames[area], in_view[area], placement.views)
    clipped, recovered = recover_overexposed(frames, in_view, gains)
    frames = np.stack([apply_gain(f, g) for f, g in zip(frames, gains, strict=True)])
    frames[clipped] = recovered[clipped]
    table = TableBackground(frames, inside)
    scene = masked(Scene(frames, in_view, inside, footage, table, config))
    changes = find_paint_changes(table, scene.valid, scene.history)
    history = with_clearest_frames(scene.history, changes, inside, frames, scene.valid)
    history = crop_history(history, crop)
    if footage is Footage.REFRAMED:
        history = with_blank_start(history)
    # Recovered colours of clipped pixels date the paint; keyframes are made of frames that show it.
    shown = scene.valid & ~clipped
    frames, shown = (np.ascontiguousarray(p[(slice(None), *crop)]) for p in (frames, shown))
    return Analysis(sampled, used, canvas, footage, frames, shown, gains, history)


def _margin_px(footage: Footage, config: OcclusionConfig) -> int:
    """Returns the width in pixels of the table around the analysed canvas; 0 without a table."""
    return max(1, round(config.margin * config.side_px)) if footage is Footage.TABLE else 0


def _canvas_area(
    canvas: Canvas, footage: Footage, config: OcclusionConfig
) -> tuple[np.ndarray, tuple[slice, slice]]:
    """Returns where the canvas lies in the analysed picture: bool (h, w), and rows and columns."""
    margin, (width, height) = _margin_px(footage, config), canvas.size_px(config.side_px)
    crop = slice(margin, margin + height), slice(margin, margin + width)
    inside = np.zeros((height + 2 * margin, width + 2 * margin), bool)
    inside[crop] = True
    return inside, crop


def _rectify(
    sampled: SampledVideo,
    used: list[int],
    canvas: Canvas,
    footage: Footage,
    config: OcclusionConfig,
) -> tuple[np.ndarray, np.ndarray]:
    """Returns the canvas with its margin at analysis size, RGB uint8 (n, h, w, 3), and where it
    is in view without a caption, bool (n, h, w)."""
    margin, (width, height) = _margin_px(footage, config), canvas.size_px(config.side_px)
    rectify = to_rectangle(canvas.corners, (width, height))
    rectify = np.array([[1, 0, margin], [0, 1, margin], [0, 0, 1.0]]) @ rectify
    size = (width + 2 * margin, height + 2 * margin)
    frames = np.zeros((len(used), size[1], size[0], 3), np.uint8)
    valid = np.zeros((len(used), size[1], size[0]), bool)
    for number, i in enumerate(used):
        small, matrix = sampled.frames[i].small, rectify @ sampled.shot_from_small(i)
        frames[number] = warp(small, matrix, size)
        valid[number] = valid_area(small.shape, matrix, size)
        for caption in sampled.captions:
            if caption.first <= i <= caption.last:
                area = caption.area(small.shape).astype(np.uint8)
                valid[number] &= warp(area, matrix, size) == 0
    return frames, valid
