"""What ingest writes of one source: keyframes, preview, and last its outcome, the done mark."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from ingest.atomic import write_bytes, write_json
from ingest.dataset import Dataset
from ingest.frame_table import FrameFate, write_frames
from ingest.images import ImageFormat, decode_image, sha256
from ingest.look import look_of
from ingest.outcome import VideoOutcome
from ingest.schema import Keyframe, encode_keyframe
from ingest.tar import write_tar


@dataclass(frozen=True)
class Stored:
    """A source that was taken: everything about it that goes to disk."""

    outcome: VideoOutcome
    keyframes: list[tuple[Keyframe, ImageFormat, bytes]]
    preview: bytes | None
    """JPEG of one frame with the canvas drawn on it."""
    frames: list[FrameFate]
    """What became of every frame that was looked at."""


def keyframe_key(video_id: str, index: int) -> str:
    """The key of a keyframe in its tar."""
    return f"{video_id}-k{index:04d}"


def write_video(dataset: Dataset, stored: Stored) -> VideoOutcome:
    """Write everything, the outcome last; returns it as written."""
    video_id = stored.outcome.video_id
    path = dataset.keyframes_tar(video_id)
    write_tar(
        path,
        (
            (keyframe_key(video_id, keyframe.index), encode_keyframe(keyframe, data, format))
            for keyframe, format, data in stored.keyframes
        ),
    )
    write_frames(dataset, video_id, stored.frames)
    if stored.preview is not None:
        write_bytes(dataset.preview_jpg(video_id), stored.preview)
    outcome = stored.outcome.model_copy(
        update={
            "num_keyframes": len(stored.keyframes),
            "keyframes_sha256": sha256(path.read_bytes()),
            "look": _look(stored),
        }
    )
    write_outcome(dataset, outcome)
    return outcome


def _look(stored: Stored) -> str:
    """The look of the finished painting: the last keyframe's target."""
    finished = stored.keyframes[-1][0].target
    data = next(data for keyframe, _, data in stored.keyframes if keyframe.index == finished)
    return look_of(decode_image(data))


def write_unkept(dataset: Dataset, outcome: VideoOutcome) -> VideoOutcome:
    """Write the outcome of a source that gave no keyframes, and drop those of an earlier run."""
    dataset.outcome_json(outcome.video_id).unlink(missing_ok=True)
    dataset.keyframes_tar(outcome.video_id).unlink(missing_ok=True)
    dataset.preview_jpg(outcome.video_id).unlink(missing_ok=True)
    dataset.frames_parquet(outcome.video_id).unlink(missing_ok=True)
    write_outcome(dataset, outcome)
    return outcome


def write_outcome(dataset: Dataset, outcome: VideoOutcome) -> None:
    write_json(dataset.outcome_json(outcome.video_id), outcome.model_dump(mode="json"))


def nameless_id(kind: str, uri: str) -> str:
    """An id for an input without usable content: ``missing-...`` or ``duplicate-...``."""
    return f"{kind}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
