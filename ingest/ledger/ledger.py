"""Writes `videos.parquet` from the outcomes of a dataset: one row per source, sorted by video id.

It is written at the end of each run, in row groups, so memory does not grow with the dataset.
"""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

import pyarrow
import pyarrow.parquet

from ingest.conventions.atomic import atomic_file
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.outcome_table import OutcomeTable

ROWS_PER_GROUP = 2000
"""Rows of a row group."""
_SPAN = ("span_start_s", "span_end_s")
"""Columns for the two values of `span_s`."""


def _column_type(annotation: object) -> pyarrow.DataType:
    """The column type of a field of `VideoOutcome`: numbers stay numbers, all else becomes text."""
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


def read_outcomes(dataset: Dataset) -> Iterator[VideoOutcome]:
    """Yields the outcomes of all sources of a dataset, sorted by id, one in memory at a time."""
    with contextlib.closing(OutcomeTable(dataset)) as table:
        yield from table


def write_ledger(dataset: Dataset, outcomes: Iterable[VideoOutcome]) -> None:
    """Write `videos.parquet`; `outcomes` are sorted by id. Equal outcomes give equal bytes."""
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
    """The columns of an outcome."""
    row = outcome.model_dump(mode="json")
    row.update(zip(_SPAN, row.pop("span_s") or (None, None), strict=True))
    row["warnings"] = "\n".join(row["warnings"])
    row["dropped"] = json.dumps(row["dropped"], sort_keys=True)
    return row
