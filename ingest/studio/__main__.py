"""``python -m ingest.studio``: makes synthetic painting videos and their ground truth."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.conventions.cli import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    SetOption,
    new_app,
    run_app,
    write_result,
)
from ingest.conventions.errors import UserError

app = new_app("Paint pictures stroke by stroke and film them, with the truth beside every film.")


OutputOption = Annotated[
    Path | None, typer.Option("-o", "--output", "--out", help="Folder for films and truth")
]
SeedOption = Annotated[
    int, typer.Option(help="Seed of the first film; each further one adds 1", min=0)
]
SideOption = Annotated[int | None, typer.Option(help="Short side of the canvas in pixels [512]")]
FpsOption = Annotated[int | None, typer.Option(help="Frames a second [12]")]

ProfileOption = Annotated[
    str | None, typer.Option(help="tripod, handheld, or hard: cut, zoomed, ... [tripod]")
]
SubjectOption = Annotated[
    str | None,
    typer.Option(help="landscape, portrait, still_life or any [landscape; any with hard]"),
]
SecondsOption = Annotated[float | None, typer.Option(help="Length of each film [40]")]
AspectOption = Annotated[
    float | None, typer.Option(help="Canvas width over height [1.25; by seed with hard]")
]
SpeedOption = Annotated[
    float | None, typer.Option(help="Real seconds a video second stands for [1]")
]


@app.callback(invoke_without_command=True)
def film(
    context: typer.Context,
    output: OutputOption = None,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option(help="How many films", min=1)] = 1,
    profile: ProfileOption = None,
    subject: SubjectOption = None,
    side: SideOption = None,
    fps: FpsOption = None,
    seconds: SecondsOption = None,
    aspect: AspectOption = None,
    speed: SpeedOption = None,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
) -> None:
    """Film COUNT paintings: NAME.mp4, NAME.truth/ and manifest.csv. Rerun to continue."""
    if context.invoked_subcommand is not None:
        return
    from ingest.conventions.config import to_yaml
    from ingest.conventions.unused_settings import refuse_unused_options
    from ingest.studio.corpus import film_paintings, plan_films, resolve_config

    given = {
        "profile": profile,
        "subject": subject,
        "side_px": side,
        "fps": fps,
        "seconds": seconds,
        "aspect": aspect,
        "speed": speed,
    }
    settings, folder = resolve_config(config, set or [], given), _folder(output)
    if dry_run:
        refuse_unused_options("--dry-run", {"--json": json})
        print(to_yaml(settings, "studio"), end="")
        for film_ in plan_films(seed, count, settings):
            print(f"{folder / film_.name}.mp4  seed {film_.seed}  {film_.split}")
        return
    write_result(json, film_paintings(seed, count, settings, folder))


@app.command()
def others(
    output: OutputOption = None,
    seed: SeedOption = 0,
    count: Annotated[int, typer.Option(help="How many films of each kind", min=1)] = 1,
    side: SideOption = None,
    fps: FpsOption = None,
    seconds: Annotated[float, typer.Option(help="Length of each film")] = 20.0,
    set: SetOption = None,
    json: JsonOption = None,
) -> None:
    """Film what is no painting (slideshow, reveal, ...); the truth names the expected refusal."""
    from ingest.studio.corpus import film_non_paintings, resolve_config

    given = {"side_px": side, "fps": fps, "seconds": seconds}
    write_result(
        json,
        film_non_paintings(seed, count, resolve_config(None, set or [], given), _folder(output)),
    )


def _folder(output: Path | None) -> Path:
    if output is None:
        raise UserError("no folder for the films: say -o FOLDER")
    return output


if __name__ == "__main__":
    run_app(app)
