"""Ingests all sources of a run from the driver: makes jobs of rows, and counts of results."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import run_tasks
from ingest.execution.tasks import Finished, TaskFailure
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, find_outcome
from ingest.ledger.reuse import with_row_fields
from ingest.ledger.source_files import is_content_id, placeholder_id, remove_video, write_unkept
from ingest.ledger.source_register import Entry, Register
from ingest.per_source.isolated_row_function import (
    FAILED,
    IsolatedIngest,
    Job,
    failure_without_id,
    record_failure,
)
from ingest.per_source.row_function import (
    STORAGE,
    IngestVideo,
    KnownSource,
    SourceResult,
    initial_outcome,
    row_identity,
)
from ingest.run.duplicates import OutcomeListener, duplicate_outcome, resolve_duplicates
from ingest.run.tally import RunResult
from ingest.settings import IngestConfig
from ingest.sources.change_tag import local_change_tag
from ingest.sources.discover import BadRow, Row, SourceRow
from ingest.video.segmentation.ray_segmenter import segmenter_actors

NO_RIGHTS = "no-rights"
"""Reason of a source without licence or source under `RunOptions.strict_rights`."""
PLACEHOLDER_KINDS = ("missing", FAILED, NO_RIGHTS, "duplicate")
"""All kinds of `placeholder_id`."""


@dataclass(frozen=True)
class RunOptions:
    """The options of one run besides its config. None of them changes a keyframe."""

    address: str | None = None
    """Ray cluster; None takes RAY_ADDRESS or starts a private Ray."""
    retry_failed: bool = False
    """Ingest sources again that failed in an earlier run."""
    strict_rights: bool = False
    """Refuse sources without licence or source, before any work."""


@dataclass
class Intake:
    """Ingests all sources of one run. Its memory does not grow with their number."""

    dataset: Dataset
    config: IngestConfig
    options: RunOptions
    register: Register
    listen: OutcomeListener
    result: RunResult = field(default_factory=RunResult)

    def __post_init__(self) -> None:
        self.ingest = IngestVideo(self.config, self.dataset.root, self.options.retry_failed)

    def ingest_rows(self, rows: Iterable[Row]) -> None:
        """Ingest all rows, then decide which URI names each content that was given twice."""
        self._process(self._jobs(rows))
        again = resolve_duplicates(
            self.dataset, self.config, self.register, self._report, lambda o: self.result.add(o, -1)
        )
        self._process(Job(row) for row in again)

    def _process(self, jobs: Iterator[Job]) -> None:
        """Execute jobs and record their results."""
        first = next(jobs, None)
        if first is None:
            return  # Ray starts only if there is work, so a rerun of a finished dataset is fast
        for done in self._execute(itertools.chain([first], jobs)):
            row, result = done.item.row, done.result
            if isinstance(result, TaskFailure):
                outcome = record_failure(self.ingest, failure_without_id(self.ingest, row), result)
                result = SourceResult(outcome, local_change_tag(row))
            self._finish(row, result)

    def _execute(self, jobs: Iterator[Job]) -> Iterator[Finished[Job, SourceResult]]:
        """Run jobs as Ray tasks; yields results in the order in which they finish."""
        config, address = self.config, self.options.address
        with segmenter_actors(config.segmenter, config.actors, address) as segmenter:
            function = IsolatedIngest(self.ingest, segmenter)
            yield from run_tasks(function, jobs, config.run, address)

    def _jobs(self, rows: Iterable[Row]) -> Iterator[Job]:
        """Yields a job for every source to ingest. Other rows (unusable, without rights, given
        twice, or done before) get their outcome at once."""
        for row in rows:
            if isinstance(row, BadRow):
                outcome = initial_outcome(SourceRow(uri=row.uri), self.config)
                self._refuse(outcome, "missing", row.reason, row.detail)
                continue
            if self.options.strict_rights and not (row.licence and row.source):
                self._refuse_rights(row)
                continue
            found = self.register.known(row.uri)
            entry, is_given_twice = found or (None, False)
            if is_given_twice:
                twice = duplicate_outcome(row, row.uri, self.config)
                self._report(write_unkept(self.dataset, twice), False)
                continue
            known = None
            if entry and entry.video_id:
                known = KnownSource(entry.change_tag, entry.video_id)
            change_tag = local_change_tag(row)
            reused = self.ingest.unchanged_outcome(row, known, change_tag)
            if reused is not None:
                self._finish(row, SourceResult(reused, change_tag, is_new=False))
                continue
            self._remember(row, known or KnownSource("", ""))
            yield Job(row, known)

    def _finish(self, row: SourceRow, result: SourceResult) -> None:
        """Register the result of a source, and report its outcome if it is final."""
        outcome = result.outcome
        # The outcome of another URI, or one whose manifest row has changed, is decided at the end.
        is_final = outcome == with_row_fields(outcome, row, self.config.discover)
        known = KnownSource(result.change_tag, outcome.video_id)
        self._remember(row, known, is_new=result.is_new, is_reported=is_final)
        for kind in PLACEHOLDER_KINDS:
            # An outcome from before the content was known is obsolete.
            if is_final and placeholder_id(kind, row.uri) != outcome.video_id:
                self.dataset.outcome_json(placeholder_id(kind, row.uri)).unlink(missing_ok=True)
        if is_final:
            self._report(outcome, not result.is_new)

    def _remember(
        self, row: SourceRow, known: KnownSource, is_new: bool = False, is_reported: bool = False
    ) -> None:
        """Put a source of this run into the register."""
        identity = row_identity(row, self.config)
        entry = Entry(row, known.change_tag, known.video_id, identity, is_new, is_reported)
        self.register.put(entry)

    def _refuse_rights(self, row: SourceRow) -> None:
        """Refuse a source that may not be used, and delete its keyframes of an earlier run."""
        lacks = [name for name in ("licence", "source") if not getattr(row, name)]
        detail = f"{row.uri} has no {' and no '.join(lacks)}: fill in the manifest's columns"
        found = self.register.known(row.uri)
        if found is not None and is_content_id(found[0].video_id):
            outcome = find_outcome(self.dataset, found[0].video_id)
            if outcome is not None and outcome.uri == row.uri:
                remove_video(self.dataset, outcome.video_id)
        self._refuse(initial_outcome(row, self.config), NO_RIGHTS, NO_RIGHTS, detail)

    def _refuse(self, outcome: VideoOutcome, kind: str, reason: str, detail: str) -> None:
        """Record and report a refusal under the placeholder id of a kind."""
        update = {
            "video_id": placeholder_id(kind, outcome.uri),
            "status": "refused",
            "reason": reason,
            "detail": detail,
        }
        self._report(write_unkept(self.dataset, outcome.model_copy(update=update)), False)

    def _report(self, outcome: VideoOutcome, is_reused: bool) -> None:
        """Count an outcome and pass it to the listener. Raises UserError if the output cannot be
        written."""
        if outcome.reason == STORAGE:
            raise UserError(outcome.detail)
        self.result.add(outcome)
        self.result.num_skipped += is_reused
        self.listen(outcome, is_reused)
