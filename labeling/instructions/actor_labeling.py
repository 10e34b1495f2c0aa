"""Labels blocks of videos with Ray actors that each load the model once."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ingest.conventions.errors import UserError
from ingest.execution.ray_actors import run_on_actors
from ingest.execution.tasks import Finished, RunConfig, TaskFailure
from labeling.instructions.batch_labeling import (
    InstructionTask,
    VideoResult,
    label_videos,
    shared_labeler,
)
from labeling.instructions.labeler_factory import InstructionsConfig

VIDEOS_PER_BLOCK = 8
"""Videos whose pairs share batches; about 200 pairs, so few batches are not full."""


def run_on_labeler_actors(
    function: Callable[[InstructionTask], Any],
    tasks: Sequence[InstructionTask],
    config: RunConfig,
    address: str | None,
) -> Iterator[Finished[InstructionTask, Any]]:
    """Replaces `ingest.execution.ray_tasks.run_tasks` for labelers that hold a model.

    Args:
        function: unused; the actors run `label_videos`.
        config: unused; the pool of actors is configured in the tasks.
    """
    settings = tasks[0].instructions
    create = functools.partial(_create_worker, settings)
    starts = range(0, len(tasks), VIDEOS_PER_BLOCK)
    blocks = [tasks[start : start + VIDEOS_PER_BLOCK] for start in starts]
    for finished in run_on_actors(create, blocks, settings.actors, address):
        for number, task in enumerate(finished.item):
            result = finished.result
            if not isinstance(result, TaskFailure):
                result = result[number]
            if isinstance(result, UserError):
                result = TaskFailure("exception", str(result))
            yield Finished(task, result)


def _create_worker(
    settings: InstructionsConfig,
) -> Callable[[Sequence[InstructionTask]], list[VideoResult | UserError]]:
    """The function that an actor applies to a block of videos.

    The model is loaded here, so that a model that cannot be loaded fails before a video is read.
    """
    labeler = shared_labeler(settings)
    labeler.load()
    return functools.partial(label_videos, labeler=labeler)
