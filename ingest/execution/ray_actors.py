"""A pool of Ray actors, each of which loads a model once and then answers requests."""

from __future__ import annotations

import contextlib
import itertools
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import connect
from ingest.execution.tasks import ActorPoolConfig, Finished, Item, Result, TaskFailure

ITEMS_PER_ACTOR = 2
"""Items submitted to an actor at a time, so that it never waits for the driver."""
ANSWER_TIMEOUT_S = 900.0
"""Longest time for the answers to `ActorPool.ask`, with waiting for the requests of others."""


class _Actor:
    """Makes its function once, then applies it to items."""

    def __init__(self, make: Callable[[], Callable[[Any], Any]]) -> None:
        self._function = make()

    def is_ready(self) -> bool:
        return True

    def work(self, item: Any) -> Any:
        return self._function(item)


@dataclass
class ActorPool:
    """Running actors that all hold the same function. It can be pickled, so that workers ask it."""

    actors: list[Any]
    _turns: Iterator[int] | None = field(default=None, repr=False)

    def __getstate__(self) -> dict[str, Any]:
        return {**self.__dict__, "_turns": None}

    def ask(self, items: Sequence[Any]) -> list[Any]:
        """Results of items, in their order; the actors take turns. Raises what an actor raised."""
        if self._turns is None:
            # Processes start with different actors, which balances load. All actors give the same
            # results.
            self._turns = itertools.cycle(range(len(self.actors)))
            for _ in range(os.getpid() % len(self.actors)):
                next(self._turns)
        references = [self.actors[next(self._turns)].work.remote(item) for item in items]
        return ray.get(references, timeout=ANSWER_TIMEOUT_S)


@contextlib.contextmanager
def actor_pool(
    make: Callable[[], Callable[[Any], Any]],
    config: ActorPoolConfig,
    name: str = "the model",
    address: str | None = None,
) -> Iterator[ActorPool]:
    """Context with a pool of actors, which end with it.

    Args:
        make: called once by each actor; loads the model and returns the function of an item.
        name: of what is loaded, for messages.

    Raises:
        UserError: `make` failed, or the cluster lacks resources for the actors.
    """
    connect(address)
    num_actors, num_gpus = pool_size(config, ray.cluster_resources().get("GPU", 0.0))
    actor_class = ray.remote(
        num_cpus=config.num_cpus,
        num_gpus=num_gpus,
        max_restarts=config.max_restarts,
        max_task_retries=config.max_restarts,
    )(_Actor)
    actors: list[Any] = [actor_class.remote(make) for _ in range(num_actors)]
    try:
        _wait_until_ready(actors, num_gpus, config, name)
        yield ActorPool(actors)
    finally:
        for actor in actors:
            ray.kill(actor)


def run_on_actors(
    make: Callable[[], Callable[[Item], Result]],
    items: Iterable[Item],
    config: ActorPoolConfig,
    address: str | None = None,
) -> Iterator[Finished[Item, Result]]:
    """Give every item to a free actor, yielding each as it finishes (in no fixed order).

    Raises:
        UserError: as `actor_pool`.
    """
    with actor_pool(make, config, address=address) as pool:
        yield from _results(pool.actors, iter(items))


def pool_size(config: ActorPoolConfig, cluster_gpus: float) -> tuple[int, float]:
    """Number of actors and GPU share of each, for a cluster with `cluster_gpus` GPUs."""
    share = config.num_gpus if config.num_gpus is not None else float(cluster_gpus >= 1)
    if config.num_actors:
        return config.num_actors, share
    return max(1, int(cluster_gpus / share)) if share else 1, share


def _results(actors: list[Any], items: Iterator[Any]) -> Iterator[Finished[Any, Any]]:
    running: dict[ray.ObjectRef, tuple[Any, Any]] = {}
    free = [actor for _ in range(ITEMS_PER_ACTOR) for actor in actors]
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
        return TaskFailure.of_exception(getattr(error, "cause", None), str(error))
    except RayError as error:
        return TaskFailure("worker-died", " ".join(str(error).split())[:300])


def _wait_until_ready(
    actors: list[Any], num_gpus: float, config: ActorPoolConfig, name: str
) -> None:
    try:
        ray.get([actor.is_ready.remote() for actor in actors], timeout=config.start_timeout_s)
    except GetTimeoutError as error:
        raise UserError(
            f"{len(actors)} actors of {name} with {config.num_cpus:g} CPU and {num_gpus:g} GPU "
            f"each were not ready after {config.start_timeout_s:g} s: lower actors.num_actors or "
            "actors.num_gpus, or add nodes"
        ) from error
    except RayError as error:
        cause = str(error).strip().splitlines()[-1]
        raise UserError(f"{name} did not start: {cause}") from error
