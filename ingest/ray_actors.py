"""Actors on Ray: models that are loaded once. The segmenter, asked by all video workers, and pools
that work through items."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from ingest.errors import UserError
from ingest.grounded_segmenter import GroundedSegmenter
from ingest.ray_tasks import connect
from ingest.segmenter import ActorsConfig, Question, Segmenter, SegmenterConfig, batches
from ingest.tasks import ActorPoolConfig, Finished, Item, Result, TaskFailure

MAX_RESTARTS, MAX_RETRIES = 3, 2
"""How often a killed actor comes back, and a request that died with it is made again."""
ANSWER_TIMEOUT_S = 900.0
"""How long an answer may take, waiting for other videos' questions included."""


class _Holder:
    """What an actor runs: the networks, loaded once."""

    def __init__(self, config: SegmenterConfig) -> None:
        self._segmenter = GroundedSegmenter(config)

    def is_ready(self) -> bool:
        return True

    def answer(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        return getattr(self._segmenter, question)(images)


@dataclass
class ActorSegmenter:
    """A `Segmenter` that asks actors in turn; it can be sent to other processes."""

    actors: list[Any]
    batch_size: int
    _turns: Iterator[int] | None = field(default=None, repr=False)

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        return self._ask("canvas", images)

    def cover(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        return self._ask("cover", images)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_turns": None}

    def _ask(self, question: Question, images: Sequence[np.ndarray]) -> list[Any]:
        if self._turns is None:
            # Each process starts with another actor, so that all have work; whichever answers
            # says the same.
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
    """The segmenter of a run, gone with the block; None if the config asks for none.

    Raises:
        UserError: the networks cannot be loaded, or found no room on the cluster.
    """
    if not config.model:
        yield None
        return
    connect(address)
    holder = ray.remote(
        # An actor waits most of the time; on a small machine a core of its own would block videos.
        num_cpus=0,
        num_gpus=layout.num_gpus,
        max_restarts=MAX_RESTARTS,
        max_task_retries=MAX_RETRIES,
    )(_Holder)
    actors: list[Any] = [holder.remote(config) for _ in range(layout.num_actors)]
    try:
        _wait(actors, layout)
        yield ActorSegmenter(actors, config.batch_size)
    finally:
        for actor in actors:
            ray.kill(actor)


def _wait(actors: list[Any], layout: ActorsConfig) -> None:
    try:
        ray.get([actor.is_ready.remote() for actor in actors], timeout=layout.start_timeout_s)
    except GetTimeoutError as error:
        raise UserError(
            f"{layout.num_actors} actors of the segmenter with {layout.num_gpus:g} GPU each were "
            f"not ready after {layout.start_timeout_s:g} s: lower ingest.actors.num_actors or "
            "num_gpus, or add nodes"
        ) from error
    except RayError as error:
        told = str(error).strip().splitlines()[-1]
        raise UserError(f"the segmenter did not start: {told}") from error


QUEUED_AN_ACTOR = 2
"""Items sent to an actor at once, so that it never waits for the driver."""


class _Worker:
    """What an actor of a pool runs: it makes its function once, then does item after item."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._function = make()

    def is_ready(self) -> bool:
        return True

    def work(self, item: Any) -> Any:
        return self._function(item)


def run_on_actors(
    make: Callable[[], Callable[[Item], Result]],
    items: Iterable[Item],
    config: ActorPoolConfig,
    address: str | None = None,
) -> Iterator[Finished[Item, Result]]:
    """Give every item to a free actor, yielding each as it finishes (in no fixed order).

    Args:
        make: called once by each actor; loads the model, returns what is done with an item.

    Raises:
        UserError: the actors cannot be made, or found no room on the cluster.
    """
    connect(address)
    num_actors, num_gpus = pool_size(config, ray.cluster_resources().get("GPU", 0.0))
    worker = ray.remote(
        num_cpus=config.num_cpus,
        num_gpus=num_gpus,
        max_restarts=config.max_restarts,
        max_task_retries=config.max_restarts,
    )(_Worker)
    actors: list[Any] = [worker.remote(make) for _ in range(num_actors)]
    try:
        _wait_for_pool(actors, num_gpus, config)
        yield from _worked_off(actors, iter(items))
    finally:
        for actor in actors:
            ray.kill(actor)


def pool_size(config: ActorPoolConfig, cluster_gpus: float) -> tuple[int, float]:
    """Number of actors and GPU share of each, for a cluster with so many GPUs."""
    share = config.num_gpus if config.num_gpus is not None else float(cluster_gpus >= 1)
    if config.num_actors:
        return config.num_actors, share
    return max(1, int(cluster_gpus / share)) if share else 1, share


def _worked_off(actors: list[Any], items: Iterator[Any]) -> Iterator[Finished[Any, Any]]:
    running: dict[ray.ObjectRef, tuple[Any, Any]] = {}
    free = [actor for _ in range(QUEUED_AN_ACTOR) for actor in actors]
    while True:
        for actor, item in zip(list(free), items, strict=False):
            free.remove(actor)
            running[actor.work.remote(item)] = (actor, item)
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1)
        for reference in done:
            actor, item = running.pop(reference)
            free.append(actor)
            yield Finished(item, _answer(reference))


def _answer(reference: ray.ObjectRef) -> Any:
    try:
        return ray.get(reference, timeout=60)
    except RayTaskError as error:
        return TaskFailure("exception", str(error).strip().splitlines()[-1])
    except RayError as error:
        return TaskFailure("worker-died", " ".join(str(error).split())[:300])


def _wait_for_pool(actors: list[Any], num_gpus: float, config: ActorPoolConfig) -> None:
    try:
        ray.get([actor.is_ready.remote() for actor in actors], timeout=config.start_timeout_s)
    except GetTimeoutError as error:
        raise UserError(
            f"{len(actors)} actors with {config.num_cpus:g} CPU and {num_gpus:g} GPU each were not "
            f"ready after {config.start_timeout_s:g} s: lower num_actors or num_gpus, or add nodes"
        ) from error
    except RayError as error:
        told = str(error).strip().splitlines()[-1]
        raise UserError(f"the model did not start: {told}") from error
