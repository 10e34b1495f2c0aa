"""Decides which URI names a content that was given under several URIs (exact duplicates).

The URI that sorts first wins; the others get the outcome `duplicate`. This is decided at the end of
a run, when all rows are known, so the order of the rows does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, read_outcome
from ingest.ledger.reuse import with_row_fields
from ingest.ledger.source_files import placeholder_id, write_outcome, write_unkept
from ingest.ledger.source_register import Entry, Register
from ingest.per_source.row_function import initial_outcome
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow

OutcomeListener = Callable[[VideoOutcome, bool], None]
"""Called with every final outcome; the flag says whether it is reused from an earlier run."""


def resolve_duplicates(
    dataset: Dataset,
    config: IngestConfig,
    register: Register,
    report: OutcomeListener,
    retract: Callable[[VideoOutcome], None],
) -> list[SourceRow]:
    """Resolve all contents that `Register.unresolved` returns.

    Args:
        report: called with every outcome that becomes final.
        retract: called with an outcome that was counted for a source that is a duplicate.

    Returns:
        Rows to ingest again: their keyframes were made for another row with other settings, such
        as another `speed`. They are few.
    """
    again: list[SourceRow] = []
    for entries in register.unresolved():
        winner, *others = entries
        outcome = read_outcome(dataset, winner.video_id)
        is_stale = _is_stale(entries, outcome)
        for entry in entries if is_stale else others:
            if entry.is_reported:
                retract(outcome)
        for entry in others:
            duplicate = duplicate_outcome(entry.row, winner.row.uri, config)
            report(write_unkept(dataset, duplicate), False)
        if is_stale:
            dataset.outcome_json(winner.video_id).unlink(missing_ok=True)
            again.append(winner.row)
            continue
        final = with_row_fields(outcome, winner.row, config.discover)
        if final != outcome:
            write_outcome(dataset, final)
        dataset.outcome_json(placeholder_id("duplicate", winner.row.uri)).unlink(missing_ok=True)
        if not winner.is_reported:
            report(final, not any(entry.is_new for entry in entries))
    return again


def duplicate_outcome(row: SourceRow, first_uri: str, config: IngestConfig) -> VideoOutcome:
    """The outcome of a source whose content another URI names, or of a row given twice."""
    what = "the same bytes as" if row.uri != first_uri else "the same URI as another row for"
    return initial_outcome(row, config).model_copy(
        update={
            "video_id": placeholder_id("duplicate", row.uri),
            "status": "refused",
            "reason": "duplicate",
            "detail": f"{row.uri} has {what} {first_uri}, which was taken",
        }
    )


def _is_stale(entries: Sequence[Entry], outcome: VideoOutcome) -> bool:
    """Whether the keyframes may have been made with the settings of another row than the first."""
    identities = {entry.identity for entry in entries if entry.is_new}
    return entries[0].identity != outcome.config_hash or len(identities) > 1
