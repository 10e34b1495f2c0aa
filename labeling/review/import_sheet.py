"""Corrections back from spreadsheets into the log.

Every row of every file is judged by itself and reported; what can be applied is written at once.
Rows that contradict each other are all listed and none of them is written.
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
    by_reviewer,
    in_force,
    locked_log,
    read_corrections,
)
from labeling.corrections.spreadsheet import read_table_of, to_csv
from labeling.instructions.table import Instruction, read_table
from labeling.pairs import read_pairs
from labeling.review.rows import DONE, STATUSES, Known, Status, in_words, judge_row

REQUIRED = ("pair_id", "content_hash", "machine_label", "corrected", "verdict")


@dataclass(frozen=True)
class RowReport:
    """What became of one row of an imported file."""

    file: str
    line: int
    """Line of the CSV as a spreadsheet counts them; the header is line 1."""
    pair_id: str
    status: Status
    detail: str


@dataclass(frozen=True)
class ImportReport:
    """What became of all rows, in the order of files and lines."""

    rows: list[RowReport]
    encodings: dict[str, str]
    """How each file's bytes were read; `utf-8-sig` is UTF-8."""
    left: list[dict[str, str]] = field(default_factory=list)
    """The cells of rows that could not be applied, with ``status`` and ``detail``."""

    @property
    def counts(self) -> dict[str, int]:
        """Number of rows by status, in the order of `Status`."""
        return {status: sum(row.status == status for row in self.rows) for status in STATUSES}

    @property
    def conflicts(self) -> dict[str, list[RowReport]]:
        """The conflicting rows by pair."""
        found: dict[str, list[RowReport]] = defaultdict(list)
        for row in self.rows:
            if row.status == "conflicting":
                found[row.pair_id].append(row)
        return dict(found)


@dataclass(frozen=True)
class _Row:
    """A row of a file, and the decision in it or its status."""

    file: str
    line: int
    cells: dict[str, str]
    judged: Correction | tuple[Status, str]


def import_review(
    dataset: Dataset,
    files: Path | Sequence[Path],
    reviewer: str | Sequence[str] = "",
    overrule: bool = False,
    encoding: str | None = None,
) -> ImportReport:
    """Take decisions from CSVs into the log, all at once.

    Args:
        reviewer: name for rows whose reviewer cell is empty; one for all files or one each.
        overrule: let these files win over what other reviewers said, later rows over earlier ones.
        encoding: how the files' bytes are to be read, where they are not Unicode.

    Raises:
        UserError: a file as a whole cannot be read; nothing is written then.
    """
    files = [files] if isinstance(files, Path) else list(files)
    names = [reviewer] * len(files) if isinstance(reviewer, str) else list(reviewer)
    if len(names) == 1:
        names *= len(files)
    if len(names) != len(files):
        raise UserError(f"{len(names)} reviewers for {len(files)} files: give one, or one a file")
    tables = [read_table_of(_bytes_of(file), file, REQUIRED, encoding) for file in files]
    wanted = {row.get("pair_id", "") for table in tables for row in table.rows}
    known = _known(dataset, wanted)
    judged = [
        _Row(str(file), line, row, judge_row(row, known.get(row.get("pair_id", "")), name))
        for file, table, name in zip(files, tables, names, strict=True)
        for line, row in enumerate(table.rows, start=table.first_line)
        if row
    ]
    with locked_log(dataset):
        log = read_corrections(dataset)
        results, new = _merge(judged, in_force(log), overrule)
        append_corrections(dataset, _what_is_new(new, by_reviewer(log)))
    reports = [
        RowReport(row.file, row.line, row.cells.get("pair_id", ""), *result)
        for row, result in zip(judged, results, strict=True)
    ]
    left = [
        row.cells | {"status": status, "detail": detail}
        for row, (status, detail) in zip(judged, results, strict=True)
        if status not in DONE
    ]
    return ImportReport(
        reports, {str(f): t.encoding for f, t in zip(files, tables, strict=True)}, left
    )


def _bytes_of(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except (FileNotFoundError, IsADirectoryError):
        raise UserError(f"{file} is no file: give a CSV from `review export`") from None


def left_csv(report: ImportReport) -> bytes:
    """The rows that could not be applied, as a CSV to correct and import again."""
    columns = dict.fromkeys(name for row in report.left for name in row)
    return to_csv(list(columns), report.left, bom=True)


def _merge(
    rows: Sequence[_Row], decided: dict[tuple[str, str], Correction], overrule: bool
) -> tuple[list[tuple[Status, str]], list[Correction]]:
    """The status of every row, and the decisions that enter the log, in the rows' order."""
    said: dict[str, list[tuple[int, Correction]]] = defaultdict(list)
    results: list[tuple[Status, str]] = []
    for number, row in enumerate(rows):
        if isinstance(row.judged, Correction):
            known = decided.get((row.judged.pair_id, row.judged.content_hash))
            # A spreadsheet says nothing about masks: the one in force stays.
            mask = (
                known.mask_sha256 if known and row.judged.verdict in ("accept", "correct") else ""
            )
            said[row.judged.pair_id].append((number, replace(row.judged, mask_sha256=mask)))
            results.append(("unchanged", ""))
        else:
            results.append(row.judged)
    new: dict[int, Correction] = {}
    for decisions in said.values():
        for number, result in _judge_together(rows, decisions, decided, overrule).items():
            results[number] = result
        new.update({n: ours for n, ours in decisions if results[n][0] in DONE})
    return results, [new[number] for number in sorted(new)]


def _judge_together(
    rows: Sequence[_Row],
    decisions: Sequence[tuple[int, Correction]],
    decided: dict[tuple[str, str], Correction],
    overrule: bool,
) -> dict[int, tuple[Status, str]]:
    """The status of all rows about one pair, by their number."""
    (first, chosen), (last, latest) = decisions[0], decisions[-1]
    is_one = all(ours.says_the_same(chosen) for _, ours in decisions)
    if not is_one and not overrule:
        return {
            number: ("conflicting", _other_rows(rows, ours, decisions))
            for number, ours in decisions
        }
    number, chosen = (first, chosen) if is_one else (last, latest)
    result = _against_log(chosen, decided.get((chosen.pair_id, chosen.content_hash)), overrule)
    if result[0] not in DONE:
        return {other: result for other, _ in decisions}
    where = f"{rows[number].file} line {rows[number].line} decides about this pair"
    return {other: result if other == number else ("unchanged", where) for other, _ in decisions}


def _what_is_new(
    decisions: Iterable[Correction], people: dict[tuple[str, str], dict[str, Correction]]
) -> list[Correction]:
    """What the log lacks: a decision, a note, or that another person says so as well."""
    new = []
    for ours in decisions:
        said = people.setdefault((ours.pair_id, ours.content_hash), {})
        mine = said.pop(ours.reviewer, None)
        if ours.verdict == "withdraw":
            if mine or said:
                new.append(ours)
            continue
        if mine is None or not ours.says_the_same(mine) or ours.note not in ("", mine.note):
            new.append(ours)
            mine = ours
        said[ours.reviewer] = mine
    return new


def _against_log(ours: Correction, known: Correction | None, overrule: bool) -> tuple[Status, str]:
    """Whether a decision enters the log, given what holds there now."""
    if known is None:
        if ours.verdict == "withdraw":
            return "unchanged", "nothing was said about this pair"
        return "applied", in_words(ours)
    if ours.says_the_same(known):
        if known.reviewer == ours.reviewer and ours.note not in ("", known.note):
            return "applied", f"{in_words(ours)} as before, with a note"
        by = "said so before" if known.reviewer == ours.reviewer else "said so, now confirmed"
        return "unchanged", f"{known.reviewer} {by}"
    if known.reviewer != ours.reviewer and not overrule:
        return "conflicting", f"{known.reviewer} said {in_words(known)} (see --overrule)"
    return "applied", f"{in_words(ours)}, before: {in_words(known)}"


def _other_rows(
    rows: Sequence[_Row], ours: Correction, decisions: Iterable[tuple[int, Correction]]
) -> str:
    said = [
        f"{correction.reviewer} says {in_words(correction)} in {rows[number].file} line "
        f"{rows[number].line}"
        for number, correction in decisions
        if not correction.says_the_same(ours)
    ]
    return "; ".join(said) + ": keep one of them"


def _known(dataset: Dataset, wanted: Iterable[str]) -> dict[str, Known]:
    """Label and content of the pairs that files name, from the keyframes as they are now."""
    table: dict[str, Instruction] = read_table(dataset)
    labels = {pair_id: table[pair_id] for pair_id in wanted if pair_id in table}
    videos = sorted({label.video_id for label in labels.values()})
    contents = {
        pair.pair_id: pair.content_hash
        for video_id in videos
        if dataset.outcome_json(video_id).is_file()
        for pair in read_pairs(dataset, video_id)[1]
    }
    return {pair_id: Known(label, contents.get(pair_id, "")) for pair_id, label in labels.items()}
