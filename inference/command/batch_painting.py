"""Paints batches of jobs in this process or by Ray actors, each with its own painter.

A job that fails does not affect the others; its outcome holds the reason. Batches are made before
they are distributed, so results do not depend on the actors.
"""

from __future__ import annotations

import functools
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from inference.command.painting import PaintingTask, paint_picture, paint_pictures
from inference.command.painting_context import (
    PaintingContext,
    has_painter_parts,
    load_context,
    loader_of,
)
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
"""Called with every step as soon as it is painted."""


@dataclass(frozen=True)
class Outcome:
    """The result of a job."""

    job: Job
    status: Literal["painted", "unchanged", "refused", "failed"]
    """unchanged: it was painted before with the same settings. refused: the picture cannot be
    painted. failed: an unexpected exception."""
    record: SessionRecord | None = None
    """Record of the painting if there is one."""
    detail: str = ""
    """Reason of a refusal or failure, in one line."""
    trace: str = ""
    """Traceback of an unexpected exception."""


def paint_jobs(
    jobs: Sequence[Job], context: PaintingContext, on_step: OnStep = lambda *_: None
) -> list[Outcome]:
    """Paint jobs of one size in one batch. If that fails, paint them one by one, so that only the
    faulty jobs fail."""
    if len(jobs) == 1:
        return [_paint_one(jobs[0], context, on_step)]
    try:
        with context.explain_out_of_memory(f"painting a batch of {len(jobs)}"):
            tasks = [_painting_task(job, context) for job in jobs]
            records = paint_pictures(tasks, lambda n, step: on_step(jobs[n], step))
        return [Outcome(job, "painted", record) for job, record in zip(jobs, records, strict=True)]
    except Exception as error:
        reason = str(error)
    # Outside of the except block, where the error no longer holds the batch in memory.
    warnings.warn(f"a batch of {len(jobs)} failed ({reason}): painting one by one", stacklevel=2)
    return [_paint_one(job, context, on_step) for job in jobs]


def paint_on_actors(
    batches: Sequence[Sequence[Job]],
    config: InferenceConfig,
    record: PainterRecord,
    work: WorkConfig,
    address: str | None,
) -> Iterator[Outcome]:
    """Paint batches by Ray actors; outcomes as they finish, in no fixed order."""
    make = functools.partial(_make_worker, config, record, [list(batch) for batch in batches])
    for finished in run_on_actors(make, batches, work.actors, address):
        result = finished.result
        if isinstance(result, TaskFailure):
            reason = f"{result.reason}: {result.detail}"
            yield from (Outcome(job, "failed", detail=reason) for job in finished.item)
        else:
            yield from result


def plan_memory(config: InferenceConfig, batches: Sequence[Sequence[Job]]) -> MemoryPlan:
    """The memory plan of the largest batch with the largest picture, on this machine."""
    pictures = sorted({job.picture for batch in batches for job in batch})
    return memory_plan(loader_of(config), config, pictures, max(map(len, batches)))


def _make_worker(
    config: InferenceConfig, record: PainterRecord, batches: Sequence[Sequence[Job]]
) -> Callable[[Sequence[Job]], list[Outcome]]:
    """The function of an actor, which paints one batch; loads the painter onto its device."""
    expected = plan_memory(config, batches) if has_painter_parts(config.painter) else None
    context = load_context(config, record, expected)
    return functools.partial(paint_jobs, context=context)


def _painting_task(job: Job, context: PaintingContext) -> PaintingTask:
    picture = load_picture(job.picture, context.config.picture)
    return PaintingTask(context.with_seed(job.seed), picture, job.folder)


def _paint_one(job: Job, context: PaintingContext, on_step: OnStep) -> Outcome:
    try:
        given = _painting_task(job, context)
        report_step = functools.partial(on_step, job)
        with context.explain_out_of_memory(f"painting {job.picture}"):
            painted = paint_picture(given.context, given.picture, given.folder, report_step)
        return Outcome(job, "painted", painted)
    except UserError as error:
        return Outcome(job, "refused", detail=str(error))
    except Exception as error:
        if isinstance(error, OSError) and storage_error(error, job.folder) is not None:
            # A full disk would fail every further picture.
            raise
        reason = " ".join(str(error).split())[:300]
        return Outcome(
            job, "failed", detail=f"{type(error).__name__}: {reason}", trace=traceback.format_exc()
        )
