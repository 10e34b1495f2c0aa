"""Imports corrections from reviewers' CSV files into the log.

Every row is evaluated and reported. All applicable rows are written together. Rows that contradict
each other are all reported, and none of them is written.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from labeling.corrections.corrections import (
    Correction,
    append_corrections,
    effective_corrections,
    latest_by_reviewer,
    locked_log,
    read_corrections,
)
from labeling.corrections.spreadsheet import parse_table, to_csv
from labeling.instructions.table import Instruction, read_table
from labeling.pairs import read_pairs
from labeling.review.rows import (
    RESOLVED_STATUSES,
    STATUSES,
    PairState,
    Status,
    describe_correction,
    evaluate_row,
)

REQUIRED = ("pair_id", "content_hash", "machine_label", "corrected", "verdict")
"""Columns that an imported file must have."""


@dataclass(frozen=True)
class RowReport:
    """The status of one row of an imported file."""

    file: str
    line: int
    """Line of the CSV as spreadsheets count lines; the header is line 1."""
    pair_id: str
    status: Status
    detail: str


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
class _Row:
    """A row of a file with the result of `evaluate_row`."""

    file: str
    line: int
    cells: dict[str, str]
    result: Correction | tuple[Status, str]


def import_review(
    dataset: Dataset,
    files: Path | Sequence[Path],
    reviewer: str | Sequence[str] = "",
    overrule: bool = False,
    encoding: str | None = None,
) -> ImportReport:
    """Import corrections from CSV files into the log.

    Args:
        reviewer: name for rows whose reviewer cell is empty; one for all files or one per file.
        overrule: these files win over other reviewers, and later rows over earlier ones.
        encoding: encoding of files that are not Unicode.

    Raises:
        UserError: a file cannot be parsed; nothing is written then.
    """
    files = [files] if isinstance(files, Path) else list(files)
    names = [reviewer] * len(files) if isinstance(reviewer, str) else list(reviewer)
    if len(names) == 1:
        names *= len(files)
    if len(names) != len(files):
        raise UserError(f"{len(names)} reviewers for {len(files)} files: give one, or one a file")
    tables = [parse_table(_bytes_of(file), file, REQUIRED, encoding) for file in files]
    pair_ids = {row.get("pair_id", "") for table in tables for row in table.rows}
    known = _pair_states(dataset, pair_ids)
    evaluated = [
        _Row(str(file), line, row, evaluate_row(row, known.get(row.get("pair_id", "")), name))
        for file, table, name in zip(files, tables, names, strict=True)
        for line, row in enumerate(table.rows, start=table.first_line)
        if row
    ]
    with locked_log(dataset):
        log = read_corrections(dataset)
        results, applied = _merge(evaluated, effective_corrections(log), overrule)
        append_corrections(dataset, _new_corrections(applied, latest_by_reviewer(log)))
    reports = [
        RowReport(row.file, row.line, row.cells.get("pair_id", ""), *result)
        for row, result in zip(evaluated, results, strict=True)
    ]
    unapplied = [
        row.cells | {"status": status, "detail": detail}
        for row, (status, detail) in zip(evaluated, results, strict=True)
        if status not in RESOLVED_STATUSES
    ]
    encodings = {str(f): t.encoding for f, t in zip(files, tables, strict=True)}
    return ImportReport(reports, encodings, unapplied)


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{file} is no file: give a CSV from `review export`") from None


def unapplied_csv(report: ImportReport) -> bytes:
    """The rows that were not applied, as a CSV to correct and import again."""
    columns = dict.fromkeys(name for row in report.unapplied for name in row)
    return to_csv(list(columns), report.unapplied, bom=True)


def _merge(
    rows: Sequence[_Row], decided: dict[tuple[str, str], Correction], overrule: bool
) -> tuple[list[tuple[Status, str]], list[Correction]]:
    """Compare the rows with each other and with the log.

    Args:
        decided: the corrections in force.

    Returns:
        The status of every row, and the corrections that are applied or confirmed, in row order.
    """
    by_pair: dict[str, list[tuple[int, Correction]]] = defaultdict(list)
    results: list[tuple[Status, str]] = []
    for number, row in enumerate(rows):
        if isinstance(row.result, Correction):
            known = decided.get((row.result.pair_id, row.result.content_hash))
            # A spreadsheet has no masks: the painted mask in force is kept.
            mask = (
                known.mask_sha256 if known and row.result.verdict in ("accept", "correct") else ""
            )
            by_pair[row.result.pair_id].append((number, replace(row.result, mask_sha256=mask)))
            results.append(("unchanged", ""))
        else:
            results.append(row.result)
    applied: dict[int, Correction] = {}
    for corrections in by_pair.values():
        for number, result in _resolve_pair(rows, corrections, decided, overrule).items():
            results[number] = result
        applied.update({n: c for n, c in corrections if results[n][0] in RESOLVED_STATUSES})
    return results, [applied[number] for number in sorted(applied)]


def _resolve_pair(
    rows: Sequence[_Row],
    corrections: Sequence[tuple[int, Correction]],
    decided: dict[tuple[str, str], Correction],
    overrule: bool,
) -> dict[int, tuple[Status, str]]:
    """The status of all rows about one pair, by their number.

    Args:
        corrections: number and correction of each of these rows.
    """
    (first, chosen), (last, latest) = corrections[0], corrections[-1]
    all_agree = all(correction.agrees_with(chosen) for _, correction in corrections)
    if not all_agree and not overrule:
        return {
            number: ("conflicting", _other_rows(rows, correction, corrections))
            for number, correction in corrections
        }
    number, chosen = (first, chosen) if all_agree else (last, latest)
    result = _compare_with_log(chosen, decided.get((chosen.pair_id, chosen.content_hash)), overrule)
    if result[0] not in RESOLVED_STATUSES:
        return {other: result for other, _ in corrections}
    where = f"{rows[number].file} line {rows[number].line} decides about this pair"
    return {other: result if other == number else ("unchanged", where) for other, _ in corrections}


def _new_corrections(
    corrections: Iterable[Correction], people: dict[tuple[str, str], dict[str, Correction]]
) -> list[Correction]:
    """The corrections that the log lacks: new ones, new notes, and confirmations by others.

    Args:
        people: each reviewer's last correction of each pair; is updated.
    """
    new = []
    for ours in corrections:
        others = people.setdefault((ours.pair_id, ours.content_hash), {})
        previous = others.pop(ours.reviewer, None)
        if ours.verdict == "withdraw":
            if previous or others:
                new.append(ours)
            continue
        if (
            previous is None
            or not ours.agrees_with(previous)
            or ours.note not in ("", previous.note)
        ):
            new.append(ours)
            previous = ours
        others[ours.reviewer] = previous
    return new


def _compare_with_log(
    ours: Correction, known: Correction | None, overrule: bool
) -> tuple[Status, str]:
    """The status of a correction, given the one in force for its pair."""
    if known is None:
        if ours.verdict == "withdraw":
            return "unchanged", "nothing was said about this pair"
        return "applied", describe_correction(ours)
    if ours.agrees_with(known):
        if known.reviewer == ours.reviewer and ours.note not in ("", known.note):
            return "applied", f"{describe_correction(ours)} as before, with a note"
        by = "said so before" if known.reviewer == ours.reviewer else "said so, now confirmed"
        return "unchanged", f"{known.reviewer} {by}"
    if known.reviewer != ours.reviewer and not overrule:
        return "conflicting", f"{known.reviewer} said {describe_correction(known)} (see --overrule)"
    return "applied", f"{describe_correction(ours)}, before: {describe_correction(known)}"


def _other_rows(
    rows: Sequence[_Row], ours: Correction, corrections: Iterable[tuple[int, Correction]]
) -> str:
    """A sentence that names the rows which disagree with a correction."""
    others = [
        f"{correction.reviewer} says {describe_correction(correction)} in {rows[number].file} line "
        f"{rows[number].line}"
        for number, correction in corrections
        if not correction.agrees_with(ours)
    ]
    return "; ".join(others) + ": keep one of them"


def _pair_states(dataset: Dataset, pair_ids: Iterable[str]) -> dict[str, PairState]:
    """Labels and current content hashes of these pairs, by pair id."""
    table: dict[str, Instruction] = read_table(dataset)
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
