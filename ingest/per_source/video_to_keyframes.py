"""From a video file to its keyframes: the stages of ingest in their order."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.conventions.errors import Refusal
from ingest.format.images import ImageFormat, encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate, drop_counts
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.stored import Stored
from ingest.per_source.frame_fates import frame_fates
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow
from ingest.video.analysis import Analysis, analyse
from ingest.video.canvas.quads import corners_in_frame
from ingest.video.decoding.decode import Video
from ingest.video.decoding.picture_film import open_footage
from ingest.video.imaging.colour_distance import is_bare
from ingest.video.imaging.geometry import pixel_scale, to_rectangle
from ingest.video.keyframes.accumulation import why_no_painting
from ingest.video.keyframes.compose import View, compose, without_rim
from ingest.video.keyframes.keyframes import Choice, choose_bins, choose_looks
from ingest.video.keyframes.preview import preview
from ingest.video.keyframes.reveal import looks_revealed
from ingest.video.keyframes.span import Span, find_span, with_clear_start, with_last_touches
from ingest.video.keyframes.suspicion import passing_masks, suspicion
from ingest.video.occlusion.guess import with_likelier_guesses
from ingest.video.occlusion.plain import plainly_unsure

SHORT_VIEW, NEVER_SEEN, MUCH_COVER, MUCH_UNSURE = 0.6, 0.02, 0.25, 0.06
"""Shares of frames and canvas beyond which a warning is given."""


REVEAL_STATES = 12
"""States that are needed to tell painting from uncovering."""


def ingest_footage(row: SourceRow, base: VideoOutcome, config: IngestConfig) -> Stored:
    """The keyframes of a video.

    Raises:
        Refusal: empty-file, unreadable, no-video-stream, too-short, canvas-lost, no-painting,
            revealed.
    """
    video = open_footage(row.path, config.decode)
    analysis = analyse(video, config.align, config.canvas, config.occlusion, config.segmenter)
    span = find_span(analysis.history.states, config.span)
    if span is None:
        raise Refusal(
            "no-painting",
            f"{row.path.name}: the canvas looks the same at the start and at the end of the "
            f"{video.info.duration_s:.1f} s; if something is painted, lower ingest.span.min_change",
        )
    why = why_no_painting(
        analysis.history.states[span.first : span.last + 1],
        [frame.small for frame in analysis.looked],
        config.accumulation,
    )
    if why:
        raise Refusal(
            "no-painting",
            f"{row.path.name}: {why}; if something is painted, see ingest.accumulation",
        )
    history = analysis.history
    covered = history.covered.mean(axis=(1, 2))
    unsure = history.unsure.mean(axis=(1, 2))
    span = with_clear_start(span, history.states, unsure, config.span)
    span = with_last_touches(span, history.states, covered, config.span)
    # Footage that is set up anew again and again is cut: what a take has of clear moments is few.
    kind = analysis.canvas.kind
    is_sheet = kind == "sheet"
    told = replace(history, unsure=plainly_unsure(history)) if is_sheet else history
    chosen = choose_bins(
        told, span, config.keyframes, is_patient=kind == "quad", fill_gaps=is_sheet
    )
    if is_sheet:
        history = with_likelier_guesses(history, [b for b, _ in chosen[1:-1]])
    states = history.states[[b for b, _ in chosen]]
    if looks_revealed(_for_reveal(history.states, span, chosen), config.reveal):
        raise Refusal(
            "revealed",
            f"{row.path.name}: every spot goes straight to its finished colour, as when a mask "
            "uncovers a picture; if it is a painting, raise ingest.reveal.max_straight_share",
        )
    choices = choose_looks(history, chosen, analysis.frames, analysis.valid, config.keyframes)
    size = analysis.canvas.size_px(config.keyframes.side_px)
    images = _composed(analysis, choices, states, size)
    keyframes = _records(row, base, analysis, choices, images)
    format: ImageFormat = config.keyframes.format
    quality = config.keyframes.jpeg_quality
    fates = frame_fates(analysis, span, choices, row.speed)
    outcome = base.model_copy(
        update={
            **_facts(row, video, analysis, span, fates),
            "suspicion": max(suspicion(keyframe.quality) for keyframe in keyframes),
            "warnings": (*video.warnings, *_warnings(analysis, span)),
        }
    )
    encoded: list[tuple[Keyframe, ImageFormat, bytes]] = [
        (keyframe, format, encode_image(image, format, quality))
        for keyframe, image in zip(keyframes, images, strict=True)
    ]
    return Stored(outcome, encoded, _preview(analysis, choices), fates)


def _for_reveal(states: np.ndarray, span: Span, chosen: list[tuple[int, float]]) -> np.ndarray:
    """States in which painters would be seen to go back and forth: from few keyframes to the next
    every way is straight."""
    if len(chosen) >= REVEAL_STATES:
        return states[[b for b, _ in chosen]]
    bins = np.unique(np.linspace(span.first, span.last, REVEAL_STATES).round().astype(int))
    return states[bins]


def _composed(
    analysis: Analysis, choices: list[Choice], states: np.ndarray, size: tuple[int, int]
) -> list[np.ndarray]:
    """Keyframes at full resolution, from the spooled frames that show them."""
    rectify = to_rectangle(analysis.canvas.corners, size)
    needed = sorted({number for choice in choices for number in choice.looks})
    views = {n: View(rectify @ analysis.take_from_spooled(n), analysis.gains[n]) for n in needed}
    frames = ((n, analysis.spooled(n)) for n in needed)
    images = compose(choices, states, frames, views, size)
    if analysis.canvas.kind != "quad":
        return images
    enlarged = float(np.median([pixel_scale(view.canvas_from_frame) for view in views.values()]))
    return [without_rim(image, enlarged) for image in images]


def _preview(analysis: Analysis, choices: list[Choice]) -> bytes:
    """The frame of the middle keyframe with the canvas drawn on it."""
    number = choices[len(choices) // 2].frame
    corners = corners_in_frame(analysis.canvas.corners, analysis.take_from_spooled(number))
    return preview(analysis.spooled(number), corners)


def _records(
    row: SourceRow,
    base: VideoOutcome,
    analysis: Analysis,
    choices: list[Choice],
    images: list[np.ndarray],
) -> list[Keyframe]:
    records, passing = [], passing_masks(images)
    for index, (choice, image) in enumerate(zip(choices, images, strict=True)):
        looked = analysis.looked[analysis.used[choice.frame]]
        corners = corners_in_frame(analysis.canvas.corners, analysis.take_from_frame(choice.frame))
        records.append(
            Keyframe(
                video_id=base.video_id,
                index=index,
                time_s=round(looked.time_s * row.speed, 3),
                frame_index=looked.index,
                corners_px=tuple((round(float(x), 2), round(float(y), 2)) for x, y in corners),
                target=len(choices) - 1,
                is_bare=index == 0 and is_bare(image),
                quality={
                    "change": round(choice.change, 4),
                    "covered": round(choice.covered, 4),
                    "unsure": round(choice.unsure, 4),
                    "passing": round(float(passing[index].mean()), 4),
                },
            )
        )
    return records


def _facts(
    row: SourceRow, video: Video, analysis: Analysis, span: Span, fates: list[FrameFate]
) -> dict[str, object]:
    """The measured fields of the outcome."""
    moments = analysis.history.moments
    start = analysis.looked[analysis.used[moments[span.first]]].time_s
    end = analysis.looked[analysis.used[moments[span.last]]].time_s
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
    warnings = []
    share = len(analysis.used) / len(analysis.looked)
    if share < SHORT_VIEW:
        warnings.append(f"short view: only {share:.0%} of the frames show the main view")
    if span.intro:
        warnings.append(f"start cut: {span.intro}")
    history = analysis.history
    hidden = history.never_seen.mean()
    if hidden > NEVER_SEEN:
        warnings.append(f"never seen: {hidden:.0%} of the canvas is always covered or out of view")
    covered = history.covered[span.first : span.last + 1].mean()
    if covered > MUCH_COVER:
        warnings.append(f"much cover: {covered:.0%} of the canvas is covered on average")
    unsure = history.unsure[span.first : span.last + 1].mean()
    if unsure > MUCH_UNSURE:
        warnings.append(
            f"hands may show: {unsure:.0%} of the canvas changed under cover on average; "
            "look at the contact sheet"
        )
    return warnings
