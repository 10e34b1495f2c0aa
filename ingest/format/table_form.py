"""Detects how a table that a person made is written: encoding, delimiter, row of column names.

The one place that knows what spreadsheets do to a CSV. Small tables are parsed whole
(`ingest.format.spreadsheet`), manifests of any size row by row (`open_table`).
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Any, TextIO

from ingest.conventions.errors import UserError

DELIMITERS = (",", ";", "\t")
"""Delimiters that are tried."""
MAX_TITLE_ROWS = 5
"""Rows above the header that are skipped: Numbers writes the table's name there."""
_WORKBOOKS = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SEPARATOR_LINE = re.compile(r"\A\s*\"?sep=.\"?[ \t]*(\r\n|\r|\n)", re.IGNORECASE)
"""The first line ``sep=;`` by which Excel declares its delimiter."""


@dataclass(frozen=True)
class HeaderPlace:
    """Where the column names of a table are."""

    delimiter: str
    names: list[str]
    """As `column_name` gives them."""
    num_skipped: int
    """Rows above them."""
    num_found: int
    """How many of the wanted columns are among them."""


def refuse_workbook(data: bytes, where: Path | str) -> None:
    """Raises UserError if these are the first bytes of an Excel or LibreOffice document."""
    if data.startswith(_WORKBOOKS):
        raise UserError(f"{where} is a workbook, expected CSV: save it as CSV UTF-8 and give that")


def unicode_encoding(data: bytes) -> str:
    """The Unicode encoding that the first bytes of a text show; UTF-8 unless they show another."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return "utf-16"
    if data[1:2] == b"\0" and data[3:4] == b"\0":
        return "utf-16-le"
    return "utf-8-sig"


def without_separator_line(text: str) -> str:
    """The text without the first line ``sep=;``."""
    return _SEPARATOR_LINE.sub("", text)


def column_name(cell: str) -> str:
    """A column's name in lower case, with underscores for spaces and hyphens."""
    return re.sub(r"[\s\-]+", "_", cell.strip().strip("\ufeff").lower())


def decimal(text: str) -> float:
    """The number in a cell, with a decimal point or a decimal comma. Raises ValueError.

    A comma before three digits might separate thousands, so it is refused.
    """
    if re.fullmatch(r"\s*[+-]?\d+,(\d{1,2}|\d{4,})\s*", text):
        text = text.replace(",", ".")
    return float(text)


def place_header(
    tables: Iterator[tuple[str, list[list[str]]]], wanted: Sequence[str]
) -> HeaderPlace | None:
    """The row among the first of each table that has most of the wanted columns.

    Args:
        tables: delimiter, and the first rows parsed with it.

    Returns:
        None if there are no rows at all.
    """
    best: HeaderPlace | None = None
    for delimiter, rows in tables:
        for number, row in enumerate(rows[: MAX_TITLE_ROWS + 1]):
            names = [column_name(cell) for cell in row]
            found = sum(name in names for name in wanted)
            if best is None or found > best.num_found:
                best = HeaderPlace(delimiter, names, number, found)
    return best


def open_text(path: Path) -> TextIO:
    """Open a text of a person: UTF-8 or UTF-16, with or without byte order mark. Bytes that are no
    UTF-8 become surrogates, so that they spoil their own row only."""
    with path.open("rb") as file:
        head = file.read(4)
    refuse_workbook(head, path)
    encoding = unicode_encoding(head)
    errors = "surrogateescape" if encoding == "utf-8-sig" else "replace"
    return path.open(encoding=encoding, errors=errors, newline="")


def read_table_rows(
    file: TextIO, wanted: Sequence[str]
) -> tuple[list[str], Iterator[tuple[int, list[str] | csv.Error]]]:
    """Read a CSV row by row, in bounded memory.

    Args:
        file: from `open_text`, at its beginning.
        wanted: columns by which delimiter and header are chosen; none need to be there.

    Returns:
        The column names, and the rows below them that are not empty: number of the line and its
        cells, or the error of a damaged row.
    """
    head = "".join(islice(file, MAX_TITLE_ROWS + 2))
    shortened = without_separator_line(head)
    place = place_header(_first_tables(shortened), wanted)
    file.seek(0)
    if place is None:
        return [], iter(())
    num_separator_lines = int(shortened != head)
    for _ in range(num_separator_lines):
        file.readline()
    reader = csv.reader(file, delimiter=place.delimiter, strict=True)
    for _ in range(place.num_skipped + 1):
        next(reader)
    return place.names, _rows(reader, num_separator_lines)


def _first_tables(text: str) -> Iterator[tuple[str, list[list[str]]]]:
    for delimiter in DELIMITERS:
        # Not strict: a cell of the last line may go on after it.
        reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter)
        yield delimiter, list(reader)


def _rows(reader: Any, num_lines_before: int) -> Iterator[tuple[int, list[str] | csv.Error]]:
    while True:
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            yield reader.line_num + num_lines_before, error
            continue
        if any(cell.strip() for cell in cells):
            yield reader.line_num + num_lines_before, cells
