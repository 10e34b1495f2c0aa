"""From rows to jobs and from results to counts: what the driver does for each source."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import run_tasks
from ingest.execution.tasks import Finished, TaskFailure
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome, find_outcome
from ingest.ledger.source_register import Entry, Register
from ingest.ledger.standing import told
from ingest.ledger.stored import is_content_id, nameless_id, remove_video, write_unkept
from ingest.per_source.guarded import FAILED, GuardedIngest, Job, nameless_failure, record_failure
from ingest.per_source.row_function import (
    STORAGE,
    IngestVideo,
    Known,
    Worked,
    row_identity,
    start_outcome,
)
from ingest.run.duplicates import Note, duplicate_outcome, settle
from ingest.run.tally import RunResult
from ingest.settings import IngestConfig
from ingest.sources.discover import BadRow, Row, SourceRow
from ingest.sources.stamp import stamp_of
from ingest.video.segmentation.ray_segmenter import segmenter_actors

NO_RIGHTS = "no-rights"
NAMELESS_KINDS = ("missing", FAILED, NO_RIGHTS, "duplicate")


@dataclass(frozen=True)
class RunOptions:
    """What one run is told beside its config; none of it decides a byte of a keyframe."""

    address: str | None = None
    """Ray cluster; None takes RAY_ADDRESS or starts a private Ray."""
    retry_failed: bool = False
    """Try again what failed in an earlier run."""
    strict_rights: bool = False
    """Refuse sources without licence or source, before any work."""


@dataclass
class Intake:
    """All sources of one run; nothing that grows with their number is held in memory."""

    dataset: Dataset
    config: IngestConfig
    options: RunOptions
    register: Register
    listen: Note
    result: RunResult = field(default_factory=RunResult)

    def __post_init__(self) -> None:
        self.ingest = IngestVideo(self.config, self.dataset.root, self.options.retry_failed)

    def take(self, rows: Iterable[Row]) -> None:
        """Ingest all rows, then settle which URI each content goes by."""
        self._work(self._jobs(rows))
        again = settle(
            self.dataset, self.config, self.register, self._note, lambda o: self.result.add(o, -1)
        )
        self._work(Job(row) for row in again)

    def _work(self, jobs: Iterator[Job]) -> None:
        first = next(jobs, None)
        if first is None:
            return  # Ray starts only when there is work: a rerun of a finished dataset is quick
        for done in self._execute(itertools.chain([first], jobs)):
            row, worked = done.item.row, done.result
            if isinstance(worked, TaskFailure):
                outcome = nameless_failure(self.ingest, row)
                worked = Worked(record_failure(self.ingest, outcome, worked), stamp_of(row))
            self._finish(row, worked)

    def _execute(self, jobs: Iterator[Job]) -> Iterator[Finished[Job, Worked]]:
        config, address = self.config, self.options.address
        with segmenter_actors(config.segmenter, config.actors, address) as segmenter:
            function = GuardedIngest(self.ingest, segmenter)
            yield from run_tasks(function, jobs, config.run, address)

    def _jobs(self, rows: Iterable[Row]) -> Iterator[Job]:
        """Sources that need work; all others are noted (bad, without rights, done before)."""
        for row in rows:
            if isinstance(row, BadRow):
                outcome = start_outcome(SourceRow(uri=row.uri), self.config)
                self._refuse(outcome, "missing", row.reason, row.detail)
                continue
            if self.options.strict_rights and not (row.licence and row.source):
                self._refuse_rights(row)
                continue
            found = self.register.known(row.uri)
            entry, is_given_twice = found or (None, False)
            if is_given_twice:
                twice = duplicate_outcome(row, row.uri, self.config)
                self._note(write_unkept(self.dataset, twice), False)
                continue
            known = Known(entry.stamp, entry.video_id) if entry and entry.video_id else None
            stamp = stamp_of(row)
            standing = self.ingest.standing(row, known, stamp)
            if standing is not None:
                self._finish(row, Worked(standing, stamp, worked=False))
                continue
            self._remember(row, known or Known("", ""))
            yield Job(row, known)

    def _finish(self, row: SourceRow, worked: Worked) -> None:
        outcome = worked.outcome
        # Another URI's outcome, or one that the manifest describes anew, is told at the end.
        is_told = outcome == told(outcome, row, self.config.discover)
        known = Known(worked.stamp, outcome.video_id)
        self._remember(row, known, worked=worked.worked, told=is_told)
        for kind in NAMELESS_KINDS:
            # What became of it before its content was known is the past.
            if is_told and nameless_id(kind, row.uri) != outcome.video_id:
                self.dataset.outcome_json(nameless_id(kind, row.uri)).unlink(missing_ok=True)
        if is_told:
            self._note(outcome, not worked.worked)

    def _remember(
        self, row: SourceRow, known: Known, worked: bool = False, told: bool = False
    ) -> None:
        identity = row_identity(row, self.config)
        self.register.put(Entry(row, known.stamp, known.video_id, identity, worked, told))

    def _refuse_rights(self, row: SourceRow) -> None:
        """Refuse a source that may not be used; what an earlier run made of it leaves."""
        lacks = [name for name in ("licence", "source") if not getattr(row, name)]
        detail = f"{row.uri} has no {' and no '.join(lacks)}: fill in the manifest's columns"
        found = self.register.known(row.uri)
        if found is not None and is_content_id(found[0].video_id):
            outcome = find_outcome(self.dataset, found[0].video_id)
            if outcome is not None and outcome.uri == row.uri:
                remove_video(self.dataset, outcome.video_id)
        self._refuse(start_outcome(row, self.config), NO_RIGHTS, NO_RIGHTS, detail)

    def _refuse(self, outcome: VideoOutcome, kind: str, reason: str, detail: str) -> None:
        update = {
            "video_id": nameless_id(kind, outcome.uri),
            "status": "refused",
            "reason": reason,
            "detail": detail,
        }
        self._note(write_unkept(self.dataset, outcome.model_copy(update=update)), False)

    def _note(self, outcome: VideoOutcome, stood: bool) -> None:
        if outcome.reason == STORAGE:
            raise UserError(outcome.detail)
        self.result.add(outcome)
        self.result.num_skipped += stood
        self.listen(outcome, stood)
