"""`videos.parquet`: one row a source, streamed in row groups, sorted by video id.

The JSON files beside the keyframes are the truth; the table is made from them at the end of each
run. Memory is that of one row group, however many sources there are: ids are sorted by SQLite in
a private file on disk.
"""

from __future__ import annotations

import contextlib
import json
import os
import sqlite3
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow
import pyarrow.parquet
from pydantic import ValidationError

from ingest.atomic import atomic_file
from ingest.dataset import Dataset
from ingest.outcome import VideoOutcome, damaged_outcome

ROWS_PER_GROUP = 2000
_SPAN = ("span_start_s", "span_end_s")


def _column_type(annotation: object) -> pyarrow.DataType:
    """Numbers stay numbers; lists and objects become text."""
    numbers: dict[object, pyarrow.DataType] = {
        float: pyarrow.float64(), float | None: pyarrow.float64(),
        int: pyarrow.int64(), int | None: pyarrow.int64(),
    }  # fmt: skip
    return numbers.get(annotation, pyarrow.string())


SCHEMA = pyarrow.schema(
    [
        (name, _column_type(field.annotation))
        for name, field in VideoOutcome.model_fields.items()
        if name != "span_s"
    ]
    + [(name, pyarrow.float64()) for name in _SPAN]
)


class OutcomeTable:
    """All outcomes of a dataset, read once from their files, in the order of their ids."""

    def __init__(self, dataset: Dataset) -> None:
        self._dataset = dataset
        # An empty name is a private file that SQLite makes when it grows, and deletes.
        self._connection = sqlite3.connect("", isolation_level=None)
        self._connection.executescript(
            "PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF; PRAGMA cache_size = -4000;"
            "CREATE TABLE outcomes (video_id TEXT PRIMARY KEY, text TEXT) WITHOUT ROWID;"
        )
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO outcomes VALUES (?, ?)", self._files())

    def close(self) -> None:
        self._connection.close()

    def __iter__(self) -> Iterator[VideoOutcome]:
        rows = self._connection.execute("SELECT video_id, text FROM outcomes ORDER BY video_id")
        for video_id, text in rows:
            try:
                yield VideoOutcome.model_validate_json(text)
            except ValidationError as error:
                raise damaged_outcome(self._dataset.outcome_json(video_id), error) from error

    def _files(self) -> Iterator[tuple[str, str]]:
        with os.scandir(self._dataset.keyframes) as entries:
            for entry in entries:
                if entry.name.endswith(".json") and not entry.name.startswith("."):
                    with open(entry.path, encoding="utf-8", errors="replace") as file:
                        yield entry.name.removesuffix(".json"), file.read()


def read_outcomes(dataset: Dataset) -> Iterator[VideoOutcome]:
    """Outcomes of all sources that the dataset has seen, sorted by id, one at a time."""
    with contextlib.closing(OutcomeTable(dataset)) as table:
        yield from table


def write_ledger(dataset: Dataset, outcomes: Iterable[VideoOutcome]) -> None:
    """Write `videos.parquet`; `outcomes` are sorted by id. Equal outcomes make equal bytes."""
    with (
        atomic_file(dataset.videos_parquet) as file,
        pyarrow.parquet.ParquetWriter(file, SCHEMA) as writer,
    ):
        rows: list[dict[str, Any]] = []
        for outcome in outcomes:
            rows.append(_row(outcome))
            if len(rows) == ROWS_PER_GROUP:
                writer.write_table(pyarrow.Table.from_pylist(rows, SCHEMA))
                rows = []
        if rows:
            writer.write_table(pyarrow.Table.from_pylist(rows, SCHEMA))


def _row(outcome: VideoOutcome) -> dict[str, Any]:
    row = outcome.model_dump(mode="json")
    row.update(zip(_SPAN, row.pop("span_s") or (None, None), strict=True))
    row["warnings"] = "\n".join(row["warnings"])
    row["dropped"] = json.dumps(row["dropped"], sort_keys=True)
    return row
