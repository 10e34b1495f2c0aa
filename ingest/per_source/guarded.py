"""The row function in a process of its own: what hangs, dies or eats memory becomes an outcome."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.execution.isolation import run_isolated
from ingest.execution.tasks import TaskFailure
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.stored import nameless_id
from ingest.per_source.row_function import IngestVideo, Known, Worked, close, start_outcome
from ingest.sources.discover import SourceRow
from ingest.video.segmentation.segmenter import Question, Segmenter

FAILED = "failed"
"""Kind of the nameless id of a source that failed before its content was known."""


@dataclass(frozen=True)
class Job:
    """A source to work on, with what earlier runs know of it."""

    row: SourceRow
    known: Known | None = None


@dataclass(frozen=True)
class GuardedIngest:
    """`ingest.per_source.row_function.IngestVideo` with the limits of ``ingest.run``: the function
    that Ray runs."""

    ingest: IngestVideo
    segmenter: Segmenter | None = None
    """Answers what the processes ask; None where the config asks for none."""

    def __call__(self, job: Job) -> Worked:
        config = self.ingest.config
        work = Work(self.ingest)
        answer = None if self.segmenter is None else self._answer
        watched = run_isolated(work, job, config.run, answer)
        if not isinstance(watched.result, TaskFailure):
            return watched.result
        before = watched.last_note or Worked(nameless_failure(self.ingest, job.row))
        return Worked(record_failure(self.ingest, before.outcome, watched.result), before.stamp)

    def _answer(self, asked: tuple[Question, list[np.ndarray]]) -> list[Any]:
        question, images = asked
        return getattr(self.segmenter, question)(images)


@dataclass(frozen=True)
class Work:
    """What the process of one job runs."""

    ingest: IngestVideo

    def __call__(self, job: Job) -> Worked:
        return self.ingest.work(job.row, job.known)


def nameless_failure(ingest: IngestVideo, row: SourceRow) -> VideoOutcome:
    """The outcome of a source of which only the URI is known."""
    outcome = start_outcome(row, ingest.config)
    return outcome.model_copy(update={"video_id": nameless_id(FAILED, row.uri)})


def record_failure(
    ingest: IngestVideo, outcome: VideoOutcome, failure: TaskFailure
) -> VideoOutcome:
    """Write the outcome of a source whose process gave no result."""
    dataset = Dataset(ingest.root)
    return close(dataset, outcome, "failed", failure.reason, failure.detail)
