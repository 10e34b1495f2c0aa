"""Reads and writes painted sessions: every step as a dataset sample, and a record of the run.

``session/steps.tar`` holds a sample per step (PNG, lossless), ``session/session.json`` the record.
The record is written after the tar, with the names of the outputs that are still missing, and again
when they are written, so that a painting is not lost with its film. Neither contains dates: the
same picture, painter, config and seed give the same bytes.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from inference.rollout.stop import StopReason
from ingest.conventions.atomic import write_json
from ingest.conventions.errors import UserError
from ingest.format.fields import SCHEMA_VERSION, check_version
from ingest.format.images import sha256
from ingest.format.schema import Record, Sample, decode_sample
from ingest.format.tar import Fields, read_tar, write_tar


class StepRecord(Record):
    """Decisions and measures of one step; its images are in the sample `key` of the tar."""

    key: str
    time_s: float
    """Painting time of the canvas after the step."""
    instruction: str
    confidence: float | None
    mask_area: float
    """Share of the canvas that the region covers."""
    threshold: float
    """Probability above which a pixel belonged to the region."""
    change: float
    """LPIPS between the canvases before and after."""
    distance: float
    """LPIPS of the canvas after to the target."""
    is_finish: bool = False
    """True for the step of `inference.rollout.finish`, which the networks did not paint."""


class PainterRecord(Record):
    """The painter of a session."""

    name: str
    """Folder or hub name as given by the user."""
    preset: str
    fingerprint: str
    """Hash of the painter's files."""


class SessionRecord(Record):
    """``session.json``."""

    schema_version: str = SCHEMA_VERSION
    picture_uri: str
    picture_sha256: str
    picture_notes: tuple[str, ...] = ()
    original_size_px: tuple[int, int]
    """Width and height of the picture in its file."""
    canvas_size_px: tuple[int, int]
    """Width and height of the canvases."""
    painter: PainterRecord
    seed: int
    interval_s: float
    stop: StopReason
    """Reason of the stop rule."""
    num_painted: int
    """Number of steps without the finishing step."""
    steps: tuple[StepRecord, ...] = Field(min_length=1)
    config: dict[str, Any]
    """All settings, resolved."""
    config_hash: str
    versions: dict[str, str]
    """Versions of this code and of the libraries that the bytes depend on."""
    steps_sha256: str = ""
    """SHA-256 of steps.tar."""
    unwritten: tuple[str, ...] = ()
    """Outputs beside the session that are not written; none of a complete painting."""


@dataclass(frozen=True, eq=False)
class Session:
    """A session in memory: its record and its samples, one per step, in order."""

    record: SessionRecord
    samples: Sequence[Sample]


class SessionFolder:
    """Paths of a session: the ``session`` folder of a painted picture."""

    def __init__(self, painting: Path) -> None:
        self.root = painting / "session"

    @property
    def steps_tar(self) -> Path:
        return self.root / "steps.tar"

    @property
    def session_json(self) -> Path:
        return self.root / "session.json"


def write_steps(folder: SessionFolder, encoded: list[tuple[str, Fields]]) -> str:
    """Write steps.tar; returns its hash."""
    write_tar(folder.steps_tar, encoded)
    return sha256(folder.steps_tar.read_bytes())


def write_record(folder: SessionFolder, record: SessionRecord) -> None:
    """Write session.json."""
    write_json(folder.session_json, record.model_dump(mode="json"))


def read_record(folder: SessionFolder) -> SessionRecord | None:
    """The record of a finished session, or None if there is none.

    Raises:
        UserError: the record is damaged.
    """
    path = folder.session_json
    try:
        head = json.loads(path.read_text(encoding="utf-8"))
        check_version(str(path), "session", head)
        return SessionRecord.model_validate(head)
    except FileNotFoundError:
        return None
    except (ValidationError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path} is damaged ({' '.join(str(error).split())[:200]}): delete it and paint again"
        ) from error


def read_session(painting: Path) -> Session:
    """The session of a painted picture's folder, every sample checked.

    Raises:
        UserError: there is no finished session, or its tar is not the one that was written.
    """
    return read_encoded_session(SessionFolder(painting))[0]


def read_encoded_session(folder: SessionFolder) -> tuple[Session, list[tuple[str, Fields]]]:
    """A session, every sample checked, and its samples as they are encoded.

    Raises:
        UserError: there is no finished session, or its tar is not the one that was written.
    """
    record = read_record(folder)
    if record is None:
        painting = folder.root.parent
        raise UserError(
            f"{painting} holds no finished session: make one with "
            f"`python -m inference paint PICTURE -o {painting.parent}`"
        )
    where = str(folder.steps_tar)
    encoded: list[tuple[str, Fields]] = list(read_tar(folder.steps_tar))
    samples = [decode_sample(key, fields, where) for key, fields in encoded]
    if [s.key for s in samples] != [s.key for s in record.steps]:
        raise UserError(f"{where} is not the tar that {folder.session_json} names: paint again")
    return Session(record, samples), encoded


def session_folder(place: Path) -> SessionFolder:
    """The session of a painting's folder, or the one that `place` itself is."""
    folder = SessionFolder(place.absolute().parent)
    folder.root = place.absolute()
    return folder if folder.session_json.is_file() else SessionFolder(place)
