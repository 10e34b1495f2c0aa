"""Reads the times of a folder's pictures from a CSV with the columns ``file,time_s``."""

from __future__ import annotations

import csv
import itertools
import math
from collections.abc import Sequence
from pathlib import Path

from ingest.conventions.errors import Refusal, UserError
from ingest.format.table_form import decimal, open_text, read_table_rows
from ingest.sources.source_row import PICTURE_EXTENSIONS

COLUMNS = ("file", "time_s")
"""Columns of the list."""


def read_times(folder: Path, file: Path) -> list[tuple[Path, float]]:
    """Returns (path, seconds) of the pictures that `file` lists, sorted by time.

    Raises:
        Refusal: bad-times, for a damaged list, a picture that is not there, or equal times.
    """
    pictures: list[tuple[Path, float]] = []
    try:
        text = open_text(file)
    except UserError as error:
        raise Refusal("bad-times", str(error)) from error
    with text:
        columns, rows = read_table_rows(text, COLUMNS)
        if not set(COLUMNS) <= set(columns):
            raise Refusal("bad-times", f"{file}:1: got {columns}, expected file,time_s")
        for line, cells in rows:
            if isinstance(cells, csv.Error):
                raise Refusal("bad-times", f"{file}:{line}: damaged CSV ({cells})")
            record = dict(zip(columns, cells, strict=False))
            given = record.get("time_s", "")
            try:
                time_s = decimal(given)
            except ValueError:
                time_s = math.nan
            if not (math.isfinite(time_s) and time_s >= 0):
                raise Refusal("bad-times", f"{file}:{line}: time_s is {given!r}, expected seconds")
            pictures.append((picture_path(folder, record.get("file", "")), time_s))
    pictures.sort(key=lambda item: (item[1], item[0].name))
    check_times(file, [(path.name, time_s) for path, time_s in pictures])
    return pictures


def check_times(file: Path, sorted_times: Sequence[tuple[str, float]]) -> None:
    """Raises Refusal: bad-times where two pictures (name, seconds) have the same time."""
    for (before, time_s), (after, after_s) in itertools.pairwise(sorted_times):
        if time_s == after_s:
            raise Refusal(
                "bad-times",
                f"{file}: {before} and {after} have the same time {time_s:g} s: every picture "
                "needs its own",
            )


def picture_path(folder: Path, name: str) -> Path:
    """The picture of a name with or without extension, as written or without the spaces around it.
    Raises Refusal: bad-times."""
    options = [
        folder / f"{text}{extension}"
        for text in (name, name.strip())
        for extension in ("", *sorted(PICTURE_EXTENSIONS))
    ]
    for path in options:
        if path.is_file() and path.suffix.lower() in PICTURE_EXTENSIONS:
            return path
    raise Refusal("bad-times", f"{folder}: {name!r} is listed but there is no such picture")
