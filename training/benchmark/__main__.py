"""``python -m training.benchmark``: measures training speed, as a table and as JSON."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from ingest.conventions.cli import JsonOption, new_app, run_app, write_result

app = new_app("Measure training steps: waiting for data on the CPU, speed on a GPU.")


@app.command()
def benchmark(
    json: JsonOption = None,
    steps: Annotated[int, typer.Option(min=2, help="Timed steps of each row")] = 30,
    batch_size: Annotated[int, typer.Option(min=1, help="Samples a step on a GPU")] = 8,
) -> None:
    """Print one line a measure; GPU rows say "not measured" where there is no GPU."""
    from training.benchmark.rows import all_rows

    rows: list[dict[str, Any]] = all_rows(steps, batch_size)
    for row in rows:
        print(f"{row['measure']:<52} {row['value']:>14}   reach {row['reach']}   {row['card']}")
    write_result(json, {"rows": rows})


if __name__ == "__main__":
    run_app(app)
