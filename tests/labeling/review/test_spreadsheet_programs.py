"""Export, rewriting by spreadsheet programs, and import lose no correction.

The programs are simulated. ``REVIEW_CASES=10000 python -m pytest
tests/labeling/review/test_spreadsheet_programs.py`` runs as many cases as docs/results.md reports;
by default a few hundred run.
"""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pandas
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.corrections.corrections import effective_corrections, read_corrections
from labeling.instructions.normalisation import normalise
from labeling.review.rows import RESOLVED_STATUSES
from labeling.review.spreadsheet_export import ReviewConfig, export_review
from labeling.review.spreadsheet_import import ImportOptions, import_review, unapplied_csv

CASES = int(os.environ.get("REVIEW_CASES", "150"))
LABELS = ("true", "1e5", "007", "may 1", "sky, cloud", "", "bush", "3 4")
"""Machine labels; spreadsheets rewrite the first four."""
REWRITTEN = {"true": "TRUE", "1e5": "1.00E+05", "007": "7", "may 1": "01-May", "3 4": "03. Apr"}
TYPED = ("corrected", "verdict", "note")
ANY_WORDS = ImportOptions(new_words=True)


@dataclass(frozen=True)
class Program:
    """How a spreadsheet program writes CSV."""

    name: str
    delimiter: str = ","
    encoding: str = "utf-8"
    line_end: str = "\r\n"
    quotes: int = csv.QUOTE_MINIMAL
    takes_apostrophes: bool = False
    decimal: str = "."
    first_line: str = ""


PROGRAMS = (
    Program("Excel, CSV UTF-8", encoding="utf-8-sig"),
    Program("Excel, CSV", encoding="cp1252"),
    Program("Excel in German, CSV", ";", "cp1252", decimal=","),
    Program("Excel in German, CSV UTF-8", ";", "utf-8-sig", decimal=","),
    Program("Excel, Unicode text", "\t", "utf-16"),
    Program("Excel, sep line", ";", "utf-8-sig", first_line="sep=;"),
    Program("Excel for Mac, CSV (Macintosh)", ",", "mac-roman", "\r"),
    Program("LibreOffice", line_end="\n"),
    Program("LibreOffice, all quoted", ";", line_end="\n", quotes=csv.QUOTE_ALL),
    Program("LibreOffice, tabs", "\t", line_end="\n"),
    Program("Numbers", first_line="review"),
    Program("Google Sheets", takes_apostrophes=True),
    Program("an editor, UTF-16 without mark", ",", "utf-16-le"),
)

texts = st.one_of(
    st.sampled_from(
        ["sky", "Bäume", "castle, moat", "true", "=1+1", "-wall", "'quoted'", "a;=b", "…"]
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=16),
)
edits = st.fixed_dictionaries(
    {"corrected": texts, "verdict": st.sampled_from(["", "", "OK", "Reject", "accepted", "maybe"]),
     "note": texts}
)  # fmt: skip


def is_mac(program: Program) -> bool:
    return program.encoding == "mac-roman"


def as_saved(text: str, program: Program) -> str:
    """A typed cell as the program saves it; characters outside its encoding become ``?``."""
    text = text.replace("\r\n", "\n").replace("\r", "\n")
    text = text.replace("\n", " ") if is_mac(program) else text
    if program.takes_apostrophes:
        text = text.removeprefix("'")
    return text.encode(program.encoding, "replace").decode(program.encoding).strip("\ufeff")


def save(rows: list[dict[str, str]], program: Program, draw: st.DataObject) -> bytes:
    """The CSV that the program saves after rows and columns were reordered."""
    names = draw.draw(st.permutations(list(rows[0])), "columns")
    extra = draw.draw(st.sampled_from([[], ["Unnamed: 16"], ["", "my own"]]), "extra columns")
    rows = draw.draw(st.permutations(rows), "order of rows")
    text = io.StringIO(newline="")
    writer = csv.writer(
        text, delimiter=program.delimiter, lineterminator=program.line_end, quoting=program.quotes
    )
    if program.first_line:
        text.write(program.first_line + program.line_end)
    title = draw.draw(st.sampled_from([str, str.upper, str.title]), "case of the header")
    writer.writerow([title(name) for name in names] + extra)
    for row in rows:
        if draw.draw(st.integers(0, 9), "blank row above") == 0:
            writer.writerow([""] * len(names))
        writer.writerow([as_saved(row[name], program) for name in names] + ["mine"] * len(extra))
    for _ in range(draw.draw(st.integers(0, 3), "blank rows at the end")):
        writer.writerow([""] * (len(names) + len(extra)))
    return text.getvalue().encode(program.encoding, "replace")


def rewritten(row: dict[str, str], program: Program) -> dict[str, str]:
    """The row with numbers, dates and truth values as the program rewrites them."""
    number = re.compile(r"\d+\.\d+")
    return {
        name: f"{float(cell):g}".replace(".", program.decimal)
        if number.fullmatch(cell)
        else REWRITTEN.get(cell, cell)
        for name, cell in row.items()
    }


@pytest.fixture
def dataset(labeled_dataset: Callable[..., Dataset]) -> Dataset:
    dataset = labeled_dataset(2, 0)
    table = pandas.read_parquet(dataset.instructions_parquet)
    table["text"] = table["raw_text"] = list(LABELS)
    table.to_parquet(dataset.instructions_parquet)
    export_review(dataset, dataset.root / "review.csv", ReviewConfig())
    return dataset


@settings(
    max_examples=CASES, deadline=None, database=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)  # fmt: skip
@given(st.sampled_from(PROGRAMS), st.lists(edits, max_size=8), st.data())
def test_no_correction_is_lost(
    dataset: Dataset, program: Program, typed: list[dict[str, str]], data: st.DataObject
) -> None:
    dataset.corrections_csv.unlink(missing_ok=True)
    exported = (dataset.root / "review.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(exported, newline="")))
    edited = [rewritten(row, program) for row in rows]
    for row, cells in zip(edited, typed, strict=False):
        row |= cells
    back = dataset.root / "back.csv"
    back.write_bytes(save(edited, program, data))
    found = {r.pair_id: r for r in import_review(dataset, back, "Ann", ANY_WORDS).rows}
    assert set(found) == {row["pair_id"] for row in rows}, "every row is reported"
    log = {key[0]: c for key, c in effective_corrections(read_corrections(dataset)).items()}
    for row, before in zip(edited, rows, strict=True):
        check_row(found[row["pair_id"]].status, row, before["machine_label"], log, program)


def check_row(status: str, row: dict[str, str], label: str, log, program: Program) -> None:
    """The correction in a row is in the log, or the status says that it is not."""
    corrected, verdict, note = (as_saved(row[name], program).strip() for name in TYPED)
    said = log.get(row["pair_id"])
    if not (corrected or verdict or note):
        assert (status, said) == ("unchanged", None)
    elif status == "applied":
        meant = normalise(corrected) if corrected else label
        assert said.verdict == "reject" or normalise(said.instruction) == meant
        assert (said.verdict == "reject") == (verdict == "Reject")
        assert normalise(said.note) == normalise(note)
    else:
        assert status not in RESOLVED_STATUSES, "an entry is not dropped silently"
        is_clear = any(map(str.isalpha, normalise(corrected))) and not verdict
        assert not is_clear, f"{corrected!r} could have been applied"
        assert said is None


@given(st.binary(max_size=300))
@settings(max_examples=CASES, deadline=None)
def test_arbitrary_bytes_give_an_error(data: bytes) -> None:
    from ingest.format.spreadsheet import from_csv

    with pytest.raises(UserError, match=r"back\.csv"):
        from_csv(data, Path("back.csv"), ("pair_id", "corrected"))


def test_an_edited_machine_label_is_reported(dataset: Dataset) -> None:
    text = (dataset.root / "review.csv").read_text("utf-8-sig")
    (dataset.root / "back.csv").write_text(text.replace(",bush,", ",castle,"))
    wrong = [
        r
        for r in import_review(dataset, dataset.root / "back.csv", "Ann").rows
        if r.status == "invalid"
    ]
    assert len(wrong) == 1
    assert "machine_label was changed to 'castle'" in wrong[0].detail


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('pair_id,corrected\n"a,b\nc,d\n', "never closed"),
        ("pair_id,corrected,corrected\na,b,c\n", "corrected appears twice"),
        ("PK\x03\x04rest", "is a workbook"),
    ],
)
def test_ambiguous_files_are_refused(text: str, expected: str) -> None:
    from ingest.format.spreadsheet import from_csv

    with pytest.raises(UserError, match=expected):
        from_csv(text.encode(), Path("back.csv"), ("pair_id", "corrected"))


def test_two_reviewers_files_merge_and_their_conflicts_are_listed(dataset: Dataset) -> None:
    text = (dataset.root / "review.csv").read_text("utf-8-sig")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    files = [dataset.root / "ann.csv", dataset.root / "bob.csv"]
    for file, words in zip(
        files, (["castle", "boat", ""], ["castle", "ship", "moat"]), strict=True
    ):
        with file.open("w", newline="") as out:
            writer = csv.DictWriter(out, list(rows[0]))
            writer.writeheader()
            writer.writerows(row | {"corrected": w} for row, w in zip(rows, words, strict=False))
    report = import_review(dataset, files, ["Ann", "Bob"], ANY_WORDS)
    said = {(r.file[-7:-4], r.pair_id): r.status for r in report.rows}
    ids = [row["pair_id"] for row in rows[:3]]
    assert [said["ann", i] for i in ids] == ["applied", "applied", "unchanged"]
    assert [said["bob", i] for i in ids] == ["unchanged", "unchanged", "applied"]
    assert report.conflicts == {}, "boat and ship are one word"
    assert len(read_corrections(dataset)) == 5, "what Bob confirms is his decision as well"
    files[1].write_text(files[1].read_text().replace("moat", "wall").replace("ship", "tree"))
    report = import_review(dataset, files, ["Ann", "Bob"], ANY_WORDS)
    assert list(report.conflicts) == [ids[1]]
    assert len(report.conflicts[ids[1]]) == 2
    assert {row["status"] for row in report.unapplied} == {"conflicting"}
    assert b"conflicting" in unapplied_csv(report)


def test_one_file_twice_and_a_file_that_is_not_there(dataset: Dataset) -> None:
    file = dataset.root / "review.csv"
    report = import_review(dataset, [file, file], ["Ann", "Bob"])
    assert report.counts["unchanged"] == 16
    with pytest.raises(UserError, match=r"nowhere\.csv is no file"):
        import_review(dataset, [file, dataset.root / "nowhere.csv"], "Ann")
