"""Computes the keyframes of a video file: runs the stages of ingest in their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.conventions.errors import Refusal
from ingest.format.images import ImageFormat, encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate, drop_counts
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import KeptSource
from ingest.per_source.frame_fates import frame_fates
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow
from ingest.video.analysis import Analysis, analyse
from ingest.video.canvas.footage import Footage
from ingest.video.canvas.quads import corners_in_frame
from ingest.video.decoding.decode import Video
from ingest.video.decoding.open_footage import open_footage
from ingest.video.imaging.colour_distance import is_blank
from ingest.video.imaging.geometry import pixel_scale, to_rectangle
from ingest.video.keyframes.composition import View, compose, without_mixed_border
from ingest.video.keyframes.occluder_suspicion import suspicion, transient_masks
from ingest.video.keyframes.paint_accumulation import why_no_painting
from ingest.video.keyframes.painting_span import Span, find_span, with_earlier_start, with_later_end
from ingest.video.keyframes.preview import preview
from ingest.video.keyframes.reveal_detection import is_reveal
from ingest.video.keyframes.selection import SelectedKeyframe, choose_bins, choose_source_frames
from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.occlusion.unsure_pixels import clearly_changed_unsure, with_likelier_unsure_pixels

MIN_MAIN_VIEW_SHARE = 0.6
"""Share of the sampled frames below which the main view is called short, as a warning."""
MAX_NEVER_SEEN_SHARE = 0.02
"""Share of the canvas that is never seen, above which there is a warning."""
MAX_OCCLUDED_SHARE = 0.25
"""Mean share of the canvas that is occluded, above which there is a warning."""
MAX_UNSURE_SHARE = 0.06
"""Mean share of the canvas that is unsure, above which there is a warning."""
REVEAL_STATES = 12
"""States that are needed to separate painting from a reveal."""


def ingest_footage(row: SourceRow, base: VideoOutcome, config: IngestConfig) -> KeptSource:
    """Returns the keyframes of a video, with its outcome.

    Args:
        base: the outcome as known before the video is decoded.

    Raises:
        Refusal: empty-file, unreadable, no-video-stream, too-short, canvas-lost, no-painting,
            revealed.
    """
    video = open_footage(row.path, config.decode)
    analysis = analyse(video, config.align, config.canvas, config.occlusion, config.segmenter)
    span = _painting_span(row, video, analysis, config)
    history, chosen = _chosen_bins(analysis, span, config)
    states = history.states[[b for b, _ in chosen]]
    if is_reveal(_states_for_reveal(history.states, span, chosen), config.reveal):
        raise Refusal(
            "revealed",
            f"{row.path.name}: every spot goes straight to its finished colour, as when a mask "
            "uncovers a picture; if it is a painting, raise ingest.reveal.max_straight_share",
        )
    selected = choose_source_frames(
        history, chosen, analysis.frames, analysis.valid, config.keyframes
    )
    size = analysis.canvas.size_px(config.keyframes.side_px)
    images = _composed(analysis, selected, states, size)
    keyframes = _keyframe_records(row, base, analysis, selected, images)
    format: ImageFormat = config.keyframes.format
    quality = config.keyframes.jpeg_quality
    fates = frame_fates(analysis, span, selected, row.speed)
    outcome = base.model_copy(
        update={
            **_measured_fields(row, video, analysis, span, fates),
            "suspicion": max(suspicion(keyframe.quality) for keyframe in keyframes),
            "warnings": (*video.warnings, *_warnings(analysis, span)),
        }
    )
    encoded: list[tuple[Keyframe, ImageFormat, bytes]] = [
        (keyframe, format, encode_image(image, format, quality))
        for keyframe, image in zip(keyframes, images, strict=True)
    ]
    return KeptSource(outcome, encoded, _preview(analysis, selected), fates)


def _painting_span(row: SourceRow, video: Video, analysis: Analysis, config: IngestConfig) -> Span:
    """Returns the span of the painting. Raises Refusal: no-painting."""
    history = analysis.history
    span = find_span(history.states, config.span)
    if span is None:
        raise Refusal(
            "no-painting",
            f"{row.path.name}: the canvas looks the same at the start and at the end of the "
            f"{video.info.duration_s:.1f} s; if something is painted, lower ingest.span.min_change",
        )
    why = why_no_painting(
        history.states[span.first : span.last + 1],
        [frame.small for frame in analysis.sampled_frames],
        config.accumulation,
    )
    if why:
        raise Refusal(
            "no-painting",
            f"{row.path.name}: {why}; if something is painted, see ingest.accumulation",
        )
    occluded = history.occluded.mean(axis=(1, 2))
    unsure = history.unsure.mean(axis=(1, 2))
    span = with_earlier_start(span, history.states, unsure, config.span)
    return with_later_end(span, history.states, occluded, config.span)


def _chosen_bins(
    analysis: Analysis, span: Span, config: IngestConfig
) -> tuple[CanvasHistory, list[tuple[int, float]]]:
    """Returns the bins of the keyframes with their changes, and the history to take them from."""
    history, footage = analysis.history, analysis.footage
    if footage is not Footage.REFRAMED:
        is_table = footage is Footage.TABLE
        chosen = choose_bins(history, span, config.keyframes, wait_long=is_table)
        return history, chosen
    # Footage with many camera positions has few clear moments in each shot.
    clear = replace(history, unsure=clearly_changed_unsure(history))
    chosen = choose_bins(clear, span, config.keyframes, wait_long=False, fill_gaps=True)
    return with_likelier_unsure_pixels(history, [b for b, _ in chosen[1:-1]]), chosen


def _states_for_reveal(
    states: np.ndarray, span: Span, chosen: list[tuple[int, float]]
) -> np.ndarray:
    """Returns the states in which a painter would be seen to go back and forth: those of the
    keyframes or, where these are few, `REVEAL_STATES` of the span."""
    if len(chosen) >= REVEAL_STATES:
        return states[[b for b, _ in chosen]]
    bins = np.unique(np.linspace(span.first, span.last, REVEAL_STATES).round().astype(int))
    return states[bins]


def _composed(
    analysis: Analysis, selected: list[SelectedKeyframe], states: np.ndarray, size: tuple[int, int]
) -> list[np.ndarray]:
    """Returns the keyframes at full resolution, from the cached frames that show them."""
    rectify = to_rectangle(analysis.canvas.corners, size)
    needed = sorted({number for keyframe in selected for number in keyframe.source_masks})
    views = {n: View(rectify @ analysis.shot_from_cached(n), analysis.gains[n]) for n in needed}
    frames = ((n, analysis.cached_frame(n)) for n in needed)
    images = compose(selected, states, frames, views, size)
    if analysis.footage is not Footage.TABLE:
        return images
    scale = float(np.median([pixel_scale(view.canvas_from_frame) for view in views.values()]))
    return [without_mixed_border(image, scale) for image in images]


def _preview(analysis: Analysis, selected: list[SelectedKeyframe]) -> bytes:
    """Returns the frame of the middle keyframe with the canvas drawn on it, as JPEG."""
    number = selected[len(selected) // 2].frame
    corners = corners_in_frame(analysis.canvas.corners, analysis.shot_from_cached(number))
    return preview(analysis.cached_frame(number), corners)


def _keyframe_records(
    row: SourceRow,
    base: VideoOutcome,
    analysis: Analysis,
    selected: list[SelectedKeyframe],
    images: list[np.ndarray],
) -> list[Keyframe]:
    """Returns the stored record of each keyframe."""
    records, transient = [], transient_masks(images)
    for index, (keyframe, image) in enumerate(zip(selected, images, strict=True)):
        sampled = analysis.sampled_frames[analysis.used[keyframe.frame]]
        corners = corners_in_frame(
            analysis.canvas.corners, analysis.shot_from_frame(keyframe.frame)
        )
        records.append(
            Keyframe(
                video_id=base.video_id,
                index=index,
                time_s=round(sampled.time_s * row.speed, 3),
                frame_index=sampled.index,
                corners_px=tuple((round(float(x), 2), round(float(y), 2)) for x, y in corners),
                target=len(selected) - 1,
                is_bare=index == 0 and is_blank(image),
                quality={
                    "change": round(keyframe.change, 4),
                    "covered": round(keyframe.occluded, 4),
                    "unsure": round(keyframe.unsure, 4),
                    "passing": round(float(transient[index].mean()), 4),
                },
            )
        )
    return records


def _measured_fields(
    row: SourceRow, video: Video, analysis: Analysis, span: Span, fates: list[FrameFate]
) -> dict[str, object]:
    """Returns the measured fields of the outcome."""
    representatives = analysis.history.representative_frames
    start = analysis.sampled_frames[analysis.used[representatives[span.first]]].time_s
    end = analysis.sampled_frames[analysis.used[representatives[span.last]]].time_s
    return {
        "duration_s": round(video.info.duration_s * row.speed, 3),
        "fps": round(video.info.fps, 3),
        "width_px": analysis.frame_shape[1],
        "height_px": analysis.frame_shape[0],
        "span_s": (round(start * row.speed, 3), round(end * row.speed, 3)),
        "num_sampled_frames": len(fates),
        "dropped": drop_counts(fates),
    }


def _warnings(analysis: Analysis, span: Span) -> list[str]:
    """Returns a sentence for each doubt about the video."""
    warnings = []
    share = len(analysis.used) / len(analysis.sampled_frames)
    if share < MIN_MAIN_VIEW_SHARE:
        warnings.append(f"short view: only {share:.0%} of the frames show the main view")
    if span.intro:
        warnings.append(f"start cut: {span.intro}")
    history = analysis.history
    hidden = history.never_seen.mean()
    if hidden > MAX_NEVER_SEEN_SHARE:
        warnings.append(f"never seen: {hidden:.0%} of the canvas is always covered or out of view")
    occluded = history.occluded[span.first : span.last + 1].mean()
    if occluded > MAX_OCCLUDED_SHARE:
        warnings.append(f"much cover: {occluded:.0%} of the canvas is covered on average")
    unsure = history.unsure[span.first : span.last + 1].mean()
    if unsure > MAX_UNSURE_SHARE:
        warnings.append(
            f"hands may show: {unsure:.0%} of the canvas changed under cover on average; "
            "look at the contact sheet"
        )
    return warnings
