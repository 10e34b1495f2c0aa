"""Writes and deletes the files of one source: keyframes, frame table, preview, and its outcome.

The outcome is written last: a source that has one is done.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from pathlib import Path

from ingest.conventions.atomic import write_bytes, write_json
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat, decode_image, sha256
from ingest.format.schema import Keyframe, encode_keyframe
from ingest.format.tar import write_tar
from ingest.ledger.fingerprint import fingerprint_of
from ingest.ledger.frame_table import FrameFate, write_frames
from ingest.ledger.outcome import VideoOutcome


@dataclass(frozen=True)
class KeptSource:
    """Everything that is written about a source that is kept."""

    outcome: VideoOutcome
    keyframes: list[tuple[Keyframe, ImageFormat, bytes]]
    preview: bytes | None
    """JPEG of one frame with the detected canvas drawn on it."""
    frames: list[FrameFate]
    """The fate of every sampled frame."""


def keyframe_key(video_id: str, index: int) -> str:
    """The key of a keyframe in its tar."""
    return f"{video_id}-k{index:04d}"


def write_video(dataset: Dataset, stored: KeptSource) -> VideoOutcome:
    """Write all files, the outcome last; returns the outcome as written."""
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
            "look": _fingerprint(stored),
        }
    )
    write_outcome(dataset, outcome)
    return outcome


def _fingerprint(stored: KeptSource) -> str:
    """The fingerprint of the finished painting: the target of the last keyframe."""
    finished = stored.keyframes[-1][0].target
    data = next(data for keyframe, _, data in stored.keyframes if keyframe.index == finished)
    return fingerprint_of(decode_image(data))


def write_unkept(dataset: Dataset, outcome: VideoOutcome) -> VideoOutcome:
    """Write the outcome of a source that is not kept, and delete its files of an earlier run."""
    remove_video(dataset, outcome.video_id)
    write_outcome(dataset, outcome)
    return outcome


def remove_video(dataset: Dataset, video_id: str) -> None:
    """Delete all files of a video that ingest wrote, the outcome first."""
    for path in ingested_files(dataset, video_id):
        path.unlink(missing_ok=True)


def ingested_files(dataset: Dataset, video_id: str) -> list[Path]:
    """The paths of all files that ingest writes for a video; not all need to exist."""
    return [
        dataset.outcome_json(video_id),
        dataset.keyframes_tar(video_id),
        dataset.preview_jpg(video_id),
        dataset.frames_parquet(video_id),
    ]


def write_outcome(dataset: Dataset, outcome: VideoOutcome) -> None:
    write_json(dataset.outcome_json(outcome.video_id), outcome.model_dump(mode="json"))


def is_content_id(video_id: str) -> bool:
    """Whether an id is a hash of content, and not a placeholder."""
    return video_id != "" and "-" not in video_id


def placeholder_id(kind: str, uri: str) -> str:
    """The id of an outcome whose source has no content of its own, such as ``missing-...`` or
    ``duplicate-...``, followed by a hash of the URI."""
    return f"{kind}-{hashlib.sha256(uri.encode()).hexdigest()[:16]}"
