"""Instructions by models that are loaded once: videos in blocks, given to a pool of actors."""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Sequence
from typing import Any

from ingest.conventions.errors import UserError
from ingest.execution.ray_actors import run_on_actors
from ingest.execution.tasks import Finished, RunConfig, TaskFailure
from labeling.instructions.labelers import InstructionsConfig
from labeling.instructions.work import InstructionTask, VideoResult, label_videos, labeler_of

VIDEOS_A_BLOCK = 8
"""Videos whose pairs share batches: about 200 pairs, so that few batches are not full."""


def run_blocks(
    function: Callable[[InstructionTask], Any],
    tasks: Sequence[InstructionTask],
    config: RunConfig,
    address: str | None,
) -> Iterator[Finished[InstructionTask, Any]]:
    """As `ingest.execution.ray_tasks.run_tasks` for `label_instructions`, by the config's
    actors."""
    settings = tasks[0].instructions
    make = functools.partial(_make, settings)
    starts = range(0, len(tasks), VIDEOS_A_BLOCK)
    blocks = [tasks[start : start + VIDEOS_A_BLOCK] for start in starts]
    for finished in run_on_actors(make, blocks, settings.actors, address):
        for number, task in enumerate(finished.item):
            result = finished.result
            if not isinstance(result, TaskFailure):
                result = result[number]
            if isinstance(result, UserError):
                result = TaskFailure("exception", str(result))
            yield Finished(task, result)


def _make(
    settings: InstructionsConfig,
) -> Callable[[Sequence[InstructionTask]], list[VideoResult | UserError]]:
    """What an actor does with a block; the model is loaded now, so that what is wrong with it is
    told before any video is read."""
    labeler = labeler_of(settings)
    labeler.load()
    return functools.partial(label_videos, labeler=labeler)
