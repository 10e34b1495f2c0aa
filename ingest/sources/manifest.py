"""Reads manifests (CSV as any spreadsheet saves it, or JSON lines, one row a source) row by row.

A row that cannot be used becomes a `BadRow`: it appears in the report, and the rows after it are
still read.
"""

from __future__ import annotations

import csv
import json
import math
import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TextIO

from ingest.conventions.errors import UserError
from ingest.conventions.names import is_utf8, printable
from ingest.format.table_form import column_name, decimal, open_text, read_table_rows
from ingest.sources.copies import copy_folder
from ingest.sources.file_systems import RemoteConfig
from ingest.sources.remote import SCHEMES, fetch, is_remote, join, local_path, name_of, stat
from ingest.sources.source_row import BadRow, Row, SourceRow

MANIFEST_EXTENSIONS = frozenset((".csv", ".jsonl"))
"""Extensions of manifests, lower case."""
MANIFEST_COLUMNS = ("uri", "painting", "licence", "source", "split", "times", "speed")
"""Columns that a manifest may have; only uri is required."""


def read_manifest(path: Path) -> Iterator[Row]:
    """Rows of a local manifest; its paths are relative to its folder.

    Raises:
        UserError: the file itself cannot be used (no column uri, not text).
    """
    return _rows(path, str(path), str(path.parent))


def read_remote_manifest(uri: str, config: RemoteConfig) -> Iterator[Row]:
    """Rows of a remote manifest; its paths are relative to the address of its folder.

    Raises:
        UserError: the file itself cannot be used. Refusal: missing, no-size. Unreachable.
    """
    with copy_folder() as folder:
        remote = stat(uri, config)
        if remote is None:
            raise UserError(f"{uri} is a folder: expected a manifest")
        copy = folder / name_of(uri)
        fetch(remote, copy, config)
        yield from _rows(copy, uri, uri.rpartition("/")[0])


def _rows(path: Path, name: str, base: str) -> Iterator[Row]:
    with open_text(path) as file:
        is_csv = path.suffix.lower() == ".csv"
        records = _csv_records(file, name) if is_csv else _json_records(file)
        for line, record in records:
            where = f"{name}:{line}"
            try:
                yield _row_of(record, base)
            except ValueError as error:
                yield BadRow(where, f"{where}: {error}; the row was skipped, correct it")


def _csv_records(file: TextIO, name: str) -> Iterator[tuple[int, dict[str, Any]]]:
    columns, rows = read_table_rows(file, MANIFEST_COLUMNS)
    if not all(is_utf8(column) and "\0" not in column for column in columns):
        raise UserError(f"{name} is no UTF-8 text: save the manifest as UTF-8")
    if "uri" not in columns:
        raise UserError(
            f"{name}:1: got the columns {columns}, expected uri and any of "
            f"{', '.join(MANIFEST_COLUMNS[1:])}"
        )
    for line, cells in rows:
        if isinstance(cells, csv.Error):
            yield line, {"damaged CSV": str(cells)}
            continue
        record = {column: cell for column, cell in zip(columns, cells, strict=False) if column}
        surplus = [cell for cell in cells[len(columns) :] if cell.strip()]
        yield line, record | ({"too many values": surplus} if surplus else {})


def _json_records(file: Iterable[str]) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(file, start=1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            record = {"damaged JSON": str(error)}
        if isinstance(record, dict):
            yield number, {column_name(key): value for key, value in record.items()}
        else:
            yield number, {"no JSON object": line.strip()}


def _row_of(record: dict[str, Any], base: str) -> SourceRow:
    """Check one manifest record. Raises ValueError that says what was got and expected."""
    written = {key: str(value) for key, value in record.items() if value is not None}
    values = {key: value.strip() for key, value in written.items()}
    unknown = sorted(set(values) - set(MANIFEST_COLUMNS))
    if unknown:
        got = f"{unknown[0]}={values[unknown[0]][:60]!r}"
        raise ValueError(f"got {got}, expected the columns {', '.join(MANIFEST_COLUMNS)}")
    for key, value in values.items():
        if not is_utf8(value):
            raise ValueError(f"{key} {printable(value)!r} is no UTF-8 text, expected UTF-8")
    uri, split = values.get("uri", ""), values.get("split", "")
    if not uri:
        raise ValueError("uri is empty, expected a path or an address")
    if split not in ("", "train", "val"):
        raise ValueError(f"split is {split!r}, expected train, val or nothing")
    return SourceRow(
        uri=_resolved(base, written["uri"], "uri"),
        painting=values.get("painting", ""),
        licence=values.get("licence", ""),
        source=values.get("source", ""),
        split=split or None,  # pyright: ignore[reportArgumentType]
        times=_resolved(base, written["times"], "times") if values.get("times") else "",
        speed=_speed(values.get("speed", "")),
    )


def _resolved(base: str, written: str, column: str) -> str:
    """The path or address of a row's entry. Only local files are checked for existence: first as
    written, since names may begin or end with spaces, then without those."""
    text = written.strip()
    if written != text and not is_remote(base) and os.path.exists(Path(base) / written):
        return str(Path(base) / written)
    if is_remote(text):
        return text
    if "://" in text and not text.startswith("file://"):
        raise ValueError(f"{column} {text!r}: expected a path, file:// or {', '.join(SCHEMES)}")
    path = local_path(text)
    if is_remote(base) and not path.is_absolute():
        return join(base, text)
    path = path if is_remote(base) else Path(base) / path
    # os.path answers False where a name is too long or holds a zero byte.
    if not os.path.exists(path):
        raise ValueError(f"{column} {text!r} does not exist beside the manifest ({base})")
    return str(path)


def _speed(text: str) -> float:
    try:
        speed = decimal(text) if text else 1.0
    except ValueError:
        speed = math.nan
    if not (math.isfinite(speed) and speed > 0):
        raise ValueError(f"speed is {text!r}, expected real seconds per video second, above 0")
    return speed
