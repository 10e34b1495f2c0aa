"""CSV as spreadsheets write it and as they may safely open it.

Written: UTF-8 with a byte order mark (Excel asks for it), commas, and no cell that a spreadsheet
would run as a formula. Read: whatever Excel, LibreOffice, Numbers or Google Sheets made of it:
UTF-8 with or without mark, UTF-16, cp1252, Mac Roman; commas, semicolons or tabs; any line ends;
columns in any order; titles above the header. What cannot be told apart is refused, not guessed.
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

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
"""First characters by which a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""
GUARD = "'"
DELIMITERS = (",", ";", "\t")
MAX_TITLE_ROWS = 5
"""Rows above the header that are passed over: Numbers writes the table's name there."""

# A program that expects another delimiter splits our cells at it, so what follows one inside a
# cell is a start as well.
_START = r"(^|[,;\t])( *)"
_DANGER = re.compile(_START + r"(?=[=+\-@\t\r\n＝＋－＠'])")
_GUARDED = re.compile(_START + r"'(?=[ ]*[=+\-@\t\r\n＝＋－＠'])")


@dataclass(frozen=True)
class Table:
    """A CSV that was read: rows by column name, and how its bytes were understood."""

    rows: list[dict[str, str]]
    """A dict a row, without empty cells; an empty row is an empty dict."""
    first_line: int
    """Line of the first row as a spreadsheet counts them."""
    encoding: str


def to_csv(
    columns: Sequence[str],
    rows: Iterable[Mapping[str, object]],
    bom: bool = False,
    header: bool = True,
) -> bytes:
    """Rows as CSV bytes, every cell defused; `bom` for files that people open."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    if header:
        writer.writerow(columns)
    for row in rows:
        writer.writerow([defuse(str(row.get(name, ""))) for name in columns])
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def from_csv(data: bytes, where: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """`read_table_of` without the circumstances: the rows alone."""
    return read_table_of(data, where, required).rows


def read_table_of(
    data: bytes, where: Path, required: Sequence[str], encoding: str | None = None
) -> Table:
    """Rows of a CSV that a spreadsheet may have rewritten; cells stripped, guards taken off.

    Column names are matched without regard to case; extra columns and empty rows stay out of the
    way (an empty row gives an empty dict, so that positions still tell the line).

    Args:
        encoding: how the bytes are to be read; by default UTF-8, else UTF-16, Mac Roman, cp1252.

    Raises:
        UserError: undecodable, no CSV, without a required column or with one of them twice.
    """
    text, encoding = _decode(data, where, encoding)
    names, rows, skipped = _best_table(_without_delimiter_note(text), required, where)
    missing = [name for name in required if name not in names]
    if missing:
        raise UserError(
            f"{where}: column {', '.join(missing)} missing, got {names or 'nothing'}: give the "
            "file that `python -m labeling review export` wrote, with its header row"
        )
    twice = [name for name, count in Counter(names).items() if name and count > 1]
    if twice:
        raise UserError(f"{where}: column {', '.join(twice)} appears twice: keep one of each")
    cells = [
        {
            name: restore(cell.strip())
            for name, cell in zip(names, row, strict=False)
            if name and cell.strip()
        }
        for row in rows
    ]
    return Table(cells, skipped + 2, encoding)


def defuse(cell: str) -> str:
    """The cell with a guard before anything that a spreadsheet would run; `restore` undoes it."""
    return _DANGER.sub(rf"\1\2{GUARD}", cell)


def restore(cell: str) -> str:
    """Undo `defuse`; also right where the spreadsheet took the guard off already."""
    return _GUARDED.sub(r"\1\2", cell)


def _decode(data: bytes, where: Path, encoding: str | None) -> tuple[str, str]:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0")):
        raise UserError(
            f"{where} is a workbook, expected CSV: save it as CSV UTF-8 and import that"
        )
    for name in [encoding] if encoding else _encodings(data):
        try:
            # A null byte cannot be meant: spreadsheets never write one, and csv refuses it.
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
    """What the bytes may be, likeliest first."""
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        return ["utf-16"]
    if data[1:2] == b"\0" and data[3:4] == b"\0":
        return ["utf-16-le"]
    # Only Excel for Mac's "CSV (Macintosh)" ends lines with CR alone.
    is_mac = b"\r" in data and b"\n" not in data
    return ["utf-8-sig", "mac-roman" if is_mac else "cp1252"]


def _without_delimiter_note(text: str) -> str:
    """The text without ``sep=;`` in the first line, by which Excel notes its delimiter."""
    return re.sub(r"\A\s*\"?sep=.\"?[ \t]*(\r\n|\r|\n)", "", text, flags=re.IGNORECASE)


def _best_table(
    text: str, required: Sequence[str], where: Path
) -> tuple[list[str], list[list[str]], int]:
    """Header, rows and number of rows above, by the delimiter that finds most required columns."""
    best: tuple[int, list[str], list[list[str]], int] = (-1, [], [], 0)
    broken: csv.Error | None = None
    for delimiter in DELIMITERS:
        try:
            # Strict: a quote that is never closed would swallow all rows after it in silence.
            reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
            table = list(reader)
        except csv.Error as error:
            is_ours = all(name in text.partition("\n")[0].lower() for name in required)
            broken = error if is_ours and delimiter == _likely_delimiter(text) else broken
            continue
        for number, row in enumerate(table[: MAX_TITLE_ROWS + 1]):
            names = [_column_name(cell) for cell in row]
            found = sum(name in names for name in required)
            if found > best[0]:
                best = (found, names, table[number + 1 :], number)
    if broken is not None and best[0] < len(required):
        raise UserError(
            f"{where} is not readable as CSV ({broken}; a quotation mark that is never closed?): "
            "save it as CSV again"
        ) from broken
    return best[1], best[2], best[3]


def _likely_delimiter(text: str) -> str:
    first = text.partition("\n")[0]
    return max(DELIMITERS, key=first.count)


def _column_name(cell: str) -> str:
    return re.sub(r"[\s\-]+", "_", cell.strip().strip("\ufeff").lower())
