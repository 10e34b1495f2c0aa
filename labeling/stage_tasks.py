"""Shared by all stages: opens a dataset, and runs tasks on Ray with a progress bar."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import Config, to_record_yaml
from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import Finished, RunConfig, TaskFailure, run_tasks
from ingest.format.dataset import Dataset

Item = TypeVar("Item")
Result = TypeVar("Result")
Runner = Callable[..., Iterator[Finished[Any, Any]]]
"""Runs a function on items; has the signature of `ingest.execution.ray_tasks.run_tasks`."""
Failure = dict[str, str]
"""A task that failed: ``item`` (its name), ``reason`` (one word) and ``detail`` (a sentence)."""


@dataclass(frozen=True)
class Execution:
    """How many tasks run at once, and on which Ray cluster."""

    run: RunConfig
    address: str | None
    """Address of the cluster; None starts Ray on this machine."""


def open_stage(root: Path, stage: str, config: Config) -> Dataset:
    """Open a dataset for a stage.

    Deletes temporary files that a killed run left, and saves the resolved config in the dataset.

    Args:
        config: the config of the whole package.

    Raises:
        UserError: there is no dataset at `root`, or it has no keyframes.
    """
    dataset = Dataset.existing(root)
    if not dataset.video_ids():
        raise UserError(
            f"{root} has no video with keyframes: run `python -m ingest` on other videos"
        )
    for folder in ("config", "labels", "shards"):
        remove_stale_temporaries(dataset.root / folder)
    write_bytes(dataset.config_yaml(stage), to_record_yaml(config, "labeling"))
    return dataset


def run_all(
    title: str,
    function: Callable[[Item], Result],
    tasks: Sequence[Item],
    execution: Execution,
    name_of: Callable[[Item], str],
    describe: Callable[[Result], str],
    runner: Runner | None = None,
) -> tuple[list[Result], list[Failure]]:
    """Run every task, and print a line for each as it finishes.

    Args:
        title: name of the stage on the progress bar.
        name_of: gives the name of a task.
        describe: gives the line printed for a result.
        runner: replaces `ingest.execution.ray_tasks.run_tasks`.

    Returns:
        Results and failures, each in the order of `tasks`.

    Raises:
        UserError: several tasks were given and all failed for the same reason, or the output
            cannot be written.
    """
    results: dict[str, Result] = {}
    failed: dict[str, Failure] = {}
    if not tasks:
        return [], []
    console = Console(highlight=False, soft_wrap=True)
    bar = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        row = progress.add_task(title, total=len(tasks))
        run: Runner = runner or run_tasks
        for finished in run(function, tasks, execution.run, execution.address):
            name, result = name_of(finished.item), finished.result
            if isinstance(result, TaskFailure):
                if result.reason == "storage":
                    # Every further task would fail at the same disk.
                    raise UserError(result.detail)
                detail = result.detail.removeprefix(f"{UserError.__module__}.UserError: ")
                is_known = any(failure["detail"] == detail for failure in failed.values())
                failed[name] = {"item": name, "reason": result.reason, "detail": detail}
                line = "failed like the one above" if is_known else f"failed: {detail}"
            else:
                results[name] = result
                line = describe(result)
            console.print(f"{title} {name}: {escape(line)}")
            progress.advance(row)
    details = {failure["detail"] for failure in failed.values()}
    if len(failed) == len(tasks) > 1 and len(details) == 1:
        raise UserError(f"{title}: all {len(tasks)} tasks failed: {details.pop()}")
    names = [name_of(task) for task in tasks]
    return [results[n] for n in names if n in results], [failed[n] for n in names if n in failed]
