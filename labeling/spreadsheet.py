"""CSV as spreadsheets write it and as they may safely open it.

Written: UTF-8 with a byte order mark (Excel asks for it), commas, and no cell that a spreadsheet
would run as a formula. Read: whatever Excel, LibreOffice, Numbers or Google Sheets made of it:
UTF-8 with or without mark, UTF-16, cp1252; commas, semicolons or tabs; columns in any order.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from ingest.errors import UserError

FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r")
"""First characters by which a spreadsheet takes a cell for a formula (OWASP, CSV injection)."""
GUARD = "'"
DELIMITERS = (",", ";", "\t")


def to_csv(
    columns: Sequence[str], rows: Iterable[Mapping[str, object]], bom: bool = False
) -> bytes:
    """Rows as CSV bytes, every cell defused; `bom` for files that people open."""
    text = io.StringIO(newline="")
    writer = csv.writer(text, lineterminator="\r\n")  # RFC 4180
    writer.writerow(columns)
    for row in rows:
        writer.writerow([defuse(str(row.get(name, ""))) for name in columns])
    return text.getvalue().encode("utf-8-sig" if bom else "utf-8")


def from_csv(data: bytes, where: Path, required: Sequence[str]) -> list[dict[str, str]]:
    """Rows of a CSV that a spreadsheet may have rewritten; cells stripped, guards taken off.

    Column names are matched without regard to case; extra columns and empty rows stay out of the
    way (an empty row gives an empty dict, so that positions still tell the line).

    Raises:
        UserError: undecodable, or without a required column.
    """
    # A null byte cannot be meant: spreadsheets never write one, and csv refuses it.
    text = _decode(data, where).replace("\0", "")
    first, _, rest = text.partition("\n")
    if first.strip().lower().startswith("sep="):
        text = rest  # Excel's own note of its delimiter
    try:
        names, rows = _best_table(text, required)
    except csv.Error as error:
        raise UserError(
            f"{where} is not readable as CSV ({error}): save it as CSV again"
        ) from error
    missing = [name for name in required if name not in names]
    if missing:
        raise UserError(
            f"{where}: column {', '.join(missing)} missing, got {names or 'nothing'}: give the "
            "file that `python -m labeling review export` wrote, with its header row"
        )
    return [
        {
            name: restore(cell.strip())
            for name, cell in zip(names, row, strict=False)
            if name and cell.strip()
        }
        for row in rows
    ]


def defuse(cell: str) -> str:
    """The cell with a guard before anything that a spreadsheet would run; `restore` undoes it."""
    return GUARD + cell if cell.lstrip(" ").startswith((*FORMULA_STARTS, GUARD)) else cell


def restore(cell: str) -> str:
    """Undo `defuse`; also right where the spreadsheet took the guard off already."""
    guarded = cell.startswith(GUARD) and cell[1:].lstrip(" ").startswith((*FORMULA_STARTS, GUARD))
    return cell[1:] if guarded else cell


def _decode(data: bytes, where: Path) -> str:
    encodings = ["utf-8-sig", "cp1252"]
    if data.startswith((b"\xff\xfe", b"\xfe\xff")):
        encodings = ["utf-16"]
    for encoding in encodings:
        try:
            return data.decode(encoding)
        except UnicodeDecodeError:
            continue
    raise UserError(f"{where}: neither UTF-8 nor UTF-16 nor cp1252: save it as CSV UTF-8")


def _best_table(text: str, required: Sequence[str]) -> tuple[list[str], list[list[str]]]:
    """Header and rows by the delimiter that finds most of the required columns."""
    best: tuple[int, list[str], list[list[str]]] = (-1, [], [])
    for delimiter in DELIMITERS:
        table = list(csv.reader(io.StringIO(text, newline=""), delimiter=delimiter))
        names = [cell.strip().lower() for cell in table[0]] if table else []
        found = sum(name in names for name in required)
        if found > best[0]:
            best = (found, names, table[1:])
    return best[1], best[2]
