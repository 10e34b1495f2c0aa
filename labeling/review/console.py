"""Runs `review import` and prints its report: noteworthy rows, conflicts, and counts by status."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ingest.conventions.atomic import write_bytes
from ingest.conventions.cli import write_result
from ingest.format.dataset import Dataset
from labeling.instructions.normalisation import MAX_WORDS
from labeling.review.rows import RESOLVED_STATUSES
from labeling.review.spreadsheet_import import (
    ImportOptions,
    ImportReport,
    import_review,
    unapplied_csv,
)


def run_import(
    root: Path,
    files: Sequence[Path],
    reviewers: Sequence[str],
    options: ImportOptions,
    json: Path | None,
) -> bool:
    """Import files and print the status of their rows.

    Args:
        json: file to write the whole report to.

    Returns:
        True if every row was applied or changes nothing.
    """
    report = import_review(Dataset.existing(root), files, reviewers, options)
    for line in report_lines(report, with_file_names=len(files) > 1):
        print(line)
    left = options.left
    if options.dry_run:
        print("nothing was written: this was a dry run")
    elif report.counts["applied"]:
        print(f"now rebuild the shards: python -m labeling shards {root}")
    if left is not None and report.unapplied and not options.dry_run:
        write_bytes(left, unapplied_csv(report))
        print(f"{len(report.unapplied)} rows that were not applied are in {left}")
    write_result(json, {"counts": report.counts, "rows": [asdict(row) for row in report.rows]})
    return all(row.status in RESOLVED_STATUSES for row in report.rows)


def report_lines(report: ImportReport, with_file_names: bool) -> list[str]:
    """The report as lines of text; rows in which nothing was entered are only counted."""
    lines = [
        f"{file}: read as {encoding}; are names with accents right? If not, give --encoding"
        for file, encoding in report.encodings.items()
        if not encoding.startswith("utf")
    ]
    for row in report.rows:
        if row.detail != "nothing entered":
            where = f"{row.file} line {row.line}" if with_file_names else f"line {row.line}"
            lines.append(f"{where} {row.pair_id}: {row.status}: {row.detail}")
    if report.conflicts:
        lines.append(f"{len(report.conflicts)} pairs on which people do not agree:")
        lines += [f"  {pair_id}" for pair_id in report.conflicts]
    num_shortened = sum(bool(row.left_out) and row.status == "applied" for row in report.rows)
    if num_shortened:
        lines.append(
            f"{num_shortened} labels were typed with words that are left out (see above): a label "
            f"has at most {MAX_WORDS} words, those of the vocabulary first"
        )
    counts = ", ".join(f"{number} {status}" for status, number in report.counts.items())
    return [*lines, f"review: {counts}"]
