"""Runs the speed benchmarks of masks, shards and labelers (``python -m labeling.benchmark``)."""

from __future__ import annotations

import tempfile
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from ingest.conventions import cli

app = cli.new_app("Measure labeling against the bare work in it, on a corpus made for it.")


@app.command()
def benchmark(
    quick: Annotated[
        bool, typer.Option("--quick", help="Few and small: a look in a minute")
    ] = False,
    llava: Annotated[
        str, typer.Option("--llava", help="A LLaVA folder or hub name", metavar="MODEL")
    ] = "",
    review: Annotated[
        int,
        typer.Option(
            "--review", help="Pairs of a review page to measure, 100000 take minutes; 0: none"
        ),
    ] = 0,
    json_: cli.JsonOption = None,
) -> None:
    """Print the table of measures, and write every figure as JSON."""
    from labeling.benchmark.llava import measure_llava
    from labeling.benchmark.regions import measure_regions
    from labeling.benchmark.shards import measure_build, measure_corrections

    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        rows = [
            measure_regions(scratch, 5 if quick else 13, 1 if quick else 3),
            measure_build(scratch, 2 if quick else 20, 3 if quick else 5),
            measure_corrections(scratch, 1000 if quick else 10_000, 10),
            *measure_llava(llava, 8 if quick else 64, scratch),
        ]
    for row in rows:
        sign = ">=" if row.at_least else "<="
        verdict = {True: "reached", False: "not reached", None: row.note}[row.is_reached]
        value = "-" if row.value is None else f"{row.value:.3g}"
        print(f"{row.name}: {value} {row.unit} ({sign} {row.limit:g}): {verdict}")
    measures = [asdict(row) | {"reached": row.is_reached} for row in rows]
    cli.write_result(json_, {"measures": measures, "review": _review(review)})


def _review(num_pairs: int) -> list[dict[str, Any]]:
    """Measure the review page in a browser and print the rows.

    Returns:
        Empty if `num_pairs` is 0 or no browser is installed.
    """
    if not num_pairs:
        return []
    from labeling.benchmark.browser import ADVICE, find_browser
    from labeling.benchmark.review import measure_review

    if find_browser() is None:
        print(f"review page: not measured: no chromium and chromedriver on the PATH: {ADVICE}")
        return []
    with tempfile.TemporaryDirectory() as folder:
        rows = measure_review(Path(folder) / "review", num_pairs)
    for row in rows:
        verdict = {True: "reached", False: "not reached", None: ""}[row["reached"]]
        print(f"{row['measure']}: {row['value']:g} {row['unit']} {verdict}".rstrip())
    return rows


if __name__ == "__main__":
    cli.run_app(app)
