"""Writes a page and a table over all paintings of one command, failed ones too.

The page opens from the disk without network; it shows the contact sheets in the paintings' folders.
The same paintings give the same bytes, whether they were painted now or before.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

from jinja2 import Environment, PackageLoader, StrictUndefined

from inference.command.batch_painting import Outcome
from inference.output.frames import clock
from ingest.conventions.atomic import write_bytes
from ingest.conventions.names import printable
from ingest.format.spreadsheet import to_csv

COLUMNS = (
    "picture", "seed", "folder", "status", "detail", "num_painted", "stop", "distance",
    "duration_s",
)  # fmt: skip
"""Columns of ``paintings.csv``."""


def write_page(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Render ``index.html``; links are relative, so the folder can be moved as a whole."""
    environment = Environment(
        loader=PackageLoader("inference.command", "."), autoescape=True, undefined=StrictUndefined
    )
    page = environment.get_template("paintings.html.j2").render(
        painted=[_card(outcome) for outcome in outcomes if outcome.record is not None],
        others=[outcome for outcome in outcomes if outcome.record is None],
    )
    _write_changed(path, printable(page).encode())


def write_table(path: Path, outcomes: Sequence[Outcome]) -> None:
    """Write ``paintings.csv``: a row per painting, failed ones too."""
    _write_changed(path, to_csv(COLUMNS, [_row(outcome) for outcome in outcomes], bom=True))


def _card(outcome: Outcome) -> dict[str, object]:
    record = outcome.record
    assert record is not None
    folder = quote(outcome.job.folder.name)
    return {
        "name": outcome.job.folder.name,
        "page": f"{folder}/index.html",
        "sheet": f"{folder}/sheet.png",
        "seed": record.seed,
        "num_painted": record.num_painted,
        "time": clock(record.steps[-1].time_s),
        "stop": record.stop,
        "words": ", ".join(
            s.instruction for s in record.steps if s.instruction and not s.is_finish
        ),
    }


def _row(outcome: Outcome) -> dict[str, object]:
    job, record = outcome.job, outcome.record
    picture = printable(str(job.picture))
    row: dict[str, object] = {"picture": picture, "seed": job.seed, "folder": job.folder}
    if record is None:
        return row | {"status": outcome.status, "detail": outcome.detail}
    return row | {
        "status": "painted",
        "num_painted": record.num_painted,
        "stop": record.stop,
        "distance": f"{record.steps[record.num_painted - 1].distance:.4f}",
        "duration_s": f"{record.steps[-1].time_s:g}",
    }


def _write_changed(path: Path, data: bytes) -> None:
    if not path.is_file() or path.read_bytes() != data:
        write_bytes(path, data)
