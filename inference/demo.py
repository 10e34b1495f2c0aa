"""``make demo``: every stage on footage of our own making, then one page that shows it all.

Each stage is run as a user would run it, by its command, so the demo is also the tour of commands.
Rerunning continues: finished stages see their own outputs and return at once.
"""

from __future__ import annotations

import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from ingest.cli import new_app, run_app
from ingest.errors import UserError

app = new_app("Film, ingest, label, train and paint, small, and write report.html.")


@dataclass(frozen=True)
class Stage:
    """One command of the demo: a title for people, the arguments after ``python -m``."""

    title: str
    arguments: list[str]


@dataclass(frozen=True)
class Timed:
    """A stage that ran, the last lines that it printed, and how long it took."""

    stage: Stage
    seconds: float
    output: str

    @property
    def command(self) -> str:
        return "python -m " + " ".join(self.stage.arguments)


def stages(
    out: Path, seed: int, num_videos: int, side_px: int, seconds: int, train_s: int
) -> list[Stage]:
    """The commands, in order; `out` holds everything that they make."""
    videos, dataset, painter = out / "videos", out / "dataset", out / "painter"
    runs = {name: out / "runs" / name for name in ("text", "mask", "renderer")}
    # Twenty times faster than life, as time-lapses are: the interval between keyframes matters.
    film = f"ingest.studio --seed {seed} --count {num_videos} --speed 20 -o {videos}"
    plan = [
        Stage("Film paintings", f"{film} --side {side_px} --fps 12 --seconds {seconds}".split()),
        Stage(
            "Find the canvas, keep keyframes", f"ingest {videos}/manifest.csv -o {dataset}".split()
        ),
        Stage("Region masks", f"labeling regions {dataset}".split()),
        Stage("Instructions", f"labeling instructions {dataset}".split()),
        Stage("Training shards", f"labeling shards {dataset}".split()),
    ]
    for name, run in runs.items():
        limit = f"--set training.{name}.loop.max_time_s={train_s}"
        plan.append(Stage(f"Train: {name}", f"training {name} {dataset} -o {run} {limit}".split()))
    parts = " ".join(f"--{name} {run}" for name, run in runs.items())
    plan.append(Stage("Put the painter together", f"training painter {parts} -o {painter}".split()))
    paint = f"inference paint {out / 'pictures'} --painter {painter} -o {out / 'painted'}"
    plan.append(Stage("Paint two new pictures", paint.split()))
    return plan


def run_stage(stage: Stage) -> Timed:
    """Run one command, passing on what it prints. Raises UserError when it fails."""
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
    return Timed(stage, time.monotonic() - start, "".join(lines[-30:]))


def unseen_pictures(folder: Path, seed: int) -> None:
    """Two finished paintings whose seeds the corpus does not have."""
    from ingest.atomic import write_bytes
    from ingest.images import encode_image
    from ingest.studio.performance import paint_picture

    for number, size_px in enumerate(((480, 384), (448, 448)), start=1):
        path = folder / f"unseen_{number}.png"
        if not path.is_file():
            picture = paint_picture(seed + 1000 + number, size_px)
            write_bytes(path, encode_image(picture, "png"))


@app.command()
def demo(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder for everything")] = Path(
        "out/demo"
    ),
    seed: Annotated[int, typer.Option(help="Seed of the films and pictures")] = 7,
    num_videos: Annotated[int, typer.Option("--videos", min=3, help="Films to make")] = 6,
    side: Annotated[int, typer.Option(min=96, help="Short side of the canvas in px")] = 320,
    seconds: Annotated[int, typer.Option(min=8, help="Length of a film")] = 25,
    train_s: Annotated[int, typer.Option(min=2, help="Seconds of training for each network")] = 45,
) -> None:
    """Film, ingest, label, train and paint, small, and write report.html."""
    start = time.monotonic()
    unseen_pictures(out / "pictures", seed)
    timed = [run_stage(stage) for stage in stages(out, seed, num_videos, side, seconds, train_s)]
    from inference.demo_report import write_report

    write_report(out, timed, time.monotonic() - start)
    print(f"\ndone in {time.monotonic() - start:.0f} s; open {out / 'report.html'}")


if __name__ == "__main__":
    run_app(app)
