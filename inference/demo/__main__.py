"""``make demo``: runs every stage on synthetic films, then writes one page about all of them.

Each stage is run by its command, as a user would run it. A rerun continues: finished stages find
their outputs and return at once.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated

import typer

from inference.demo.stages import run_stage, stages
from ingest.conventions.cli import new_app, run_app

app = new_app("Film, ingest, label, train and paint, small, and write report.html.")


def unseen_pictures(folder: Path, seed: int) -> None:
    """Write two finished paintings with seeds that the films do not have."""
    from ingest.conventions.atomic import write_bytes
    from ingest.format.images import encode_image
    from ingest.studio.painting.playback import paint_picture

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
    from inference.demo.report import write_report

    write_report(out, timed, time.monotonic() - start)
    print(f"\ndone in {time.monotonic() - start:.0f} s; open {out / 'report.html'}")


if __name__ == "__main__":
    run_app(app)
