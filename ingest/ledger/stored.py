"""What ingest writes of one source: keyframes, preview, and last its outcome, the done mark."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ingest.conventions.atomic import write_bytes, write_json
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat, decode_image, sha256
from ingest.format.schema import Keyframe, encode_keyframe
from ingest.format.tar import write_tar
from ingest.ledger.fingerprint import look_of
from ingest.ledger.frame_table import FrameFate, write_frames
from ingest.ledger.outcome import VideoOutcome


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
    remove_video(dataset, outcome.video_id)
    write_outcome(dataset, outcome)
    return outcome


def remove_video(dataset: Dataset, video_id: str) -> None:
    """Delete all that ingest wrote of a video, the done mark first."""
    for path in ingested_files(dataset, video_id):
        path.unlink(missing_ok=True)


def ingested_files(dataset: Dataset, video_id: str) -> list[Path]:
    """Where ingest puts what it writes of a video; not all need to be there."""
    return [
        dataset.outcome_json(video_id),
        dataset.keyframes_tar(video_id),
        dataset.preview_jpg(video_id),
        dataset.frames_parquet(video_id),
    ]


def write_outcome(dataset: Dataset, outcome: VideoOutcome) -> None:
    write_json(dataset.outcome_json(outcome.video_id), outcome.model_dump(mode="json"))


def is_content_id(video_id: str) -> bool:
    """Whether it is a hash of content, and not the id of an input without any."""
    return video_id != "" and "-" not in video_id


def nameless_id(kind: str, uri: str) -> str:
    """An id for an input without usable content: ``missing-...`` or ``duplicate-...``."""
    return f"{kind}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
