"""Chooses and composes the keyframes of an analysed video, or refuses it as no painting."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.conventions.errors import Refusal
from ingest.video.analysis import Analysis
from ingest.video.canvas.footage import Footage
from ingest.video.decoding.decode import Video
from ingest.video.imaging.geometry import pixel_scale, to_rectangle
from ingest.video.keyframes.composition import View, compose, without_mixed_border
from ingest.video.keyframes.paint_accumulation import AccumulationConfig, why_no_painting
from ingest.video.keyframes.painting_span import (
    Span,
    SpanConfig,
    find_span,
    with_earlier_start,
    with_later_end,
)
from ingest.video.keyframes.reveal_detection import RevealConfig, is_reveal
from ingest.video.keyframes.selection import (
    KeyframeConfig,
    SelectedKeyframe,
    choose_bins,
    choose_source_frames,
)
from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.occlusion.unsure_pixels import clearly_changed_unsure, with_likelier_unsure_pixels

REVEAL_STATES = 12
"""States that are needed to separate painting from a reveal."""


@dataclass(frozen=True, eq=False)
class Extraction:
    """The k keyframes of a video."""

    span: Span
    """When the painting is made."""
    selected: list[SelectedKeyframe]
    images: list[np.ndarray]
    """RGB uint8 (h, w, 3) each, the rectified canvas at full resolution."""


def extract_keyframes(
    analysis: Analysis,
    video: Video,
    span: SpanConfig,
    accumulation: AccumulationConfig,
    reveal: RevealConfig,
    keyframes: KeyframeConfig,
) -> Extraction:
    """Returns the keyframes of a video.

    Args:
        video: the analysed video, for messages.

    Raises:
        Refusal: no-painting, revealed.
    """
    painting = _painting_span(analysis, video, span, accumulation)
    history, chosen = _chosen_bins(analysis, painting, keyframes)
    states = history.states[[b for b, _ in chosen]]
    if is_reveal(_states_for_reveal(history.states, painting, chosen), reveal):
        raise Refusal(
            "revealed",
            f"{video.path.name}: every spot goes straight to its finished colour, as when a mask "
            "uncovers a picture; if it is a painting, raise ingest.reveal.max_straight_share",
        )
    selected = choose_source_frames(history, chosen, analysis.frames, analysis.valid, keyframes)
    size = analysis.canvas.size_px(keyframes.side_px)
    return Extraction(painting, selected, _composed(analysis, selected, states, size))


def _painting_span(
    analysis: Analysis, video: Video, config: SpanConfig, accumulation: AccumulationConfig
) -> Span:
    """Returns the span of the painting. Raises Refusal: no-painting."""
    history = analysis.history
    span = find_span(history.states, config)
    if span is None:
        raise Refusal(
            "no-painting",
            f"{video.path.name}: the canvas looks the same at the start and at the end of the "
            f"{video.info.duration_s:.1f} s; if something is painted, lower ingest.span.min_change",
        )
    why = why_no_painting(
        history.states[span.first : span.last + 1],
        [frame.small for frame in analysis.sampled_frames],
        accumulation,
    )
    if why:
        raise Refusal(
            "no-painting",
            f"{video.path.name}: {why}; if something is painted, see ingest.accumulation",
        )
    occluded = history.occluded.mean(axis=(1, 2))
    unsure = history.unsure.mean(axis=(1, 2))
    span = with_earlier_start(span, history.states, unsure, config)
    return with_later_end(span, history.states, occluded, config)


def _chosen_bins(
    analysis: Analysis, span: Span, config: KeyframeConfig
) -> tuple[CanvasHistory, list[tuple[int, float]]]:
    """Returns the bins of the keyframes with their changes, and the history to take them from."""
    history, footage = analysis.history, analysis.footage
    if footage is not Footage.REFRAMED:
        is_table = footage is Footage.TABLE
        chosen = choose_bins(history, span, config, wait_long=is_table)
        return history, chosen
    # Footage with many camera positions has few clear moments in each shot.
    clear = replace(history, unsure=clearly_changed_unsure(history))
    chosen = choose_bins(clear, span, config, wait_long=False, fill_gaps=True)
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
