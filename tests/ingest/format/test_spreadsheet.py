"""CSV round trips through the changes that spreadsheet programs make."""

from __future__ import annotations

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ingest.conventions.errors import UserError
from ingest.format.spreadsheet import (
    FORMULA_STARTS,
    escape_formulas,
    from_csv,
    to_csv,
    unescape_formulas,
)

COLUMNS = ("pair_id", "corrected", "note")
WHERE = Path("review.csv")
characters = st.characters(codec="utf-8", exclude_characters="\0")
cells = st.text(characters, max_size=30).map(str.strip)


def mangle(data: bytes, delimiter: str, encoding: str, reverse: bool, extra: bool) -> bytes:
    """The CSV as a spreadsheet program saves it."""
    rows = list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))
    names = list(reversed(COLUMNS)) if reverse else list(COLUMNS)
    names = ["Unnamed", *names] if extra else names
    text = io.StringIO(newline="")
    writer = csv.DictWriter(text, names, delimiter=delimiter, lineterminator="\r\n")
    writer.writeheader()
    writer.writerows({**row, "Unnamed": "x"} if extra else row for row in rows)
    return text.getvalue().encode(encoding, errors="ignore")


@given(
    st.lists(st.fixed_dictionaries(dict.fromkeys(COLUMNS, cells)), max_size=5),
    st.sampled_from([",", ";", "\t"]),
    st.sampled_from(["utf-8", "utf-8-sig", "utf-16"]),
    st.booleans(),
    st.booleans(),
)
def test_round_trip(
    rows: list[dict[str, str]], delimiter: str, encoding: str, reverse: bool, extra: bool
) -> None:
    back = mangle(to_csv(COLUMNS, rows, bom=True), delimiter, encoding, reverse, extra)
    found = from_csv(back, WHERE, COLUMNS)
    kept = [{name: row.get(name, "") for name in COLUMNS} for row in found]
    assert kept == rows


@given(st.text(characters))
def test_no_cell_is_a_formula(text: str) -> None:
    assert not escape_formulas(text).lstrip(" ").startswith(FORMULA_STARTS)
    assert unescape_formulas(escape_formulas(text)) == text


def test_csv_of_german_excel() -> None:
    data = "pair_id;corrected;note\r\nv-k1;Büsche;schön\r\n".encode("cp1252")
    assert from_csv(data, WHERE, COLUMNS) == [
        {"pair_id": "v-k1", "corrected": "Büsche", "note": "schön"}
    ]


def test_separator_line_and_blank_rows_of_excel() -> None:
    data = b"sep=;\r\nPAIR_ID ;corrected;note\r\n;;\r\nv-k1;sky;\r\n"
    assert from_csv(data, WHERE, COLUMNS) == [{}, {"pair_id": "v-k1", "corrected": "sky"}]


def test_a_formula_without_its_escape_is_kept() -> None:
    assert unescape_formulas("=1+1") == "=1+1"


@pytest.mark.parametrize("data", [b"", b"a,b\n1,2\n", b"pair_id,note\nx,y\n"])
def test_missing_column_is_named(data: bytes) -> None:
    with pytest.raises(UserError, match=r"review\.csv: column .*corrected.* missing"):
        from_csv(data, WHERE, COLUMNS)


def test_binary_data_is_refused() -> None:
    with pytest.raises(UserError):
        from_csv(bytes(range(256)), WHERE, COLUMNS)
