"""The commands that import Timecraft's weights and train it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.conventions.cli import JsonOption, write_result
from ingest.format.images import sha256
from training.rivals.timecraft.published import read_published
from training.rivals.timecraft.settings import TimecraftSettings, save_timecraft
from training.rivals.timecraft.train import train_timecraft
from training.rivals.timecraft.trainer import TimecraftTraining

DEFAULTS = TimecraftTraining()

UNSTATED = "none stated: the authors' repository has no licence file, so it may not be passed on"
"""Licence of the published weights."""


def import_timecraft(
    file: Annotated[Path, typer.Argument(help="A .h5 file of the authors", metavar="FILE.h5")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="FOLDER")],
    whole: Annotated[
        bool, typer.Option("--whole", help="Paint the whole picture at 50 px instead of in crops")
    ] = False,
    bgr: Annotated[
        bool, typer.Option("--bgr", help="Show blue first, as the authors' demo does")
    ] = False,
) -> None:
    """Make a rival folder of Timecraft's published weights.

    Paint with it by `python -m inference paint PICTURE --painter FOLDER`.
    """
    network = read_published(file)
    settings = TimecraftSettings(
        layout="whole" if whole else "crops", channels="bgr" if bgr else "rgb"
    )
    provenance = {"published_file": file.name, "sha256": sha256(file.read_bytes())}
    save_timecraft(out, network, settings, provenance, UNSTATED)
    print(f"imported {file.name} -> {out}: paint by --painter {out}")


def train_by_shards(
    dataset: Annotated[Path, typer.Argument(help="Dataset with shards", metavar="DATASET")],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="FOLDER")],
    pair_steps: Annotated[int, typer.Option(help="Steps by pairs of canvases", min=0)] = 500_000,
    row_steps: Annotated[int, typer.Option(help="Steps by rows and critic", min=0)] = 78_000,
    rate: Annotated[float, typer.Option(help="Learning rate", min=1e-9)] = DEFAULTS.rate,
    batch: Annotated[int, typer.Option(help="Crops of a step by pairs", min=1)] = DEFAULTS.batch,
    row_batch: Annotated[
        int, typer.Option(help="Crops of a step by rows", min=1)
    ] = DEFAULTS.row_batch,
    rollout_steps: Annotated[
        int, typer.Option(help="Steps of a roll-out that the critic judges", min=2)
    ] = DEFAULTS.rollout_steps,
    sampling_from: Annotated[
        int, typer.Option(help="Step by rows from which on roll-outs are trained", min=0)
    ] = DEFAULTS.sampling_from,
    score_penalty: Annotated[
        bool, typer.Option("--score-penalty", help="Hold the critic as the authors' code does")
    ] = False,
    bfloat16: Annotated[
        bool, typer.Option("--bfloat16", help="Faster on processors that multiply in it")
    ] = False,
    seed: Annotated[int, typer.Option(help="Of weights, crops and noise", min=0)] = DEFAULTS.seed,
    json: JsonOption = None,
) -> None:
    """Train Timecraft on the shards of a dataset, or go on with FOLDER.

    FOLDER can be painted with from its first checkpoint on. Ctrl-C saves one.
    """
    settings = TimecraftTraining(
        seed=seed, rate=rate, batch=batch, row_batch=row_batch, rollout_steps=rollout_steps,
        sampling_from=sampling_from, penalty="scores" if score_penalty else "gradient",
        dtype="bfloat16" if bfloat16 else "float32",
    )  # fmt: skip
    result = train_timecraft(dataset, out, pair_steps, row_steps, settings)
    print(f"trained -> {out}: paint by --painter {out}")
    write_result(json, result)
