"""From what the user names (files, folders, globs, manifests) to one `SourceRow` a video.

Nothing is decoded here. A manifest row that cannot be used becomes a `BadRow`, so that it appears
in the report like every other input, and the rows after it still come through.
"""

from __future__ import annotations

import csv
import glob
import hashlib
import json
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import Field

from ingest.config import Config
from ingest.errors import Refusal, UserError
from ingest.schema import Split

VIDEO_ENDINGS = frozenset(
    (
        *(".mp4", ".m4v", ".mov", ".mkv", ".webm", ".avi", ".gif", ".mpg", ".mpeg", ".ts"),
        *(".m2ts", ".wmv", ".flv", ".ogv", ".3gp"),
    )
)
PICTURE_ENDINGS = frozenset([".jpg", ".jpeg", ".png", ".webp", ".bmp", ".tif", ".tiff"])
MANIFEST_ENDINGS = frozenset((".csv", ".jsonl"))
MANIFEST_COLUMNS = ("uri", "painting", "licence", "source", "split", "times", "speed")
TIMES_FILE = "times.csv"
TARGETS_FILE = "last_aligned_frame_inv.json"


class DiscoverConfig(Config):
    """How inputs become rows."""

    val_fraction: float = Field(default=0.1, ge=0, le=1)
    """Share of paintings that go to the val split where the manifest does not say."""


@dataclass(frozen=True)
class SourceRow:
    """One source: a video file, or a folder of pictures with times."""

    uri: str
    """Path of the file or folder."""
    painting: str = ""
    """Id of the painting; empty takes the content id, so every video is its own painting."""
    licence: str = ""
    source: str = ""
    split: Split | None = None
    times: str = ""
    """Path of a CSV ``file,time_s`` for a folder of pictures."""
    speed: float = 1.0
    """Real seconds in one second of the video."""

    @property
    def path(self) -> Path:
        return Path(self.uri)


@dataclass(frozen=True)
class BadRow:
    """A manifest row that cannot be used, or an input that is not there."""

    uri: str
    """Where it stands: ``manifest.csv:12``, or the path."""
    detail: str
    reason: str = "bad-manifest-row"


Row = SourceRow | BadRow


def discover(inputs: Iterable[str]) -> Iterator[Row]:
    """Rows of all inputs in the order given; folders and globs are sorted by name.

    Raises:
        UserError: an input that is no file, folder or glob with matches, or holds no video.
    """
    for text in inputs:
        found = False
        for path in _expand(text):
            for row in _rows_of(path):
                found = True
                yield row
        if not found:
            raise UserError(
                f"{text} holds no video, keyframe folder or manifest row: expected files such as "
                "*.mp4, a folder with videos, or a .csv/.jsonl manifest with the column uri"
            )


def content_id(row: SourceRow) -> str:
    """First 16 hex digits of the SHA-256 of the content: it never depends on the path.

    For a folder of pictures the content is the sorted hashes of its pictures and its times.

    Raises:
        Refusal: missing.
    """
    digest = hashlib.sha256()
    try:
        if row.path.is_dir():
            names = sorted(p for p in row.path.iterdir() if p.suffix.lower() in PICTURE_ENDINGS)
            for line in sorted(f"{_file_hash(path)} {path.name}" for path in names):
                digest.update(line.encode())
            for extra in (row.path / TARGETS_FILE, times_file(row)):
                if extra is not None and extra.is_file():
                    digest.update(extra.read_bytes())
            return digest.hexdigest()[:16]
        return _file_hash(row.path)[:16]
    except OSError as error:
        raise Refusal(
            "missing", f"{row.uri} cannot be read ({error.strerror}): correct the path"
        ) from error


def times_file(row: SourceRow) -> Path | None:
    """The CSV with the times of a picture folder: the manifest's, or `times.csv` inside it."""
    if row.times:
        return Path(row.times)
    inside = row.path / TIMES_FILE
    return inside if inside.is_file() else None


def split_of(painting_id: str, config: DiscoverConfig) -> Split:
    """The split of a painting, from a hash of its id: the same in every run and on any machine."""
    value = int(hashlib.sha256(painting_id.encode()).hexdigest()[:8], 16) / 16**8
    return "val" if value < config.val_fraction else "train"


def _file_hash(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _expand(text: str) -> list[Path]:
    path = Path(text)
    if path.exists():
        return [path]
    matches = sorted(glob.glob(text, recursive=True))
    if not matches:
        raise UserError(f"{text} not found: give an existing file, folder, glob or manifest")
    return [Path(match) for match in matches]


def _rows_of(path: Path) -> Iterator[Row]:
    if path.is_file():
        if path.suffix.lower() in MANIFEST_ENDINGS:
            yield from read_manifest(path)
        else:
            yield SourceRow(uri=str(path))
        return
    if is_picture_folder(path):
        yield SourceRow(uri=str(path))
        return
    for child in sorted(path.iterdir()):
        if child.is_dir():
            yield from _rows_of(child)
        elif child.suffix.lower() in VIDEO_ENDINGS:
            yield SourceRow(uri=str(child))


def is_picture_folder(path: Path) -> bool:
    """A folder in the authors' layout, or pictures beside a `times.csv`."""
    return (path / TARGETS_FILE).is_file() or (path / TIMES_FILE).is_file()


def read_manifest(path: Path) -> Iterator[Row]:
    """Rows of a CSV or JSON-lines manifest, one at a time; paths are relative to the manifest.

    Raises:
        UserError: the file itself cannot be used (no column uri, not text).
    """
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            records = _csv_records(file, path) if path.suffix == ".csv" else _json_records(file)
            for line, record in records:
                where = f"{path}:{line}"
                try:
                    yield _row_of(record, path.parent)
                except ValueError as error:
                    yield BadRow(where, f"{where}: {error}; the row was skipped, correct it")
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no UTF-8 text: save the manifest as UTF-8") from error


def _csv_records(file: Iterable[str], path: Path) -> Iterator[tuple[int, dict[str, Any]]]:
    reader = csv.DictReader(file, strict=True)
    if "uri" not in (reader.fieldnames or []):
        raise UserError(
            f"{path}:1: got the columns {reader.fieldnames or []}, expected uri and any of "
            f"{', '.join(MANIFEST_COLUMNS[1:])}"
        )
    try:
        for record in reader:
            if None in record:
                record["too many values"] = record.pop(None)  # pyright: ignore
            yield reader.line_num, record
    except csv.Error as error:
        yield reader.line_num, {"damaged CSV": str(error)}


def _json_records(file: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except ValueError as error:
            record = {"damaged JSON": str(error)}
        yield number, record if isinstance(record, dict) else {"no JSON object": line.strip()}


def _row_of(record: dict[str, Any], folder: Path) -> SourceRow:
    """Check one manifest record. Raises ValueError that says what was got and expected."""
    values = {key: str(value).strip() for key, value in record.items() if value is not None}
    unknown = sorted(set(values) - set(MANIFEST_COLUMNS))
    if unknown:
        got = f"{unknown[0]}={values[unknown[0]][:60]!r}"
        raise ValueError(f"got {got}, expected the columns {', '.join(MANIFEST_COLUMNS)}")
    uri, split = values.get("uri", ""), values.get("split", "")
    if not uri:
        raise ValueError("uri is empty, expected a path")
    if split not in ("", "train", "val"):
        raise ValueError(f"split is {split!r}, expected train, val or nothing")
    return SourceRow(
        uri=str(_existing(folder, uri, "uri")),
        painting=values.get("painting", ""),
        licence=values.get("licence", ""),
        source=values.get("source", ""),
        split=split or None,  # pyright: ignore[reportArgumentType]
        times=str(_existing(folder, values["times"], "times")) if values.get("times") else "",
        speed=_speed(values.get("speed", "")),
    )


def _existing(folder: Path, text: str, column: str) -> Path:
    path = folder / text
    if "\0" in text or not path.exists():
        raise ValueError(f"{column} {text!r} does not exist beside the manifest ({folder})")
    return path


def _speed(text: str) -> float:
    try:
        speed = float(text or 1.0)
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(f"speed is {text!r}, expected real seconds per video second, above 0")
    return speed
