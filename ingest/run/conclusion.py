"""Concludes a run, once all sources are known: splits, `videos.parquet`, the report."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator

from ingest.format.dataset import Dataset
from ingest.ledger.ledger import write_ledger
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.outcome_table import OutcomeTable
from ingest.ledger.source_files import write_outcome
from ingest.report.page import write_report
from ingest.run.splits import decide, decided
from ingest.settings import IngestConfig


def conclude(dataset: Dataset, config: IngestConfig) -> list[str]:
    """Decide the splits, write the ledger and the report; returns warnings about the splits."""
    with contextlib.closing(OutcomeTable(dataset)) as table:
        decisions, warnings = decide(table, config.discover)

        def outcomes() -> Iterator[VideoOutcome]:
            for outcome in table:
                final = decided(outcome, decisions, config.discover)
                if final != outcome:
                    write_outcome(dataset, final)
                yield final

        write_ledger(dataset, outcomes())
    write_report(dataset)
    return warnings
