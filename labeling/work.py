"""What stages share: an opened dataset, and tasks with a bar and a line each while Ray works."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from ingest.conventions.atomic import remove_stale_temporaries, write_bytes
from ingest.conventions.config import Config, to_yaml
from ingest.conventions.errors import UserError
from ingest.execution.ray_tasks import Finished, RunConfig, TaskFailure, run_tasks
from ingest.format.dataset import Dataset

Item = TypeVar("Item")
Result = TypeVar("Result")
Runner = Callable[..., Iterator[Finished[Any, Any]]]
"""Runs a function on items, as `ingest.execution.ray_tasks.run_tasks` does."""
Failure = dict[str, str]
"""A task that gave no result: ``item``, ``reason`` (one word) and ``detail`` (a sentence)."""


@dataclass(frozen=True)
class Layout:
    """How work is laid out and where it runs."""

    run: RunConfig
    address: str | None


def open_stage(root: Path, stage: str, config: Config) -> Dataset:
    """The dataset, with the stage's resolved config saved in it and without what kills left.

    Args:
        config: all settings of this package, to be saved.
    """
    dataset = Dataset.existing(root)
    if not dataset.video_ids():
        raise UserError(
            f"{root} has no video with keyframes: run `python -m ingest` on other videos"
        )
    for folder in ("config", "labels", "shards"):
        remove_stale_temporaries(dataset.root / folder)
    write_bytes(dataset.config_yaml(stage), to_yaml(config, "labeling").encode())
    return dataset


def do_all(
    title: str,
    function: Callable[[Item], Result],
    tasks: Sequence[Item],
    layout: Layout,
    name_of: Callable[[Item], str],
    describe: Callable[[Result], str],
    run: Runner | None = None,
) -> tuple[list[Result], list[Failure]]:
    """Run every task; results and failures, both in the tasks' order whatever came first.

    Args:
        run: in the place of `ingest.execution.ray_tasks.run_tasks`.

    Raises:
        UserError: every task failed for one and the same reason, so it is not about the items.
    """
    found: dict[str, Result] = {}
    failed: dict[str, Failure] = {}
    if not tasks:
        return [], []
    console = Console(highlight=False, soft_wrap=True)
    bar = (TextColumn(title), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*bar, console=console, transient=True) as progress:
        row = progress.add_task(title, total=len(tasks))
        runner: Runner = run or run_tasks
        for finished in runner(function, tasks, layout.run, layout.address):
            name, result = name_of(finished.item), finished.result
            if isinstance(result, TaskFailure):
                detail = result.detail.removeprefix(f"{UserError.__module__}.UserError: ")
                is_known = any(failure["detail"] == detail for failure in failed.values())
                failed[name] = {"item": name, "reason": result.reason, "detail": detail}
                line = "failed like the one above" if is_known else f"failed: {detail}"
            else:
                found[name] = result
                line = describe(result)
            console.print(f"{title} {name}: {escape(line)}")
            progress.advance(row)
    details = {failure["detail"] for failure in failed.values()}
    if len(failed) == len(tasks) > 1 and len(details) == 1:
        raise UserError(f"{title}: all {len(tasks)} tasks failed: {details.pop()}")
    names = [name_of(task) for task in tasks]
    return [found[n] for n in names if n in found], [failed[n] for n in names if n in failed]
