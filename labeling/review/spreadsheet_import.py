"""Imports corrections from reviewers' CSV files into the log.

Every row is evaluated and reported. All applicable rows are written together. Rows that contradict
each other are all reported, and none of them is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.spreadsheet import Table, parse_table, to_csv
from labeling.corrections.corrections import (
    Correction,
    append_corrections,
    effective_corrections,
    latest_by_reviewer,
    locked_log,
    read_corrections,
)
from labeling.instructions.normalisation import read_instruction
from labeling.instructions.table import Instruction, read_table
from labeling.pairs import read_pairs
from labeling.review.row_merging import EvaluatedRow, merge_rows, new_corrections
from labeling.review.rows import RESOLVED_STATUSES, STATUSES, PairState, Status, evaluate_row
from labeling.review.spreadsheet_export import COLUMNS
from labeling.review.typed_entries import protect_sheet

REQUIRED = ("pair_id", "content_hash", "machine_label", "corrected", "verdict")
"""Columns that an imported file must have."""
LEFT_COLUMNS = ("status", "detail")
"""Columns that `unapplied_csv` adds."""


@dataclass(frozen=True)
class RowReport:
    """The status of one row of an imported file."""

    file: str
    line: int
    """Line of the CSV as spreadsheets count lines; the header is line 1."""
    pair_id: str
    status: Status
    detail: str
    stored: str = ""
    """The instruction that training gets; empty without one."""
    left_out: tuple[str, ...] = ()
    """Words that were typed and are not in it."""


@dataclass(frozen=True)
class ImportReport:
    """The status of all rows, in the order of files and lines."""

    rows: list[RowReport]
    encodings: dict[str, str]
    """Encoding of each file, by path; `utf-8-sig` is UTF-8."""
    unapplied: list[dict[str, str]] = field(default_factory=list)
    """The cells of rows that were not applied, with ``status`` and ``detail``."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status, in the order of `Status`."""
        return {status: sum(row.status == status for row in self.rows) for status in STATUSES}

    @property
    def conflicts(self) -> dict[str, list[RowReport]]:
        """The conflicting rows by pair id."""
        conflicts: dict[str, list[RowReport]] = defaultdict(list)
        for row in self.rows:
            if row.status == "conflicting":
                conflicts[row.pair_id].append(row)
        return dict(conflicts)


@dataclass(frozen=True)
class ImportOptions:
    """How an import treats its rows."""

    overrule: bool = False
    """These files win over other reviewers, and later rows over earlier ones."""
    encoding: str | None = None
    """Encoding of files that are not Unicode."""
    new_words: bool = False
    """Take words that are neither in the vocabulary nor in any label of the dataset."""
    left: Path | None = None
    """A file that the rows which are not applied will be written to."""
    dry_run: bool = False
    """Evaluate the rows, and write nothing."""


def import_review(
    dataset: Dataset,
    files: Path | Sequence[Path],
    reviewer: str | Sequence[str] = "",
    options: ImportOptions | None = None,
) -> ImportReport:
    """Import corrections from CSV files into the log.

    Args:
        reviewer: name for rows whose reviewer cell is empty; one for all files or one per file.

    Raises:
        UserError: a file cannot be parsed, or `options.left` holds what people typed; nothing is
            written then.
    """
    options = options or ImportOptions()
    files = [files] if isinstance(files, Path) else list(files)
    names = _reviewers([reviewer] if isinstance(reviewer, str) else list(reviewer), files)
    tables = [parse_table(_bytes_of(file), file, REQUIRED, options.encoding) for file in files]
    if options.left is not None:
        rows = [row for table in tables for row in table.rows]
        protect_sheet(dataset, options.left, (*COLUMNS, *LEFT_COLUMNS), rows)
    evaluated = _evaluate(dataset, files, tables, names, options.new_words)
    with locked_log(dataset):
        log = read_corrections(dataset)
        results, applied = merge_rows(evaluated, effective_corrections(log), options.overrule)
        if not options.dry_run:
            append_corrections(dataset, new_corrections(applied, latest_by_reviewer(log)))
    reports = [
        _report(row, status, detail)
        for row, (status, detail) in zip(evaluated, results, strict=True)
    ]
    unapplied = [
        row.cells | {"status": status, "detail": detail}
        for row, (status, detail) in zip(evaluated, results, strict=True)
        if status not in RESOLVED_STATUSES
    ]
    encodings = {str(f): t.encoding for f, t in zip(files, tables, strict=True)}
    return ImportReport(reports, encodings, unapplied)


def _reviewers(names: list[str], files: Sequence[Path]) -> list[str]:
    """A name for each file. Raises UserError."""
    if len(names) not in (1, len(files)):
        raise UserError(f"{len(names)} reviewers for {len(files)} files: give one, or one a file")
    return names * len(files) if len(names) == 1 else names


def _evaluate(
    dataset: Dataset,
    files: Sequence[Path],
    tables: Sequence[Table],
    names: Sequence[str],
    new_words: bool,
) -> list[EvaluatedRow]:
    """Evaluate the rows that are not empty, in the order of files and lines."""
    labels = read_table(dataset)
    known = _pair_states(dataset, labels, {r.get("pair_id", "") for t in tables for r in t.rows})
    words = {word for label in labels.values() for word in label.text.split(", ")}
    return [
        EvaluatedRow(
            str(file),
            line,
            row,
            evaluate_row(
                row, known.get(row.get("pair_id", "")), name, None if new_words else words
            ),
        )
        for file, table, name in zip(files, tables, names, strict=True)
        for line, row in enumerate(table.rows, start=table.first_line)
        if row
    ]


def _report(row: EvaluatedRow, status: Status, detail: str) -> RowReport:
    pair_id = row.cells.get("pair_id", "")
    if not isinstance(row.result, Correction):
        return RowReport(row.file, row.line, pair_id, status, detail)
    reading = read_instruction(row.result.instruction)
    return RowReport(row.file, row.line, pair_id, status, detail, reading.text, reading.left_out)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{file} is no file: give a CSV from `review export`") from None


def unapplied_csv(report: ImportReport) -> bytes:
    """The rows that were not applied, as a CSV to correct and import again."""
    # Empty cells are not in the rows, but the import needs their columns.
    columns = dict.fromkeys([*COLUMNS, *(name for row in report.unapplied for name in row)])
    return to_csv(list(columns), report.unapplied, bom=True)


def _pair_states(
    dataset: Dataset, table: dict[str, Instruction], pair_ids: Iterable[str]
) -> dict[str, PairState]:
    """Labels and current content hashes of these pairs, by pair id."""
    labels = {pair_id: table[pair_id] for pair_id in pair_ids if pair_id in table}
    videos = sorted({label.video_id for label in labels.values()})
    contents = {
        pair.pair_id: pair.content_hash
        for video_id in videos
        if dataset.outcome_json(video_id).is_file()
        for pair in read_pairs(dataset, video_id)[1]
    }
    return {
        pair_id: PairState(label, contents.get(pair_id, "")) for pair_id, label in labels.items()
    }
