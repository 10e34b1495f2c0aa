"""Keeps a command from writing over a sheet in which people typed what is not in the log yet."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.spreadsheet import Table, parse_table
from labeling.corrections.corrections import Correction, effective_corrections, read_corrections
from labeling.instructions.normalisation import normalise
from labeling.review.rows import VERDICTS

KEY_COLUMNS = ("pair_id", "content_hash", "machine_label", "corrected", "verdict")
"""Columns by which a file is known as a review sheet."""


def protect_sheet(
    dataset: Dataset,
    file: Path,
    columns: Sequence[str],
    replaced_by: Sequence[Mapping[str, str]] = (),
) -> None:
    """Check that nothing that a person typed is lost when `file` is written anew.

    Args:
        columns: columns that the command fills; what stands in others was typed.
        replaced_by: rows that the command has read and takes care of.

    Raises:
        UserError: the file is no review sheet, or holds entries that are neither in the log nor in
            `replaced_by`.
    """
    if not file.exists():
        return
    table = _read_sheet(file)
    log = read_corrections(dataset)
    known = {_typed(row, columns) for row in replaced_by}
    decided = effective_corrections(log)
    said: dict[tuple[str, str], list[Correction]] = defaultdict(list)
    for correction in log:
        said[correction.pair_id, correction.content_hash].append(correction)
    num_entries, own_columns = 0, set[str]()
    for row in table.rows:
        if _typed(row, columns) in known:
            continue
        key = (row.get("pair_id", ""), row.get("content_hash", ""))
        num_entries += not _is_in_log(row, said[key], key in decided)
        own_columns |= {name for name in row if name not in columns}
    if num_entries:
        raise UserError(
            f"{file} holds {num_entries} entries that are not in the corrections log yet: import "
            f"them first (python -m labeling review import {dataset.root} {file} "
            "--reviewer NAME), or write to another file"
        )
    if own_columns:
        raise UserError(
            f"{file} has columns that people added ({', '.join(sorted(own_columns))}), which would "
            "be lost: write to another file"
        )


def _read_sheet(file: Path) -> Table:
    try:
        return parse_table(file.read_bytes(), file, KEY_COLUMNS)
    except (UserError, IsADirectoryError) as error:
        raise UserError(
            f"{file} exists and is no review sheet, so it is not written over: give another file"
        ) from error


def _typed(row: Mapping[str, str], columns: Sequence[str]) -> tuple[str, ...]:
    """What identifies a row together with what was typed into it."""
    own = sorted(f"{name}={cell}" for name, cell in row.items() if name not in columns)
    names = ("pair_id", "content_hash", "corrected", "verdict", "note")
    return (*(row.get(name, "") for name in names), *own)


def _is_in_log(row: Mapping[str, str], said: Sequence[Correction], is_decided: bool) -> bool:
    """Whether the log holds what was typed into a row; True where nothing was.

    Args:
        said: all decisions of the log about the row's pair and images.
        is_decided: whether one of them is in force.
    """
    typed, note = row.get("corrected", ""), row.get("note", "")
    verdict = VERDICTS.get(row.get("verdict", "").casefold())
    if not (typed or note or row.get("verdict")):
        return True
    if verdict == "withdraw" and not is_decided and not typed and not note:
        return True
    return any(
        note in ("", correction.note)
        and (
            normalise(typed) == normalise(correction.instruction)
            if typed
            else verdict == correction.verdict
        )
        for correction in said
    )
