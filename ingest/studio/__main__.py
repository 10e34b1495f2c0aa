"""``python -m ingest.studio``: synthetic footage with its truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.cli import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    SetOption,
    new_app,
    run_app,
    write_result,
)

app = new_app("Paint landscapes stroke by stroke and film them, with the truth beside every film.")


@app.command()
def film(
    output: Annotated[
        Path, typer.Option("-o", "--output", "--out", help="Folder for films and truth")
    ],
    seed: Annotated[
        int, typer.Option(help="Seed of the first film; each further one adds 1", min=0)
    ] = 0,
    count: Annotated[int, typer.Option(help="How many films", min=1)] = 1,
    profile: Annotated[str | None, typer.Option(help="Camera: tripod or handheld [tripod]")] = None,
    side: Annotated[
        int | None, typer.Option(help="Short side of the canvas in pixels [512]")
    ] = None,
    fps: Annotated[int | None, typer.Option(help="Frames a second [12]")] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of each film [40]")] = None,
    aspect: Annotated[float | None, typer.Option(help="Canvas width over height [1.25]")] = None,
    speed: Annotated[
        float | None, typer.Option(help="Real seconds a video second stands for [1]")
    ] = None,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
) -> None:
    """Film COUNT paintings: NAME.mp4, NAME.truth/ and manifest.csv. Rerun to continue."""
    from ingest.config import to_yaml
    from ingest.studio.shoot import plan_of, resolve, shoot_all

    given = {
        "profile": profile,
        "side_px": side,
        "fps": fps,
        "seconds": seconds,
        "aspect": aspect,
        "speed": speed,
    }
    settings = resolve(config, set or [], given)
    if dry_run:
        print(to_yaml(settings, "studio"), end="")
        for film_ in plan_of(seed, count, settings):
            print(f"{output / film_.name}.mp4  seed {film_.seed}  {film_.split}")
        return
    write_result(json, shoot_all(seed, count, settings, output))


if __name__ == "__main__":
    run_app(app)
