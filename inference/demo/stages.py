"""Lists the commands of the demo in order, and runs one."""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from ingest.conventions.errors import UserError

OLD_MASTERS = Path(__file__).parent / "pictures"
"""Folder of three paintings by old masters, scaled down: van Gogh's self-portrait with palette
(1889), a haystack picture by Monet, Cézanne's basket of apples (about 1893); public domain."""
SHIPPED = Path(__file__).parents[2] / "weights" / "order"
"""Folder of the shipped order network."""


@dataclass(frozen=True)
class DemoStage:
    """One command of the demo: its title and its arguments after ``python -m``."""

    title: str
    arguments: list[str]


@dataclass(frozen=True)
class TimedStage:
    """A stage that ran, the last lines that it printed, and how long it took."""

    stage: DemoStage
    seconds: float
    output: str

    @property
    def command(self) -> str:
        return "python -m " + " ".join(self.stage.arguments)


def stages(
    out: Path, seed: int, num_videos: int, side_px: int, seconds: int, train_s: int
) -> list[DemoStage]:
    """The commands, in order; `out` holds everything that they make."""
    videos, dataset, painter = out / "videos", out / "dataset", out / "painter"
    runs = {name: out / "runs" / name for name in ("text", "mask", "renderer")}
    # Twenty times real time, as time-lapses: training depends on the interval of keyframes.
    film = f"ingest.studio --seed {seed} --count {num_videos} --speed 20 -o {videos}"
    largest = f"--set inference.picture.max_side_px={round(1.6 * side_px)}"
    masters = f"inference paint {OLD_MASTERS} -o {out / 'masters'} --seconds 12 {largest}"
    plan = [
        DemoStage("Paint old masters with the shipped weights", masters.split()),
        DemoStage(
            "Film paintings", f"{film} --side {side_px} --fps 12 --seconds {seconds}".split()
        ),
        DemoStage(
            "Find the canvas, keep keyframes", f"ingest {videos}/manifest.csv -o {dataset}".split()
        ),
        DemoStage("Region masks", f"labeling regions {dataset}".split()),
        DemoStage("Instructions", f"labeling instructions {dataset}".split()),
        DemoStage("Training shards", f"labeling shards {dataset}".split()),
    ]
    for name, run in runs.items():
        limit = f"--set training.{name}.loop.max_time_s={train_s}"
        plan.append(
            DemoStage(f"Train: {name}", f"training {name} {dataset} -o {run} {limit}".split())
        )
    tuned = f"training.order {dataset} -o {runs['text'].parent / 'order'} --studio 0 --epochs 8"
    plan.append(DemoStage("Fine-tune the shipped order", f"{tuned} --initial {SHIPPED}".split()))
    parts = " ".join(f"--{name} {run}" for name, run in runs.items())
    plan.append(
        DemoStage("Put the painter together", f"training painter {parts} -o {painter}".split())
    )
    paint = f"inference paint {out / 'pictures'} --painter {painter} -o {out / 'painted'}"
    plan.append(DemoStage("Paint two new pictures with the new networks", paint.split()))
    return plan


def run_stage(stage: DemoStage) -> TimedStage:
    """Run one command and print its output. Raises UserError if it fails."""
    print(f"\n== {stage.title}\n$ python -m {' '.join(stage.arguments)}", flush=True)
    start = time.monotonic()
    process = subprocess.Popen(
        [sys.executable, "-m", *stage.arguments],
        stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, errors="replace",
    )  # fmt: skip
    assert process.stdout is not None
    lines = []
    for line in process.stdout:
        print(line, end="", flush=True)
        lines.append(line)
    if process.wait() != 0:
        raise UserError(f"the stage {stage.title!r} ended with exit code {process.returncode}")
    return TimedStage(stage, time.monotonic() - start, "".join(lines[-30:]))
