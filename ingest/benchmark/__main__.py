"""``python -m ingest.benchmark --videos DIR``: scores ingest on studio films with ground truth."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ingest.conventions import cli

if TYPE_CHECKING:
    from ingest.benchmark.film import FilmScore

app = cli.new_app("Ingest studio films and compare what comes out with what is true.")


@app.command()
def benchmark(
    videos: Annotated[Path, typer.Option("--videos", help="Folder of films with their truth")],
    output: Annotated[
        Path | None, typer.Option("-o", "--output", help="Keep the dataset here")
    ] = None,
    config: cli.ConfigOption = None,
    set_: cli.SetOption = None,
    json_: cli.JsonOption = None,
) -> None:
    """Print the table of measures, and write every figure as JSON."""
    from ingest.conventions.config import load_section
    from ingest.settings import IngestConfig

    settings = load_section("ingest", IngestConfig, config, set_)
    with tempfile.TemporaryDirectory() as scratch:
        films = _films(videos, output or Path(scratch), settings)
    cli.write_result(json_, _report(films))


def _films(videos: Path, out: Path, settings: object) -> list[FilmScore]:
    """Ingest all films of a folder into the dataset `out`, and print their scores."""
    from rich.console import Console
    from rich.table import Table

    from ingest.benchmark.film import score_film
    from ingest.benchmark.table import measures, parts
    from ingest.conventions.errors import UserError
    from ingest.studio.script.truth import truth_folder

    paths = [p for p in sorted(videos.rglob("*.mp4")) if truth_folder(p).is_dir()]
    if not paths:
        raise UserError(
            f"{videos} holds no film with its truth: make some with "
            f"`python -m ingest.studio --profile hard --count 4 -o {videos}`"
        )
    if (out / "keyframes").exists():
        raise UserError(f"{out} holds a dataset, whose videos would stand: give a new folder")
    console, films = Console(highlight=False, soft_wrap=True), []
    for path in paths:
        films.append(score_film(path, out, settings))  # pyright: ignore[reportArgumentType]
        console.print(_line(films[-1]))
    table = Table(title=f"{len(films)} films of {videos}", title_justify="left", box=None)
    for name in ("measure", "value", "reach", ""):
        table.add_column(name)
    for row in measures(films):
        sign = ">=" if row.at_least else "<="
        verdict = "[green]reached[/]" if row.is_reached else "[red]not reached[/]"
        value, limit = f"{row.value:.2f} {row.unit}", f"{sign} {row.limit:g} {row.unit}"
        table.add_row(row.name, value, limit, verdict)
    console.print(table)
    shares = ", ".join(f"{name} {share:.2f}" for name, share in parts(films).items())
    if shares:
        console.print(f"processor time over bare decoding by part: {shares}")
    return films


def _line(film: FilmScore) -> str:
    """The scores of one film in a line."""
    import numpy as np

    head = f"{film.name}: {film.status} {film.reason} in {film.ingest_s:.1f} s"
    head += f" (bare decoding {film.decode_s:.1f} s)"
    if not film.pictures or film.steps is None:
        return head
    corners = np.percentile(film.corner_errors_px, [50, 95])
    psnr = np.array([p.psnr_db for p in film.pictures])
    residue = 100 * np.mean([p.residue for p in film.pictures])
    late = sum(p.time_error_s > film.sampling_s for p in film.pictures)
    return (
        f"{head}, corners {corners[0]:.2f}/{corners[1]:.2f} px, PSNR {np.median(psnr):.1f} dB "
        f"(least {psnr.min():.1f}), cover {residue:.2f} %, {late} of {len(psnr)} off in time, "
        f"steps {film.steps.num_shown}/{film.steps.num_steps}, {film.steps.num_without_paint} empty"
        + (f"; missed {', '.join(film.steps.missed)}" if film.steps.missed else "")
    )


def _report(films: list[FilmScore]) -> dict[str, object]:
    """All figures as JSON values."""
    from dataclasses import asdict

    from ingest.benchmark.table import measures, parts

    return {
        "time_over_bare_decoding_by_part": parts(films),
        "measures": [asdict(row) | {"reached": row.is_reached} for row in measures(films)],
        "films": [asdict(film) for film in films],
    }


if __name__ == "__main__":
    cli.run_app(app)
