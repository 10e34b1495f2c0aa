"""Runs independent tasks on Ray, with a bounded number in flight.

Only this file and `ingest.execution.ray_actors` import Ray: stages are plain functions from an item
to a result. The failure of one item does not stop the others. The order of results does not matter:
outputs are named by content.
"""

from __future__ import annotations

import atexit
import itertools
import os
import shutil
import time
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayError, RayTaskError

from ingest.conventions.errors import UserError
from ingest.execution.ray_address import check_cluster_answers, short_temporary_folder
from ingest.execution.tasks import Finished, Item, Result, RunConfig, TaskFailure

STALL_GRACE_S = 60.0
"""Seconds beyond a task's own limit without any finished task, after which tasks are cancelled."""


def connect(address: str | None = None) -> None:
    """Join the cluster at `address` or RAY_ADDRESS, or start a private Ray on this machine.

    Without an address a local Ray is started explicitly: `ray.init()` without arguments could join
    another user's cluster on this machine.

    Raises:
        UserError: no cluster answers at the address.
    """
    if ray.is_initialized():
        return
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    # A run that ends at a full disk leaves tasks behind; Ray would print the traceback of each.
    os.environ.setdefault("RAY_IGNORE_UNHANDLED_ERRORS", "1")
    # By default Ray retries a task that its memory monitor kills for ever.
    os.environ.setdefault("RAY_task_oom_retries", "2")
    target = address or os.environ.get("RAY_ADDRESS")
    options: dict[str, Any] = {"log_to_driver": False, "logging_level": "ERROR"}
    if target and target != "local":
        origin = "--ray-address" if address else "RAY_ADDRESS"
        check_cluster_answers(target, origin)
        try:
            ray.init(address=target, **options)
        except (ConnectionError, RuntimeError, ValueError) as error:
            cause = " ".join(str(error).split())[:200]
            raise UserError(f"{origin} {target} cannot be joined: {cause}") from error
        return
    folder = short_temporary_folder()
    if folder is not None:
        atexit.register(_remove_after_ray, folder)
    root = str(Path(__file__).resolve().parents[2])
    ray.init(
        address="local",
        _temp_dir=folder,
        include_dashboard=False,
        num_cpus=os.cpu_count(),
        # Workers start in other folders; they must find our packages before others of these names.
        runtime_env={"env_vars": {"PYTHONPATH": root}},
        **options,
    )


def disconnect() -> None:
    """Leave the cluster; a private Ray stops."""
    ray.shutdown()


def _remove_after_ray(folder: str) -> None:
    """Remove the folder of a private Ray, which writes into it until it stops."""
    ray.shutdown()
    shutil.rmtree(folder, ignore_errors=True)


def run_tasks(
    function: Callable[[Item], Result],
    items: Iterable[Item],
    config: RunConfig,
    address: str | None = None,
) -> Iterator[Finished[Item, Result]]:
    """Run `function` on every item, yielding each as it finishes (in no fixed order).

    Items are read lazily and at most `max_in_flight` are submitted, so the driver's memory does
    not grow with their number. An item whose worker hangs is cancelled when no task has
    finished for `timeout_s` and a minute; waiting for a busy cluster does not count as hanging.
    (`ingest.execution.isolation` limits the time of each item from its start.)
    """
    connect(address)
    slots = max(1, int(_cluster_slots(config)))
    remote = ray.remote(
        num_cpus=config.num_cpus,
        num_gpus=config.num_gpus,
        max_retries=config.max_retries,
        # Retries are for killed workers; an exception of the function would only repeat.
        retry_exceptions=False,
    )(_run_one)
    # Sent once, not with each item: it may hold a config.
    shared = ray.put(function)
    limit = config.max_in_flight or max(2, 2 * slots)
    waiting = iter(items)
    running: dict[ray.ObjectRef, Item] = {}
    last_finish_s = time.monotonic()
    while True:
        for item in itertools.islice(waiting, limit - len(running)):
            running[remote.remote(shared, item)] = item
        if not running:
            return
        done, _ = ray.wait(list(running), num_returns=1, timeout=1.0)
        for reference in done:
            last_finish_s = time.monotonic()
            yield Finished(running.pop(reference), _result(reference))
        if time.monotonic() - last_finish_s > config.timeout_s + STALL_GRACE_S:
            # The oldest tasks are the running ones; those that wait behind them keep their turn.
            for reference in list(running)[:slots]:
                yield Finished(running.pop(reference), _cancelled(reference, config))
            last_finish_s = time.monotonic()


def _cancelled(reference: ray.ObjectRef, config: RunConfig) -> TaskFailure:
    ray.cancel(reference, force=True)
    detail = f"its worker gave no sign for {config.timeout_s:g} s and a minute"
    return TaskFailure("timeout", detail)


def _run_one(function: Callable[[Any], Any], item: Any) -> Any:
    return function(item)


def _result(reference: ray.ObjectRef) -> Any:
    try:
        return ray.get(reference, timeout=60)
    except RayTaskError as error:
        return TaskFailure.of_exception(getattr(error, "cause", None), str(error))
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
