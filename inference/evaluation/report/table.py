"""The results of all artists: results.json, the paper's table as Markdown and LaTeX."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from inference.evaluation import frechet, i3d, video_distance
from inference.evaluation.measured import REAL, Measured, MeasuredFiles, read_measured
from inference.evaluation.report.statistics import Estimate, estimate, paired_difference
from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.errors import UserError

COLUMNS = (
    ("LPIPS ↓", "lpips", 3), ("IoU ↑", "iou", 3), ("DDC ↓", "ddc", 2),
    ("DTS ↓ (min)", "dts_min", 2),
)  # fmt: skip
"""Columns of the paper's table that are means over paintings: title, metric, digits."""
NETWORKS = {"fd_dinov2": "DINOv2 (ViT-S/14, class tokens)", "fvd": i3d.NAME}
"""Networks of the distances between sets, by their key in results.json."""
SET_TITLES = {"fd_dinov2": "FD-DINOv2 ↓", "fvd": "FVD ↓"}


@dataclass(frozen=True)
class SetDistance:
    """A distance between all painted and all real processes."""

    value: float | None
    note: str
    """Why there is none, or what a reader must know."""

    @property
    def text(self) -> str:
        """The cell of a table."""
        return "-" if self.value is None else f"{self.value:.1f}"


@dataclass(frozen=True)
class Row:
    """One artist."""

    artist: str
    paintings: tuple[str, ...]
    """Those that were measured."""
    estimates: dict[str, Estimate]
    against_first: dict[str, Estimate]
    """Paired difference to the first artist, on the paintings that both have."""
    distances: dict[str, SetDistance]
    """By the keys of `NETWORKS`."""


def make_rows(out: Path, paintings: Sequence[str], artists: Sequence[str]) -> list[Row]:
    """A row for every artist that has results."""
    stored = {name: read_measured(out, paintings, name) for name in artists}
    measured = [name for name in artists if stored[name]]
    return [_row(out, name, stored[name], stored[measured[0]]) for name in measured]


def write_results(out: Path, rows: Sequence[Row], about: dict[str, Any]) -> None:
    """Write results.json, table.md and table.tex."""
    write_json(out / "results.json", {**about, "artists": [_as_json(row) for row in rows]})
    write_bytes(out / "table.md", markdown(rows).encode())
    write_bytes(out / "table.tex", latex(rows).encode())


def markdown(rows: Sequence[Row]) -> str:
    """The table with 95 % intervals and the number of paintings."""
    titles = ["artist", "n", *(title for title, _, _ in COLUMNS), *SET_TITLES.values()]
    lines = ["| " + " | ".join(titles) + " |", "|" + "---|" * len(titles)]
    for row in rows:
        cells = [row.artist, str(len(row.paintings))]
        for _, metric, digits in COLUMNS:
            found = row.estimates[metric]
            interval = f"{found.low:.{digits}f} to {found.high:.{digits}f}"
            cells.append(f"{found.mean:.{digits}f} ({interval})")
        cells += [row.distances[key].text for key in SET_TITLES]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join([*lines, "", *notes_of(rows), ""])


def notes_of(rows: Sequence[Row]) -> list[str]:
    """What a reader must know of the distances between sets: networks, and what is missing."""
    notes = [f"{SET_TITLES[key][:-2]}: on {network}." for key, network in NETWORKS.items()]
    return notes + sorted({d.note for row in rows for d in row.distances.values() if d.note})


def latex(rows: Sequence[Row]) -> str:
    """The table in the paper's form, for booktabs."""
    titles = ["Method", *(title.split()[0] for title, _, _ in COLUMNS), "FD-DINOv2", "FVD"]
    lines = [r"\begin{tabular}{l" + "r" * (len(titles) - 1) + "}", r"\toprule"]
    lines += [" & ".join(titles) + r" \\", r"\midrule"]
    for row in rows:
        cells = [_escaped(row.artist)]
        cells += [f"{row.estimates[metric].mean:.{digits}f}" for _, metric, digits in COLUMNS]
        cells += [row.distances[key].text.replace("-", "--") for key in SET_TITLES]
        lines.append(" & ".join(cells) + r" \\")
    return "\n".join([*lines, r"\bottomrule", r"\end{tabular}", ""])


def _row(out: Path, artist: str, measured: Sequence[Measured], first: Sequence[Measured]) -> Row:
    names = sorted(measured[0].values)
    estimates = {name: estimate([m.values[name] for m in measured]) for name in names}
    own, other = ({m.painting: m.values for m in found} for found in (measured, first))
    both = [painting for painting in own if painting in other]
    against = {
        name: paired_difference([own[p][name] for p in both], [other[p][name] for p in both])
        for name in names
        if both and artist != first[0].artist
    }
    paintings = tuple(m.painting for m in measured)
    return Row(artist, paintings, estimates, against, _distances(out, paintings, artist))


def _distances(out: Path, paintings: Sequence[str], artist: str) -> dict[str, SetDistance]:
    places = [[MeasuredFiles(out, p, name) for p in paintings] for name in (artist, REAL)]
    frames = [np.concatenate([_load(place.features) for place in side]) for side in places]
    clips = [[_load(place.clip) for place in side] for side in places]
    stacked = [np.stack(side) if all(c.size for c in side) else np.zeros((0, 0)) for side in clips]
    return {
        "fd_dinov2": _distance("FD-DINOv2", frechet.frame_distance, frames, ""),
        "fvd": _distance(
            "FVD", video_distance.video_distance, stacked, video_distance.note_on(len(paintings))
        ),
    }


def _distance(
    title: str,
    compute: Callable[[np.ndarray, np.ndarray], float],
    sets: Sequence[np.ndarray],
    note: str,
) -> SetDistance:
    try:
        return SetDistance(compute(*sets), note)
    except UserError as error:
        return SetDistance(None, f"No {title}: {error}.")


def _load(path: Path) -> np.ndarray:
    return np.load(path, allow_pickle=False)


def _as_json(row: Row) -> dict[str, Any]:
    return {
        "artist": row.artist,
        "num_paintings": len(row.paintings),
        "paintings": row.paintings,
        "mean": {name: _estimate_json(found) for name, found in row.estimates.items()},
        "minus_first_artist": {n: _estimate_json(found) for n, found in row.against_first.items()},
        **{
            key: {"network": NETWORKS[key], "value": found.value, "note": found.note}
            for key, found in row.distances.items()
        },
    }


def _estimate_json(found: Estimate) -> dict[str, float | int]:
    return {
        "mean": round(found.mean, 5), "low": round(found.low, 5), "high": round(found.high, 5),
        "n": found.num_paintings,
    }  # fmt: skip


def _escaped(text: str) -> str:
    """Text for LaTeX."""
    return "".join("\\" + letter if letter in "&%$#_{}" else letter for letter in text)
