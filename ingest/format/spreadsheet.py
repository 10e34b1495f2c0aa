"""Writes CSV that spreadsheets open safely, and parses CSV that spreadsheets saved.

Written: UTF-8 with a byte order mark (Excel needs it), commas, and no cell that a spreadsheet would
run as a formula. Parsed: the output of Excel, LibreOffice, Numbers and Google Sheets: UTF-8 with or
without byte order mark, UTF-16, cp1252, Mac Roman; commas, semicolons or tabs; any line ends;
columns in any order; title rows above the header. Ambiguous files are refused.
"""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.table_form import (
    DELIMITERS,
    place_header,
    refuse_workbook,
    unicode_encoding,
    without_separator_line,
)

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters that make a spreadsheet run a cell as a formula (OWASP, CSV injection)."""
ESCAPE = "'"
"""Character put before a formula start."""
_START = r"(^|[,;\t])( *)"
"""Where a cell may start: also after a delimiter inside a cell, because a program that expects that
delimiter splits the cell there."""
_UNSAFE = re.compile(_START + r"(?=[=+\-@\t\r\n＝＋－＠'])")
"""A start that needs `ESCAPE`."""
_ESCAPED = re.compile(_START + r"'(?=[ ]*[=+\-@\t\r\n＝＋－＠'])")
"""A start that has `ESCAPE`."""


@dataclass(frozen=True)
class Table:
    """A parsed CSV."""

    rows: list[dict[str, str]]
    """The cells of each row by column name, without empty cells; an empty row is an empty dict."""
    first_line: int
    """Line number of the first row as spreadsheets count lines."""
    encoding: str
    """Encoding that the bytes were decoded with."""


def to_csv(
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    bom: bool = False,
    header: bool = True,
) -> bytes:
    """Encode rows as CSV with every cell escaped.

    Args:
        bom: write a byte order mark; for files that people open.
        header: write the row of column names.
    """
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    if header:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([escape_formulas(str(row.get(name, ""))) for name in columns])
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def from_csv(data: bytes, where: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """The rows of `parse_table`; the encoding is detected."""
    return parse_table(data, where, required).rows


def parse_table(
    data: bytes, where: Path, required: Sequence[str], encoding: str | None = None
) -> Table:
    """Parse a CSV that a spreadsheet may have rewritten; cells are stripped and unescaped.

    Column names are matched without regard to case. Extra columns are kept.

    Args:
        where: path of the file, for errors.
        required: columns that the file must have.
        encoding: encoding of the bytes; by default UTF-8, UTF-16, Mac Roman or cp1252 is detected.

    Raises:
        UserError: the bytes cannot be decoded, are not CSV, or lack or repeat a column.
    """
    text, encoding = _decode(data, where, encoding)
    names, rows, num_skipped = _best_table(without_separator_line(text), required, where)
    missing = [name for name in required if name not in names]
    if missing:
        raise UserError(
            f"{where}: column {', '.join(missing)} missing, got {names or 'nothing'}: give the "
            "file that `python -m labeling review export` wrote, with its header row"
        )
    repeated = [name for name, count in Counter(names).items() if name and count > 1]
    if repeated:
        raise UserError(f"{where}: column {', '.join(repeated)} appears twice: keep one of each")
    cells = [
        {
            name: unescape_formulas(cell.strip())
            for name, cell in zip(names, row, strict=False)
            if name and cell.strip()
        }
        for row in rows
    ]
    return Table(cells, num_skipped + 2, encoding)


def escape_formulas(cell: str) -> str:
    """Put `ESCAPE` before everything that a spreadsheet would run as a formula."""
    return _UNSAFE.sub(rf"\1\2{ESCAPE}", cell)


def unescape_formulas(cell: str) -> str:
    """Undo `escape_formulas`, also if the spreadsheet has removed an `ESCAPE`."""
    return _ESCAPED.sub(r"\1\2", cell)


def _decode(data: bytes, where: Path, encoding: str | None) -> tuple[str, str]:
    """The text and the encoding it was decoded with. Raises UserError."""
    refuse_workbook(data, where)
    for name in [encoding] if encoding else _encodings(data):
        try:
            # Spreadsheets never write null bytes, and the csv module refuses them.
            return data.decode(name).replace("\0", ""), name
        except UnicodeDecodeError:
            continue
        except LookupError:
            raise UserError(
                f"encoding {name!r} is not known, expected one such as cp1251"
            ) from None
    tried = encoding or "UTF-8 nor UTF-16 nor cp1252"
    raise UserError(f"{where}: not readable as {tried}: save it as CSV UTF-8")


def _encodings(data: bytes) -> list[str]:
    """Encodings to try, likeliest first."""
    name = unicode_encoding(data)
    if name != "utf-8-sig":
        return [name]
    # Only Excel for Mac's "CSV (Macintosh)" ends lines with CR alone.
    is_mac = b"\r" in data and b"\n" not in data
    return [name, "mac-roman" if is_mac else "cp1252"]


def _best_table(
    text: str, required: Sequence[str], where: Path
) -> tuple[list[str], list[list[str]], int]:
    """Parse the text with the delimiter and header row that give most of the required columns.

    Returns:
        Column names, rows, and number of rows above the header.
    """
    tables: dict[str, list[list[str]]] = {}
    broken: csv.Error | None = None
    for delimiter in DELIMITERS:
        try:
            # Strict: otherwise a quote that is never closed would silently swallow all later rows.
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            tables[delimiter] = list(reader)
        except csv.Error as error:
            has_header = all(name in text.partition("\n")[0].lower() for name in required)
            broken = error if has_header and delimiter == _likely_delimiter(text) else broken
    best = place_header(iter(tables.items()), required)
    if broken is not None and (best is None or best.num_found < len(required)):
        raise UserError(
            f"{where} is not readable as CSV ({broken}; a quotation mark that is never closed?): "
            "save it as CSV again"
        ) from broken
    if best is None:
        return [], [], 0
    return best.names, tables[best.delimiter][best.num_skipped + 1 :], best.num_skipped


def _likely_delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(DELIMITERS, key=first.count)
