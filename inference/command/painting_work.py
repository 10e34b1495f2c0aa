"""Batches of paintings, painted here or by Ray actors that hold a painter each.

A job that fails fails alone: its outcome says why, the others are painted. Which actor paints a
batch decides nothing, and batches are made before any actor is asked.
"""

from __future__ import annotations

import functools
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.command.easel import Easel, loader_of, set_up
from inference.command.painting import Commission, paint_picture, paint_pictures
from inference.inputs.jobs import Job, WorkConfig
from inference.inputs.picture import load_picture
from inference.memory.plan import MemoryPlan, memory_plan
from inference.output.session import PainterRecord, SessionRecord
from inference.rollout.steps import Step
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError, storage_error
from ingest.execution.ray_actors import run_on_actors
from ingest.execution.tasks import TaskFailure

OnStep = Callable[[Job, Step], None]


@dataclass(frozen=True)
class Outcome:
    """What became of a job."""

    job: Job
    status: Literal["painted", "unchanged", "refused", "failed"]
    """unchanged: it was painted before with the same settings. refused: the picture cannot be
    painted. failed: something unforeseen."""
    record: SessionRecord | None = None
    """Of a painting that is there."""
    detail: str = ""
    """Why it was refused or failed, in one line."""
    trace: str = ""
    """Where an unforeseen exception came from."""


def paint_jobs(
    jobs: Sequence[Job], easel: Easel, on_step: OnStep = lambda *_: None
) -> list[Outcome]:
    """Paint jobs of one size in one batch; if that fails, one by one, so that only those at fault
    do."""
    if len(jobs) == 1:
        return [_paint_one(jobs[0], easel, on_step)]
    try:
        with easel.explained(f"painting a batch of {len(jobs)}"):
            commissions = [_commission(job, easel) for job in jobs]
            records = paint_pictures(commissions, lambda n, step: on_step(jobs[n], step))
        return [Outcome(job, "painted", record) for job, record in zip(jobs, records, strict=True)]
    except Exception as error:
        reason = str(error)
    # Out here, where the error no longer keeps what the batch had in memory.
    warnings.warn(f"a batch of {len(jobs)} failed ({reason}): painting one by one", stacklevel=2)
    return [_paint_one(job, easel, on_step) for job in jobs]


def paint_on_actors(
    batches: Sequence[Sequence[Job]],
    config: InferenceConfig,
    record: PainterRecord,
    work: WorkConfig,
    address: str | None,
) -> Iterator[Outcome]:
    """Outcomes as they come, in no fixed order."""
    make = functools.partial(_make, config, record, [list(batch) for batch in batches])
    for finished in run_on_actors(make, batches, work.actors, address):
        result = finished.result
        if isinstance(result, TaskFailure):
            told = f"{result.reason}: {result.detail}"
            yield from (Outcome(job, "failed", detail=told) for job in finished.item)
        else:
            yield from result


def planned(config: InferenceConfig, batches: Sequence[Sequence[Job]]) -> MemoryPlan:
    """What the largest batch of the largest picture is expected to need on this machine."""
    pictures = sorted({job.picture for batch in batches for job in batch})
    return memory_plan(loader_of(config), config, pictures, max(map(len, batches)))


def _make(
    config: InferenceConfig, record: PainterRecord, batches: Sequence[Sequence[Job]]
) -> Callable[[Sequence[Job]], list[Outcome]]:
    """What an actor does with a batch; its painter is loaded now, onto its own device."""
    easel = set_up(config, record, planned(config, batches))
    return functools.partial(paint_jobs, easel=easel)


def _commission(job: Job, easel: Easel) -> Commission:
    picture = load_picture(job.picture, easel.config.picture)
    return Commission(easel.with_seed(job.seed), picture, job.folder)


def _paint_one(job: Job, easel: Easel, on_step: OnStep) -> Outcome:
    try:
        given = _commission(job, easel)
        tell = functools.partial(on_step, job)
        with easel.explained(f"painting {job.picture}"):
            painted = paint_picture(given.easel, given.picture, given.folder, tell)
        return Outcome(job, "painted", painted)
    except UserError as error:
        return Outcome(job, "refused", detail=str(error))
    except Exception as error:
        if isinstance(error, OSError) and storage_error(error, job.folder) is not None:
            # A full disk is not about this picture: the next would only meet it too.
            raise
        told = " ".join(str(error).split())[:300]
        return Outcome(
            job, "failed", detail=f"{type(error).__name__}: {told}", trace=traceback.format_exc()
        )
