"""The commands that import Paint Transformer's weights and train it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.conventions.cli import JsonOption, write_result
from ingest.format.images import sha256
from training.rivals.paint_transformer.brushes import Brushes, oil_brushes
from training.rivals.paint_transformer.published import read_published
from training.rivals.paint_transformer.settings import save_paint_transformer
from training.rivals.paint_transformer.train import train_paint_transformer
from training.rivals.paint_transformer.trainer import PaintTransformerTraining

DEFAULTS = PaintTransformerTraining()

STATED = "Apache-2.0, as the authors' repository states"
"""Licence of the published weights."""


def import_paint_transformer(
    file: Annotated[Path, typer.Argument(help="model.pth of the authors", metavar="MODEL.pth")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="FOLDER")],
) -> None:
    """Make a rival folder of Paint Transformer's published weights, with our brushes.

    Paint with it by `python -m inference paint PICTURE --painter FOLDER`.
    """
    network = read_published(file)
    provenance = {"published_file": file.name, "sha256": sha256(file.read_bytes())}
    save_paint_transformer(out, network, Brushes(oil_brushes()), provenance, STATED)
    print(f"imported {file.name} -> {out}: paint by --painter {out}")


def train_by_strokes(
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="FOLDER")],
    steps: Annotated[int, typer.Option(help="Steps in all", min=1)] = DEFAULTS.steps,
    batch: Annotated[
        int, typer.Option(help="Patches of a step, a multiple of 4", min=4)
    ] = DEFAULTS.batch,
    rate: Annotated[float, typer.Option(help="Learning rate", min=1e-9)] = DEFAULTS.rate,
    seed: Annotated[
        int, typer.Option(help="Of weights and strokes", min=0, max=2**30)
    ] = DEFAULTS.seed,
    json: JsonOption = None,
) -> None:
    """Train Paint Transformer on strokes that it makes itself, or go on with FOLDER; no data.

    FOLDER can be painted with from its first checkpoint on. Ctrl-C saves one.
    """
    if batch % 4:
        raise typer.BadParameter(f"got {batch}, expected a multiple of 4", param_hint="--batch")
    settings = PaintTransformerTraining(seed=seed, steps=steps, batch=batch, rate=rate)
    result = train_paint_transformer(out, settings)
    print(f"trained -> {out}: paint by --painter {out}")
    write_result(json, result)
