"""Runs the segmenter's networks in Ray actors that the workers of all videos share."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import ray
from ray.exceptions import GetTimeoutError, RayError

from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import connect
from ingest.video.segmentation.grounded_segmenter import GroundedSegmenter
from ingest.video.segmentation.segmenter import (
    ActorsConfig,
    Question,
    Segmenter,
    SegmenterConfig,
    batches,
)

MAX_RESTARTS = 3
"""How often a killed actor is restarted."""
MAX_RETRIES = 2
"""How often a request whose actor was killed is repeated."""
ANSWER_TIMEOUT_S = 900.0
"""Longest time for an answer, with waiting for the requests of other videos."""


class _SegmenterActor:
    """The class of an actor; it loads the networks once."""

    def __init__(self, config: SegmenterConfig) -> None:
        self._segmenter = GroundedSegmenter(config)

    def is_ready(self) -> bool:
        return True

    def answer(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        return getattr(self._segmenter, question)(images)


@dataclass
class ActorSegmenter:
    """A `Segmenter` that sends batches to actors in turn; it can be pickled."""

    actors: list[Any]
    batch_size: int
    _turns: Iterator[int] | None = field(default=None, repr=False)

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        return self._ask("canvas", images)

    def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._ask("occluders", images)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_turns": None}

    def _ask(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        if self._turns is None:
            # Processes start with different actors, which balances load. All actors give the same
            # answers.
            self._turns = itertools.cycle(range(len(self.actors)))
            for _ in range(os.getpid() % len(self.actors)):
                next(self._turns)
        answers = [
            self.actors[next(self._turns)].answer.remote(question, list(part))
            for part in batches(images, self.batch_size)
        ]
        given = ray.get(answers, timeout=ANSWER_TIMEOUT_S)
        return [item for answer in given for item in answer]


@contextlib.contextmanager
def segmenter_actors(
    config: SegmenterConfig, layout: ActorsConfig, address: str | None = None
) -> Iterator[Segmenter | None]:
    """Context with the segmenter of a run, whose actors end with it; None without a `model`.

    Raises:
        UserError: the networks cannot be loaded, or the cluster lacks resources for the actors.
    """
    if not config.model:
        yield None
        return
    connect(address)
    actor_class = ray.remote(
        # Actors wait most of the time; reserved cores would block videos on a small machine.
        num_cpus=0,
        num_gpus=layout.num_gpus,
        max_restarts=MAX_RESTARTS,
        max_task_retries=MAX_RETRIES,
    )(_SegmenterActor)
    actors: list[Any] = [actor_class.remote(config) for _ in range(layout.num_actors)]
    try:
        _wait(actors, layout)
        yield ActorSegmenter(actors, config.batch_size)
    finally:
        for actor in actors:
            ray.kill(actor)


def _wait(actors: list[Any], layout: ActorsConfig) -> None:
    """Wait until all actors are ready. Raises UserError if they are not in time, or failed."""
    try:
        ray.get([actor.is_ready.remote() for actor in actors], timeout=layout.start_timeout_s)
    except GetTimeoutError as error:
        raise UserError(
            f"{layout.num_actors} actors of the segmenter with {layout.num_gpus:g} GPU each were "
            f"not ready after {layout.start_timeout_s:g} s: lower ingest.actors.num_actors or "
            "num_gpus, or add nodes"
        ) from error
    except RayError as error:
        reason = str(error).strip().splitlines()[-1]
        raise UserError(f"the segmenter did not start: {reason}") from error
