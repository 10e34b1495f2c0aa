"""Writes the page with all processes side by side, playing in step, and their distance curves."""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import jinja2

from inference.evaluation.measured import (
    REAL,
    STRIP_HEIGHT_PX,
    Measured,
    MeasuredFiles,
    read_measured,
)
from inference.evaluation.report.table import COLUMNS, SET_TITLES, Row, notes_of
from ingest.conventions.atomic import write_bytes
from ingest.format.images import image_size

FOLDER = Path(__file__).parent
"""Folder of the template and the script."""
CURVE_SIZE = (360, 140)
"""Width and height of a figure of distance curves, in its own units."""
COLOURS = ("#1b1b1b", "#0b6e99", "#c2410c", "#4d7c0f", "#7e22ce", "#be123c", "#0f766e", "#a16207")
"""Lines of the figures: the real process first, then artists in order; they repeat after eight."""


@dataclass(frozen=True)
class Cell:
    """One process on the page."""

    artist: str
    colour: str
    strip: str
    """Data URI of all its frames side by side."""
    frame_width: float
    width: int
    """Of the whole strip."""
    times_s: str
    """JSON list: painting time of each frame."""
    caption: str


@dataclass(frozen=True)
class PaintingRow:
    """One painting on the page."""

    name: str
    cells: list[Cell]
    lines: list[tuple[str, str]]
    """Colour and points of each distance curve."""
    end_s: float


def write_page(
    out: Path, paintings: Sequence[str], artists: Sequence[str], rows: Sequence[Row]
) -> None:
    """Write ``index.html`` from what is stored in `out`; it needs no other file."""
    script = (FOLDER / "page.js").read_text(encoding="utf-8")
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(FOLDER),
        autoescape=True,
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    shown = [_painting_row(out, name, artists) for name in paintings]
    page = environment.get_template("page.html.j2").render(
        script=script,
        script_hash=base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        columns=COLUMNS,
        set_titles=SET_TITLES,
        notes=notes_of(rows),
        rows=rows,
        paintings=[row for row in shown if row.cells],
        size=CURVE_SIZE,
        height=STRIP_HEIGHT_PX,
    )
    write_bytes(out / "index.html", page.encode())


def _painting_row(out: Path, painting: str, artists: Sequence[str]) -> PaintingRow:
    names = (REAL, *artists)
    found: list[tuple[int, Measured]] = []
    for index, name in enumerate(names):
        found += [(index, measured) for measured in read_measured(out, [painting], name)]
    end_s = max((m.times_s[-1] for _, m in found), default=0.0)
    highest = max((max(m.to_target) for _, m in found), default=1.0)
    cells = [_cell(out, m, COLOURS[index % len(COLOURS)]) for index, m in found]
    lines = [(COLOURS[i % len(COLOURS)], _points(m, end_s, highest)) for i, m in found]
    return PaintingRow(painting, cells, lines, end_s)


def _cell(out: Path, measured: Measured, colour: str) -> Cell:
    data = MeasuredFiles(out, measured.painting, measured.artist).strip.read_bytes()
    _, width = image_size(data)
    values: dict[str, Any] = measured.values
    caption = ", ".join(
        f"{title.split()[0]} {values[metric]:.{digits}f}"
        for title, metric, digits in COLUMNS
        if metric in values
    )
    return Cell(
        artist=measured.artist,
        colour=colour,
        strip=f"data:image/jpeg;base64,{base64.b64encode(data).decode()}",
        frame_width=width / len(measured.strip_times_s),
        width=width,
        times_s=json.dumps(measured.strip_times_s),
        caption=caption or f"{measured.num_frames} frames",
    )


def _points(measured: Measured, end_s: float, highest: float) -> str:
    """A distance curve as points of a polyline in `CURVE_SIZE`."""
    width, height = CURVE_SIZE
    pairs = zip(measured.times_s, measured.to_target, strict=True)
    return " ".join(
        f"{width * t / max(end_s, 1e-9):.1f},{height * (1 - d / max(highest, 1e-9)):.1f}"
        for t, d in pairs
    )
