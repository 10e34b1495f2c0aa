"""``python -m ingest.benchmark.simulate``: time and peak memory of the driver for many sources.

Everything is real except the work on a video: rows from a JSON-lines manifest, the register, a
bounded number of tasks in flight, outcome files, ledger and report. **Decoding is replaced by a
sleep of 1 ms**, which every outcome states. Each size runs in a process of its own, because the
peak of resident memory never falls.
"""

from __future__ import annotations

import hashlib
import itertools
import json
import resource
import subprocess
import sys
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Annotated

import numpy as np
import typer

from ingest.conventions import cli
from ingest.execution.ray_tasks import run_tasks
from ingest.execution.tasks import Finished
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat, encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate
from ingest.ledger.source_files import KeptSource, write_unkept, write_video
from ingest.ledger.source_register import Register
from ingest.per_source.isolated_row_function import Job
from ingest.per_source.row_function import IngestVideo, SourceResult, initial_outcome
from ingest.run.conclusion import conclude
from ingest.run.intake import Intake, RunOptions
from ingest.settings import IngestConfig
from ingest.sources.discover import discover

STAND_IN_S = 0.001
"""Seconds of the sleep that replaces decoding."""
SIMULATED_DETAIL = "SIMULATED: decoding was replaced by a sleep"
KEPT_EVERY = 100
"""One source in so many is kept, with two tiny keyframes; the others are refused."""
NUM_THREADS = 8
"""Threads that run the stand-ins without Ray."""
IN_FLIGHT = 32
"""Most sources in flight without Ray."""

app = cli.new_app("Simulated runs: peak memory of the driver by number of sources.")


@app.command()
def simulate(
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for the datasets")],
    rows: Annotated[
        list[int] | None, typer.Option(help="Rows of a manifest; may be repeated")
    ] = None,
    on_ray: Annotated[bool, typer.Option("--ray", help="Real Ray tasks, else threads")] = False,
    in_this_process: Annotated[bool, typer.Option(hidden=True)] = False,
) -> None:
    """Run each size and print one JSON line: rows, seconds, peak MiB of the driver."""
    for number in rows or [1000, 10_000]:
        if in_this_process:
            print(json.dumps(_simulate(number, output / f"{number}", on_ray)), flush=True)
            continue
        words = ["--output", str(output), "--rows", str(number), "--in-this-process"]
        command = [
            sys.executable,
            "-m",
            "ingest.benchmark.simulate",
            *words,
            *(["--ray"] if on_ray else []),
        ]
        subprocess.run(command, check=True)


def _simulate(number: int, root: Path, on_ray: bool) -> dict[str, object]:
    """Run `number` sources in this process; returns the line to print."""
    dataset, config = Dataset(root), IngestConfig()
    dataset.keyframes.mkdir(parents=True, exist_ok=True)
    manifest = root / "manifest.jsonl"
    with manifest.open("w") as file:
        for row in range(number):
            address = f"https://stand-in.invalid/{row:08d}.mp4"
            file.write(json.dumps({"uri": address, "licence": "CC0-1.0", "source": "none"}) + "\n")
    start = time.monotonic()
    with closing(Register(dataset.register_sqlite)) as register:
        kind = RayIntake if on_ray else ThreadIntake
        intake = kind(dataset, config, RunOptions(), register, lambda outcome, is_reused: None)
        intake.ingest_rows(discover([str(manifest)]))
    worked_s = time.monotonic() - start
    conclude(dataset, config)
    return {
        "rows": number,
        "executor": "ray" if on_ray else "threads",
        "stand_in": f"decoding replaced by a sleep of {STAND_IN_S * 1000:g} ms",
        "sources": intake.result.num_sources,
        "work_s": round(worked_s, 1),
        "conclude_s": round(time.monotonic() - start - worked_s, 1),
        "driver_peak_mb": round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1),
    }


class StandIn:
    """Replaces `IsolatedIngest`: it sleeps instead of decoding and writes a simulated outcome."""

    def __init__(self, ingest: IngestVideo) -> None:
        self.ingest = ingest

    def __call__(self, job: Job) -> SourceResult:
        time.sleep(STAND_IN_S)
        dataset, row = Dataset(self.ingest.root), job.row
        video_id = hashlib.sha256(row.uri.encode()).hexdigest()[:16]
        outcome = initial_outcome(row, self.ingest.config).model_copy(
            update={
                "video_id": video_id,
                "painting_id": video_id,
                "detail": SIMULATED_DETAIL,
                "num_sampled_frames": 2,
                "duration_s": 2.0,
            }
        )
        if int(video_id, 16) % KEPT_EVERY:
            refused = {"status": "refused", "reason": "no-painting"}
            return SourceResult(write_unkept(dataset, outcome.model_copy(update=refused)), "stamp")
        rng = np.random.default_rng(int(video_id, 16))
        pictures = rng.integers(0, 255, (2, 24, 32, 3), dtype=np.uint8)
        keyframes: list[tuple[Keyframe, ImageFormat, bytes]] = [
            (
                Keyframe(video_id=video_id, index=i, time_s=i, target=1),
                "jpg",
                encode_image(p, "jpg"),
            )
            for i, p in enumerate(pictures)
        ]
        frames = [FrameFate(i, float(i), keyframes=(i,)) for i in range(len(keyframes))]
        return SourceResult(
            write_video(dataset, KeptSource(outcome, keyframes, None, frames)), "stamp"
        )


class RayIntake(Intake):
    """An `Intake` whose Ray tasks are stand-ins."""

    def _execute(self, jobs: Iterator[Job]) -> Iterator[Finished[Job, SourceResult]]:
        return run_tasks(StandIn(self.ingest), jobs, self.config.run)


class ThreadIntake(Intake):
    """An `Intake` whose stand-ins run in threads of the driver, a bounded number in flight."""

    def _execute(self, jobs: Iterator[Job]) -> Iterator[Finished[Job, SourceResult]]:
        function = StandIn(self.ingest)
        with ThreadPoolExecutor(NUM_THREADS) as pool:
            running: deque[tuple[Job, Future[SourceResult]]] = deque()
            while True:
                for job in itertools.islice(jobs, IN_FLIGHT - len(running)):
                    running.append((job, pool.submit(function, job)))
                if not running:
                    return
                job, future = running.popleft()
                yield Finished(job, future.result())


if __name__ == "__main__":
    cli.run_app(app)
