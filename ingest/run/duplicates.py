"""The same bytes under several URIs: which of them a content goes by, whatever came in first.

The URI that sorts first wins; the others get an outcome `duplicate`. Known only when all rows of a
run are in, so it is settled at its end.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, read_outcome
from ingest.ledger.source_register import Entry, Register
from ingest.ledger.standing import told
from ingest.ledger.stored import nameless_id, write_outcome, write_unkept
from ingest.per_source.row_function import start_outcome
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow

Note = Callable[[VideoOutcome, bool], None]
"""Told of an outcome that counts; the flag says that it stood already."""


def settle(
    dataset: Dataset,
    config: IngestConfig,
    register: Register,
    note: Note,
    retract: Callable[[VideoOutcome], None],
) -> list[SourceRow]:
    """Settle what the register holds unsettled; returns rows that have to be worked on again.

    Args:
        retract: told of an outcome that was counted for a source that turns out a duplicate.

    Returns:
        Rows whose content was made for another row with other settings (another `speed`): few.
    """
    again: list[SourceRow] = []
    for entries in register.unsettled():
        winner, *others = entries
        outcome = read_outcome(dataset, winner.video_id)
        is_stale = _is_stale(entries, outcome)
        for entry in entries if is_stale else others:
            if entry.told:
                retract(outcome)
        for entry in others:
            note(write_unkept(dataset, duplicate_outcome(entry.row, winner.row.uri, config)), False)
        if is_stale:
            dataset.outcome_json(winner.video_id).unlink(missing_ok=True)
            again.append(winner.row)
            continue
        now = told(outcome, winner.row, config.discover)
        if now != outcome:
            write_outcome(dataset, now)
        dataset.outcome_json(nameless_id("duplicate", winner.row.uri)).unlink(missing_ok=True)
        if not winner.told:
            note(now, not any(entry.worked for entry in entries))
    return again


def duplicate_outcome(row: SourceRow, first_uri: str, config: IngestConfig) -> VideoOutcome:
    """The outcome of a source whose bytes go by another URI, or of a row given twice."""
    what = "the same bytes as" if row.uri != first_uri else "the same URI as another row for"
    return start_outcome(row, config).model_copy(
        update={
            "video_id": nameless_id("duplicate", row.uri),
            "status": "refused",
            "reason": "duplicate",
            "detail": f"{row.uri} has {what} {first_uri}, which was taken",
        }
    )


def _is_stale(entries: Sequence[Entry], outcome: VideoOutcome) -> bool:
    """Whether the keyframes may be those of another row than the one that won."""
    made = {entry.identity for entry in entries if entry.worked}
    return entries[0].identity != outcome.config_hash or len(made) > 1
