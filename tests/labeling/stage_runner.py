"""Runs stages in forked processes, so that a test can kill them at any moment.

Standard input: lines ``STAGE ROOT [URL]``. Standard output: the process id of each fork, then its
exit status. Everything is imported before the first fork; tasks run without Ray.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas  # noqa: F401  (imported before the fork)
from pyarrow import parquet  # noqa: F401

from ingest.execution.tasks import Finished
from labeling import pipeline, stage_tasks
from labeling.instructions.batch_labeling import label_videos, shared_labeler
from labeling.settings import LabelingConfig


def run_here(function: Any, items: Any, *_: Any) -> Iterator[Finished[Any, Any]]:
    for item in items:
        yield Finished(item, function(item))


def blocks_here(_: Any, tasks: Any, *__: Any) -> Iterator[Finished[Any, Any]]:
    results = label_videos(tasks, shared_labeler(tasks[0].instructions))
    for task, result in zip(tasks, results, strict=True):
        if isinstance(result, Exception):
            raise result
        yield Finished(task, result)


def stage(name: str, root: str, url: str = "") -> None:
    if name == "shards":
        config = LabelingConfig.model_validate({"shards": {"samples_per_shard": 3}})
        pipeline.run_shards(Path(root), config)
    else:
        endpoint = {"url": url, "model": "m", "concurrency": 1}
        instructions = {"labeler": "endpoint", "batch_size": 3, "endpoint": endpoint}
        config = LabelingConfig.model_validate({"instructions": instructions})
        pipeline.run_instructions(Path(root), config)


def main() -> None:
    stage_tasks.run_tasks = run_here
    pipeline.run_on_labeler_actors = blocks_here
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
            status = 1
            try:
                stage(*line.split())
                status = 0
            finally:
                sys.stderr.flush()
                os._exit(status)
        print(child, flush=True)
        print(os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), flush=True)


if __name__ == "__main__":
    main()
