"""The commands ``python -m training text|mask|renderer DATASET -o RUN`` and ``... painter``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.conventions.cli import (
    ConfigOption,
    DryRunOption,
    JsonOption,
    RayAddressOption,
    SetOption,
    new_app,
    run_app,
    write_result,
)

app = new_app("Train the networks on a dataset's shards and put them together as a painter.")

DatasetArgument = Annotated[
    Path, typer.Argument(help="Dataset folder with shards", metavar="DATASET", show_default=False)
]
RunOption = Annotated[
    Path,
    typer.Option("-o", "--out", help="Run folder; the same command goes on in it", metavar="RUN"),
]
PartOption = Annotated[
    Path | None,
    typer.Option(help="Its run folder, or a painter folder to take it from", metavar="FOLDER"),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers",
        min=0,
        help="Processes on Ray that train together, a GPU each; 0: this process alone",
        metavar="N",
    ),
]


@app.command()
def text(
    dataset: DatasetArgument,
    out: RunOption,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    workers: WorkersOption = 0,
    ray_address: RayAddressOption = None,
    json: JsonOption = None,
) -> None:
    """Train the instruction generator (g_text): what is painted next."""
    from training.run import run_training

    result = run_training("text", dataset, out, config, set, dry_run, workers, ray_address)
    write_result(json, result)


@app.command()
def mask(
    dataset: DatasetArgument,
    out: RunOption,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    workers: WorkersOption = 0,
    ray_address: RayAddressOption = None,
    json: JsonOption = None,
) -> None:
    """Train the region mask generator (g_mask): where it is painted."""
    from training.run import run_training

    result = run_training("mask", dataset, out, config, set, dry_run, workers, ray_address)
    write_result(json, result)


@app.command()
def renderer(
    dataset: DatasetArgument,
    out: RunOption,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    workers: WorkersOption = 0,
    ray_address: RayAddressOption = None,
    json: JsonOption = None,
) -> None:
    """Train the canvas renderer: how it looks afterwards."""
    from training.run import run_training

    result = run_training("renderer", dataset, out, config, set, dry_run, workers, ray_address)
    write_result(json, result)


@app.command()
def painter(
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Painter folder to write", metavar="FOLDER")
    ],
    text: PartOption = None,
    mask: PartOption = None,
    renderer: PartOption = None,
    json: JsonOption = None,
) -> None:
    """Put trained networks together as a painter folder."""
    from training.painter.assemble import assemble_painter

    write_result(json, assemble_painter({"text": text, "mask": mask, "renderer": renderer}, out))


if __name__ == "__main__":
    run_app(app)
