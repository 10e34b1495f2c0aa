"""Runs the row function in a process of its own, with limits on time and memory.

A process that hangs, dies or takes too much memory gives an outcome `failed`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from ingest.execution.isolation import run_isolated
from ingest.execution.tasks import TaskFailure
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import placeholder_id
from ingest.per_source.row_function import (
    IngestVideo,
    KnownSource,
    SourceResult,
    initial_outcome,
    record_without_keyframes,
)
from ingest.sources.discover import SourceRow
from ingest.video.segmentation.segmenter import Question, Segmenter

FAILED = "failed"
"""Kind of the placeholder id of a source that failed before its content was known."""


@dataclass(frozen=True)
class Job:
    """A source to ingest, and what earlier runs found out about it."""

    row: SourceRow
    known: KnownSource | None = None


@dataclass(frozen=True)
class IsolatedIngest:
    """The function that Ray runs: `ingest.per_source.row_function.IngestVideo` within the limits of
    the config ``ingest.run``."""

    ingest: IngestVideo
    segmenter: Segmenter | None = None
    """Answers the requests of the processes; None if the config asks for no segmenter."""

    def __call__(self, job: Job) -> SourceResult:
        config = self.ingest.config
        function = JobFunction(self.ingest)
        answer = None if self.segmenter is None else self._answer
        watched = run_isolated(function, job, config.run, answer)
        if not isinstance(watched.result, TaskFailure):
            return watched.result
        before = watched.last_note or SourceResult(failure_without_id(self.ingest, job.row))
        return SourceResult(
            record_failure(self.ingest, before.outcome, watched.result), before.change_tag
        )

    def _answer(self, asked: tuple[Question, list[np.ndarray]]) -> list[Any]:
        question, images = asked
        return getattr(self.segmenter, question)(images)


@dataclass(frozen=True)
class JobFunction:
    """The function that the process of one job runs."""

    ingest: IngestVideo

    def __call__(self, job: Job) -> SourceResult:
        return self.ingest.process(job.row, job.known)


def failure_without_id(ingest: IngestVideo, row: SourceRow) -> VideoOutcome:
    """Returns the outcome of a failed source of which only the URI is known."""
    outcome = initial_outcome(row, ingest.config)
    return outcome.model_copy(update={"video_id": placeholder_id(FAILED, row.uri)})


def record_failure(
    ingest: IngestVideo, outcome: VideoOutcome, failure: TaskFailure
) -> VideoOutcome:
    """Writes and returns the outcome of a source whose process gave no result."""
    dataset = Dataset(ingest.root)
    return record_without_keyframes(dataset, outcome, "failed", failure.reason, failure.detail)
