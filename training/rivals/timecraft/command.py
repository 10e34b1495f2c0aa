"""The commands that import Timecraft's weights and train it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.format.images import sha256
from training.rivals.timecraft.published import read_published
from training.rivals.timecraft.settings import TimecraftSettings, save_timecraft

LICENCE = "none stated: the authors' repository has no licence file, so it may not be passed on"
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
    save_timecraft(out, network, settings, provenance, LICENCE)
    print(f"imported {file.name} -> {out}: paint by --painter {out}")
