"""Reads and edits the labels, corrections and shards of a dataset, to trace and purge videos.

ingest comes before labeling and imports none of its code, so these files are read by their
documented format (docs/data-format.md).
"""

from __future__ import annotations

import contextlib
import csv
import fcntl
import io
import json
import tarfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas

from ingest.conventions.atomic import atomic_file, write_bytes, write_json
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset


def answers(dataset: Dataset, pair_id: str, video_id: str) -> list[dict[str, Any]]:
    """The answers of all labelers about a pair."""
    path = dataset.instructions_jsonl(video_id)
    if not path.is_file():
        return []
    # Text after the last line break is an unfinished answer.
    whole = path.read_text(encoding="utf-8").split("\n")[:-1]
    lines = [json.loads(line) for line in whole]
    return [line for line in lines if line.get("pair_id") == pair_id]


def corrections(dataset: Dataset, pair_id: str) -> list[dict[str, str]]:
    """People's corrections of a pair, oldest first."""
    header, rows = _read_corrections(dataset)
    found = (dict(zip(header, row, strict=False)) for row in rows)
    return [row for row in found if row["pair_id"] == pair_id]


def shards_with(dataset: Dataset, prefix: str) -> Iterator[Path]:
    """Yields shards that contain a sample whose key is `prefix` or starts with it and a dash."""
    for split in ("train", "val"):
        for path in sorted(dataset.shards.glob(f"{split}-*.tar")):
            if any(key == prefix or key.startswith(f"{prefix}-") for key in _keys(path)):
                yield path


def drop_shards(dataset: Dataset, paths: list[Path]) -> None:
    """Delete shards. The index is rewritten first, so that no reader misses a shard."""
    names = {path.name for path in paths}
    if names and dataset.index_json.is_file():
        index = json.loads(dataset.index_json.read_text(encoding="utf-8"))
        index["shards"] = [entry for entry in index["shards"] if entry["name"] not in names]
        index["samples"] = None
        write_json(dataset.index_json, index)
        # Both list samples by name; the next build writes them again.
        for name in ("samples.parquet", "changes.json"):
            (dataset.shards / name).unlink(missing_ok=True)
    for path in paths:
        path.unlink(missing_ok=True)


def drop_answers(dataset: Dataset, video_id: str) -> None:
    """Remove a video from the table of instructions."""
    path = dataset.instructions_parquet
    table = pandas.read_parquet(path)
    with atomic_file(path) as file:
        table[table.video_id != video_id].to_parquet(file, index=False)


def has_answers(dataset: Dataset, video_id: str) -> bool:
    """Whether the table of instructions has rows of a video."""
    path = dataset.instructions_parquet
    return path.is_file() and bool((pandas.read_parquet(path).video_id == video_id).any())


def count_corrections(dataset: Dataset, video_id: str) -> int:
    """Number of people's corrections of pairs of a video."""
    header, rows = _read_corrections(dataset)
    return sum(_is_about(row, header, video_id) for row in rows)


def drop_corrections(dataset: Dataset, video_id: str) -> None:
    """Remove people's corrections of a video; all other rows stay as they are."""
    with _locked(dataset):
        header, rows = _read_corrections(dataset)
        text = io.StringIO(newline="")
        writer = csv.writer(text, lineterminator="\r\n")
        writer.writerows([header, *(r for r in rows if not _is_about(r, header, video_id))])
        write_bytes(dataset.corrections_csv, text.getvalue().encode())


def _is_about(row: list[str], header: list[str], video_id: str) -> bool:
    """Whether a row corrects a pair of a video."""
    return bool(row) and row[header.index("pair_id")].startswith(f"{video_id}-")


def _read_corrections(dataset: Dataset) -> tuple[list[str], list[list[str]]]:
    """Header and rows of the table of corrections. Raises UserError: it has no column pair_id."""
    path = dataset.corrections_csv
    if not path.is_file():
        return ["pair_id"], []
    with path.open(encoding="utf-8-sig", newline="") as file:
        header, *rows = list(csv.reader(file)) or [[]]
    if rows and len(rows[-1]) < len(header) and not path.read_bytes().endswith(b"\n"):
        rows.pop()  # truncated while it was written, so never confirmed to the person
    if "pair_id" not in header:
        raise UserError(
            f"{path}: expected commas and a column pair_id, got {header}: was it saved by another "
            "program? Run `python -m labeling review import` once, which writes it anew"
        )
    return header, rows


@contextlib.contextmanager
def _locked(dataset: Dataset) -> Iterator[None]:
    """Context that holds the lock of `labeling review import`."""
    with dataset.corrections_csv.with_name(".lock").open("a") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _keys(path: Path) -> Iterator[str]:
    """Yields the sample key of every file in a shard. Raises UserError: it is damaged."""
    try:
        with tarfile.open(path, mode="r:") as tar:
            for entry in tar:
                yield entry.name.partition(".")[0]
    except (tarfile.TarError, OSError) as error:
        raise UserError(
            f"{path} is damaged ({error}): delete it and run `python -m labeling shards`"
        ) from error
