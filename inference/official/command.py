"""The command ``python -m inference import-official``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from ingest.conventions.cli import JsonOption, write_result


def import_official(
    renderer: Annotated[str, typer.Option(help="The renderer's .ckpt: path or OWNER/NAME/FILE")],
    mask: Annotated[str, typer.Option(help="The mask generator's .ckpt")],
    base: Annotated[str, typer.Option(help="Stable Diffusion 1.5 folder or hub name")],
    clip: Annotated[str, typer.Option(help="CLIP ViT-B/32 folder or hub name")],
    out: Annotated[
        Path, typer.Option("-o", "--out", help="Painter folder to write", metavar="FOLDER")
    ],
    llava: Annotated[
        str | None, typer.Option(help="The text generator (merged LLaVA): folder or hub name")
    ] = None,
    llava_vision: Annotated[
        str | None, typer.Option(help="CLIP-L/14-336, where --llava has no vision tower")
    ] = None,
    dtype: Annotated[
        str, typer.Option(help="Format of the weights: keep, float32, float16 or bfloat16")
    ] = "keep",
    json: JsonOption = None,
) -> None:
    """Convert the authors' published checkpoints into a painter folder."""
    from inference.official.import_checkpoints import Sources
    from inference.official.import_checkpoints import import_official as convert
    from ingest.conventions.errors import UserError

    if dtype not in ("keep", "float32", "float16", "bfloat16"):
        raise UserError(f"--dtype {dtype}: expected keep, float32, float16 or bfloat16")
    sources = Sources(renderer, mask, base, clip, llava, llava_vision)
    result = convert(sources, out, dtype, print)
    print(f"painter: {len(result['parts'])} parts -> {out}")
    write_result(json, result)
