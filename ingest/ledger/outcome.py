"""Defines the outcome of a source video, and reads outcomes and keyframes of a dataset."""

from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from pydantic import Field, ValidationError

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.images import ImageFormat, decode_image
from ingest.format.schema import Keyframe, Record, Split, decode_keyframe
from ingest.format.tar import read_tar

Status = Literal["kept", "refused", "failed"]
"""kept: it has keyframes. refused: for a documented reason. failed: by an unforeseen error."""


class VideoOutcome(Record):
    """The outcome of one source: a row of `videos.parquet`, and the JSON next to the keyframes."""

    schema_version: str = SCHEMA_VERSION
    video_id: str
    """First 16 hex digits of the SHA-256 of the source's bytes; without readable content a
    placeholder such as ``missing-...``."""
    uri: str
    painting_id: str
    licence: str = ""
    source: str = ""
    split: Split = "train"
    given_split: Split | None = None
    """The split in the manifest; None if `split` comes from a hash of the painting's id."""
    near_duplicate_of: str = ""
    """Id of another video of this dataset that shows the same painting: the first of its group."""
    look: str = ""
    """Fingerprint of the finished painting in hex digits (`ingest.ledger.fingerprint`); empty if
    not kept."""
    status: Status
    reason: str = ""
    """A key of `ingest.ledger.reasons.VIDEO_REASONS`; empty if kept."""
    detail: str = ""
    """The reason in a sentence: what was found, what was expected, what to do."""
    warnings: tuple[str, ...] = ()
    duration_s: float | None = None
    fps: float | None = None
    width_px: int | None = None
    height_px: int | None = None
    span_s: tuple[float, float] | None = None
    """Start and end of the painting in seconds."""
    num_sampled_frames: int = 0
    """Sampled frames; each is used in a keyframe or counted in `dropped`."""
    num_keyframes: int = 0
    dropped: dict[str, int] = Field(default_factory=dict)
    """Number of sampled frames dropped, by reason."""
    suspicion: float = Field(default=0.0, ge=0, le=1)
    """Suspicion of remaining occluders: the highest among its keyframes
    (`ingest.video.keyframes.occluder_suspicion`)."""
    keyframes_sha256: str = ""
    ingest_version: str = ""
    config_hash: str = ""


@dataclass(frozen=True)
class StoredKeyframe:
    """A keyframe as it is stored in the tar: its record and its encoded image."""

    keyframe: Keyframe
    format: ImageFormat
    data: bytes

    def image(self) -> np.ndarray:
        """RGB uint8 (H, W, 3). Raises UserError if its bytes are damaged."""
        try:
            return decode_image(self.data)
        except ValueError as error:
            video_id, index = self.keyframe.video_id, self.keyframe.index
            raise UserError(
                f"keyframe {index} of {video_id} is damaged ({error}): delete {video_id}.json and "
                f"{video_id}.tar in keyframes/ and run `python -m ingest` on that video again"
            ) from error


def read_outcome(dataset: Dataset, video_id: str) -> VideoOutcome:
    """The outcome of one video. Raises UserError naming the file if it is missing or damaged."""
    path = dataset.outcome_json(video_id)
    try:
        return VideoOutcome.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(f"{path} not found: run `python -m ingest` on that video again") from None
    except (ValueError, ValidationError) as error:
        raise damaged_outcome(path, error) from error


def find_outcome(dataset: Dataset, video_id: str) -> VideoOutcome | None:
    """The outcome of one video; None if it is missing or damaged."""
    try:
        return read_outcome(dataset, video_id)
    except UserError:
        return None


def tell_left_out(error: UserError) -> None:
    """Print that a source with a damaged file is left out of a ledger or report: the other sources
    are not lost with it."""
    print(f"warning: left out: {error}", file=sys.stderr)


def damaged_outcome(path: Path, error: Exception) -> UserError:
    """The error to raise for an outcome file that cannot be read."""
    return UserError(
        f"{path} is damaged ({' '.join(str(error).split())[:200]}): delete it and run "
        "`python -m ingest` again"
    )


def read_keyframes(dataset: Dataset, video_id: str) -> list[StoredKeyframe]:
    """All keyframes of a video in painting order. Raises UserError: the tar is missing, damaged or
    empty."""
    path = dataset.keyframes_tar(video_id)
    stored = [
        StoredKeyframe(*decode_keyframe(key, fields, str(path))) for key, fields in read_tar(path)
    ]
    if not stored:
        raise UserError(f"{path} holds no keyframe: delete it and run `python -m ingest` again")
    return sorted(stored, key=lambda item: item.keyframe.index)


def keyframes_file_version(dataset: Dataset, video_id: str) -> str:
    """A tag of a video's keyframes tar that changes whenever it is written; empty without a tar.

    It is made of inode, size and time of change: every write makes a new file
    (`ingest.conventions.atomic`).
    """
    try:
        found = dataset.keyframes_tar(video_id).stat()
    except FileNotFoundError:
        return ""
    return f"{found.st_ino}-{found.st_size}-{found.st_mtime_ns}"
