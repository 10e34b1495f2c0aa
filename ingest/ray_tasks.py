"""The only file that knows Ray: independent tasks, a bounded number of them in flight.

Stages are plain functions from an item to a result; they neither know nor need Ray. Failures of
one item never stop the others, and the order of results decides nothing: outputs are named by
content.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Generic, TypeVar

import ray
from pydantic import Field
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from ingest.config import Config

Item = TypeVar("Item")
Result = TypeVar("Result")


class RunConfig(Config):
    """How the work is laid out. None of it can change a byte of what is written."""

    num_cpus: float = Field(default=1.0, gt=0)
    """CPU cores that one task reserves."""
    num_gpus: float = Field(default=0.0, ge=0)
    """GPU share that one task reserves."""
    max_in_flight: int = Field(default=0, ge=0)
    """Tasks submitted and not yet done; 0 means twice what the cluster can run at once."""
    max_retries: int = Field(default=2, ge=0)
    """How often a task is tried again when its worker was killed."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """A task that runs longer is stopped and its item recorded as failed."""


@dataclass(frozen=True)
class TaskFailure:
    """A task that gave no result: its worker died, it ran too long, or it raised."""

    reason: str
    """worker-died, timeout or exception."""
    detail: str


@dataclass(frozen=True)
class Finished(Generic[Item, Result]):
    """One item and what came of it."""

    item: Item
    result: Result | TaskFailure


def connect(address: str | None = None) -> None:
    """Join the cluster at `address` or RAY_ADDRESS, or start a private Ray on this machine.

    Without an address a local Ray is started explicitly: a bare `ray.init()` could join somebody
    else's cluster that happens to run here.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    target = address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if target:
        ray.init(address=target, **options)
        return
    root = str(Path(__file__).resolve().parents[1])
    ray.init(
        address="local",
        include_dashboard=False,
        num_cpus=os.cpu_count(),
        # Workers start elsewhere; they must find our packages before any installed namesake.
        runtime_env={"env_vars": {"PYTHONPATH": root}},
        **options,
    )


def disconnect() -> None:
    """Leave the cluster; a private Ray stops."""
    ray.shutdown()


def run_tasks(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    config: RunConfig,
    address: str | None = None,
) -> Iterator[Finished[Item, Result]]:
    """Run `function` on every item, yielding each as it finishes (in no fixed order).

    Items are drawn lazily and at most `max_in_flight` are submitted, so the driver's memory does
    not grow with their number.
    """
    connect(address)
    remote = ray.remote(
        num_cpus=config.num_cpus,
        num_gpus=config.num_gpus,
        max_retries=config.max_retries,
        # An exception of ours would only come again; retries are for killed workers.
        retry_exceptions=False,
    )(function)
    limit = config.max_in_flight or max(2, 2 * int(_cluster_slots(config)))
    waiting = iter(items)
    running: dict[ray.ObjectRef, tuple[Item, float]] = {}
    exhausted = False
    while True:
        while not exhausted and len(running) < limit:
            try:
                item = next(waiting)
            except StopIteration:
                exhausted = True
                break
            running[remote.remote(item)] = (item, time.monotonic())
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1, timeout=1.0)
        for reference in done:
            item, _ = running.pop(reference)
            yield Finished(item, _result(reference))
        # The clock starts when a task is submitted; as at most two rounds are queued, twice the
        # limit bounds the time that one of them may take.
        now = time.monotonic()
        late = [r for r, (_, start) in running.items() if now - start > 2 * config.timeout_s]
        for reference in late:
            item, _ = running.pop(reference)
            ray.cancel(reference, force=True)
            yield Finished(item, TaskFailure("timeout", f"no result in {config.timeout_s:g} s"))


def _result(reference: ray.ObjectRef) -> Any:
    try:
        return ray.get(reference, timeout=60)
    except RayTaskError as error:
        return TaskFailure("exception", str(error).strip().splitlines()[-1])
    except GetTimeoutError:
        return TaskFailure("worker-died", "the result could not be fetched from its node")
    except RayError as error:
        return TaskFailure("worker-died", " ".join(str(error).split())[:300])


def _cluster_slots(config: RunConfig) -> float:
    resources = ray.cluster_resources()
    slots = resources.get("CPU", 1.0) / config.num_cpus
    if config.num_gpus:
        slots = min(slots, resources.get("GPU", 0.0) / config.num_gpus)
    return slots
