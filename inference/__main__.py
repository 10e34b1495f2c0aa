"""The commands ``python -m inference paint PICTURE... -o OUT``, ``replay``, ``export``
and ``import-official``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from inference.official.command import import_official
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
        typer.Option(
            help="Painter folder, hub name, or an order for strokes: learned, prototype, "
            "coarse-to-fine, random-regions, fade-in [learned]",
            metavar="PAINTER",
        ),
    ] = None,
    medium: Annotated[
        str | None, typer.Option(help="oil, acrylic, watercolour, pencil or digital [oil]")
    ] = None,
    underdrawing: Annotated[
        str | None, typer.Option(help="Draw before painting: on or off [on]", metavar="on|off")
    ] = None,
    ground: Annotated[
        str | None, typer.Option(help="Colour of the blank canvas [#faf7f0]", metavar="#RRGGBB")
    ] = None,
    steps: Annotated[
        int | None, typer.Option(help="Steps of a painting in strokes, at 20 s a step [30]")
    ] = None,
    film: Annotated[
        str | None,
        typer.Option(help="strokes: laid one after the other; steps: canvas by canvas [strokes]"),
    ] = None,
    seconds: Annotated[
        float | None, typer.Option(help="Length of film and GIF [strokes: 30]")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="Seed of all noise [0]")] = None,
    seeds: Annotated[
        str | None,
        typer.Option(help="Paint each picture with each of these", metavar="N,N,..."),
    ] = None,
    variations: Annotated[
        int | None,
        typer.Option(help="Paint each picture so many times, with seeds from --seed on", min=1),
    ] = None,
    interval: Annotated[
        float | None,
        typer.Option(help="Painting seconds a step stands for [the painter's own; paper: 20]"),
    ] = None,
    max_steps: Annotated[
        int | None, typer.Option(help="Most steps [50; with strokes: all]")
    ] = None,
    say: Annotated[
        list[str] | None,
        typer.Option(
            "--say",
            "--instruction",
            help="Word for the first step, again for the next; with strokes: what comes first",
            metavar="WORD",
        ),
    ] = None,
    mask: Annotated[
        Path | None,
        typer.Option(help="Picture of where the first step paints: white", metavar="FILE"),
    ] = None,
    lock: Annotated[
        Path | None,
        typer.Option(help="Picture of what never changes: white", metavar="FILE"),
    ] = None,
    from_canvas: Annotated[
        Path | None,
        typer.Option(help="Start from this half-painted canvas", metavar="FILE"),
    ] = None,
    script: Annotated[
        Path | None,
        typer.Option(help="JSON file of steering actions, step by step", metavar="FILE"),
    ] = None,
    dtype: Annotated[
        str | None, typer.Option(help="Number format: auto, float32, float16 or bfloat16 [auto]")
    ] = None,
    offload: Annotated[
        str | None,
        typer.Option(help="Less memory: none; network or layer: one is on the device [none]"),
    ] = None,
    vae_tile: Annotated[
        int | None, typer.Option(help="Less memory: side of the VAE's tiles, e.g. 256 [whole]")
    ] = None,
    llava_bits: Annotated[
        int | None, typer.Option(help="Less memory: LLaVA in 4 or 8 bit (bitsandbytes)")
    ] = None,
    verbose: Annotated[
        bool, typer.Option("--verbose", help="Print the plan part by part before painting")
    ] = False,
    config: ConfigOption = None,
    set: SetOption = None,
    dry_run: DryRunOption = False,
    json: JsonOption = None,
    ray_address: RayAddressOption = None,
) -> None:
    """Paint each picture from a white canvas; writes OUT/<picture>/ with film, GIF and page.

    Run it again to continue: pictures that are finished with the same settings are left alone.
    """
    from inference.command.command import run_paint
    from inference.command.unused_settings import load_settings
    from inference.inputs.jobs import chosen_seeds

    several = chosen_seeds(seed, seeds, variations)
    options: dict[str, tuple[str, object]] = {
        "--painter": ("painter", painter),
        "--medium": ("strokes.medium", medium),
        "--underdrawing": ("strokes.underdrawing", underdrawing),
        "--ground": ("strokes.ground", ground),
        "--steps": ("strokes.num_steps", steps),
        "--film": ("film.film", film),
        "--seconds": ("film.seconds", seconds),
        "--seed": ("rollout.seed", seed),
        "--interval": ("rollout.interval_s", interval),
        "--max-steps": ("stop.max_steps", max_steps),
        "--say": ("rollout.say", say or None),
        "--mask": ("rollout.mask", mask),
        "--lock": ("rollout.lock", lock),
        "--from-canvas": ("rollout.canvas", from_canvas),
        "--script": ("rollout.script", script),
        "--dtype": ("dtype", dtype),
        "--offload": ("memory.offload", offload),
        "--vae-tile": ("memory.vae_tile_px", vae_tile),
        "--llava-bits": ("memory.llava_bits", llava_bits),
    }
    settings = load_settings(config, set, options, seeds is not None)
    result, code = run_paint(pictures, out, settings, dry_run, several, ray_address, verbose)
    write_result(json, result)
    raise typer.Exit(code)


@app.command()
def replay(
    painting: Annotated[
        Path, typer.Argument(help="A folder that `paint` wrote", metavar="PAINTING")
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to paint into", metavar="OUT")],
    picture: Annotated[
        Path | None, typer.Option(help="Where the picture lies now [as recorded]")
    ] = None,
    painter: Annotated[
        str | None, typer.Option(help="Where the painter lies now [as recorded]")
    ] = None,
    json: JsonOption = None,
) -> None:
    """Paint a session again, steering and all; exit code 1 if a bit is different."""
    from inference.command.replay import run_replay

    result, code = run_replay(painting, out, picture, painter)
    write_result(json, result)
    raise typer.Exit(code)


@app.command()
def evaluate(
    processes: Annotated[
        Path,
        typer.Option(
            help="Dataset (its val split), or folder of keyframe folders", metavar="PLACE"
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="OUT")],
    artists: Annotated[
        str,
        typer.Option(
            help="Orders, painters, or NAME=FOLDER@SECONDS of frames painted elsewhere",
            metavar="A,B,...",
        ),
    ] = "learned,prototype,coarse-to-fine,random-regions,fade-in",
    seed: Annotated[int | None, typer.Option(help="Seed of all noise [0]")] = None,
    config: ConfigOption = None,
    set: SetOption = None,
    json: JsonOption = None,
    ray_address: RayAddressOption = None,
) -> None:
    """Compare painted processes with real ones: LPIPS, IoU, DDC, DTS, FD-DINOv2.

    Run it again to continue: what was measured is kept.
    """
    from inference.evaluation.command import run_evaluate
    from inference.settings import InferenceConfig
    from ingest.conventions.config import load_section

    given = [] if seed is None else [f"inference.rollout.seed={seed}"]
    settings = load_section("inference", InferenceConfig, config, [*(set or []), *given])
    result, code = run_evaluate(artists, processes, out, settings, ray_address)
    write_result(json, result)
    raise typer.Exit(code)


@app.command()
def export(
    session: Annotated[
        Path,
        typer.Argument(
            help="A folder that `paint` wrote, or the session folder in it", metavar="SESSION"
        ),
    ],
    out: Annotated[Path, typer.Option("-o", "--out", help="Folder to write", metavar="OUT")],
    film: Annotated[
        str | None,
        typer.Option(help="strokes: laid one after the other; steps: canvas by canvas"),
    ] = None,
    seconds: Annotated[float | None, typer.Option(help="Length of film and GIF")] = None,
    size: Annotated[
        int | None, typer.Option(help="Long side of the canvas in the film", metavar="PX")
    ] = None,
    gif_size: Annotated[
        int | None, typer.Option(help="Long side of the canvas in the GIF", metavar="PX")
    ] = None,
    captions: Annotated[
        str | None,
        typer.Option(
            help="Word and time of each step: on (film, GIF, contact sheet), sheet, or off",
            metavar="on|sheet|off",
        ),
    ] = None,
    json: JsonOption = None,
) -> None:
    """Write film, GIF, contact sheet, page and frames of a session again, without painting.

    What is not given is as in the session. Files in OUT that `export` did not write are never
    overwritten.
    """
    from inference.command.export import Changes, run_export

    changes = Changes(film, seconds, size, gif_size, captions)
    result, code = run_export(session, out, changes)
    write_result(json, result)
    raise typer.Exit(code)


app.command("import-official")(import_official)


if __name__ == "__main__":
    run_app(app)
