"""Computes the keyframes of a video file: runs the stages of ingest in their order."""

from __future__ import annotations

from ingest.format.images import ImageFormat, encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate, drop_counts
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import KeptSource
from ingest.per_source.doubts import doubts
from ingest.per_source.frame_fates import frame_fates
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow
from ingest.video.analysis import Analysis, analyse
from ingest.video.canvas.quads import corners_in_frame
from ingest.video.decoding.decode import Video
from ingest.video.decoding.open_footage import open_footage
from ingest.video.imaging.colour_distance import is_blank
from ingest.video.keyframe_extraction import Extraction, extract_keyframes
from ingest.video.keyframes.occluder_suspicion import suspicion, transient_masks
from ingest.video.keyframes.painting_span import Span
from ingest.video.keyframes.preview import preview
from ingest.video.keyframes.selection import SelectedKeyframe


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
    found = extract_keyframes(
        analysis, video, config.span, config.accumulation, config.reveal, config.keyframes
    )
    keyframes = _keyframe_records(row, base, analysis, found)
    format: ImageFormat = config.keyframes.format
    quality = config.keyframes.jpeg_quality
    fates = frame_fates(analysis, found.span, found.selected, row.speed)
    outcome = base.model_copy(
        update={
            **_measured_fields(row, video, analysis, found.span, fates),
            "suspicion": max(suspicion(keyframe.quality) for keyframe in keyframes),
            "warnings": (*video.warnings, *doubts(analysis, found.span)),
        }
    )
    encoded: list[tuple[Keyframe, ImageFormat, bytes]] = [
        (keyframe, format, encode_image(image, format, quality))
        for keyframe, image in zip(keyframes, found.images, strict=True)
    ]
    return KeptSource(outcome, encoded, _preview(analysis, found.selected), fates)


def _preview(analysis: Analysis, selected: list[SelectedKeyframe]) -> bytes:
    """Returns the frame of the middle keyframe with the canvas drawn on it, as JPEG."""
    number = selected[len(selected) // 2].frame
    corners = corners_in_frame(analysis.canvas.corners, analysis.shot_from_cached(number))
    return preview(analysis.cached_frame(number), corners)


def _keyframe_records(
    row: SourceRow, base: VideoOutcome, analysis: Analysis, found: Extraction
) -> list[Keyframe]:
    """Returns the stored record of each keyframe."""
    records, transient = [], transient_masks(found.images)
    pairs = zip(found.selected, found.images, strict=True)
    for index, (keyframe, image) in enumerate(pairs):
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
                target=len(found.selected) - 1,
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
