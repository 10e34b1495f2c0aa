"""What `review import` prints: a line a row that matters, the conflicts, and the sums."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from ingest.conventions.atomic import write_bytes
from ingest.conventions.cli import write_result
from ingest.format.dataset import Dataset
from labeling.review.import_sheet import ImportReport, import_review, left_csv
from labeling.review.rows import DONE


def run_import(
    root: Path,
    files: Sequence[Path],
    reviewers: Sequence[str],
    overrule: bool,
    left: Path | None,
    encoding: str | None,
    json: Path | None,
) -> bool:
    """Import files and print what became of them; whether every row is in the log or needs none.

    Args:
        left: where the rows that could not be applied go, to be corrected and imported again.
        json: where the whole report goes.
    """
    report = import_review(Dataset.existing(root), files, reviewers, overrule, encoding)
    for line in lines(report, name_files=len(files) > 1):
        print(line)
    if report.counts["applied"]:
        print(f"now rebuild the shards: python -m labeling shards {root}")
    if left is not None and report.left:
        write_bytes(left, left_csv(report))
        print(f"{len(report.left)} rows that were not applied are in {left}")
    write_result(json, {"counts": report.counts, "rows": [asdict(row) for row in report.rows]})
    return all(row.status in DONE for row in report.rows)


def lines(report: ImportReport, name_files: bool) -> list[str]:
    """The report for people; rows in which nothing was entered are only counted."""
    found = [
        f"{file}: read as {encoding}; are names with accents right? If not, give --encoding"
        for file, encoding in report.encodings.items()
        if not encoding.startswith("utf")
    ]
    for row in report.rows:
        if row.detail != "nothing entered":
            where = f"{row.file} line {row.line}" if name_files else f"line {row.line}"
            found.append(f"{where} {row.pair_id}: {row.status}: {row.detail}")
    if report.conflicts:
        found.append(f"{len(report.conflicts)} pairs on which people do not agree:")
        found += [f"  {pair_id}" for pair_id in report.conflicts]
    sums = ", ".join(f"{number} {status}" for status, number in report.counts.items())
    return [*found, f"review: {sums}"]
