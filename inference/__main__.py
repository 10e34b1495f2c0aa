"""``python -m inference paint PICTURE... -o OUT``: a finished picture's making, step by step."""

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

app = new_app("Paint pictures step by step with a trained painter.")


@app.callback()
def inference() -> None:
    """Paint pictures step by step with a trained painter."""


@app.command()
def paint(
    pictures: Annotated[
        list[Path],
        typer.Argument(
            help="Picture files, or folders of them", metavar="PICTURE...", show_default=False
        ),
    ],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Each picture gets a folder in it", metavar="OUT")
    ],
    painter: Annotated[
        str | None,
        typer.Option(help="Painter folder or hub name [weights/pocket]", metavar="PAINTER"),
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all noise [0]")] = None,
    interval: Annotated[
        float | None,
        typer.Option(help="Painting seconds a step stands for [the painter's own; paper: 20]"),
    ] = None,
    max_steps: Annotated[int | None, typer.Option(help="Most steps a picture [50]")] = None,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
) -> None:
    """Paint each picture from a white canvas; writes OUT/<picture>/ with film, GIF and page.

    Run it again to continue: pictures that are finished with the same settings are left alone.
    """
    from inference.command import run_paint
    from inference.settings import InferenceConfig
    from ingest.config import load_section

    asked = {
        "painter": painter,
        "rollout.seed": seed,
        "rollout.interval_s": interval,
        "stop.max_steps": max_steps,
    }
    given = [f"inference.{key}={value}" for key, value in asked.items() if value is not None]
    settings = load_section("inference", InferenceConfig, config, [*(set or []), *given])
    result, code = run_paint(pictures, out, settings, dry_run)
    write_result(json, result)
    raise typer.Exit(code)


if __name__ == "__main__":
    run_app(app)
