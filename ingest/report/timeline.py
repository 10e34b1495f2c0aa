"""Draws the timeline of a video as SVG paths, coloured by the fate of each sampled frame."""

from __future__ import annotations

import itertools
from collections import Counter
from dataclasses import dataclass

from ingest.ledger.frame_table import FrameFate
from ingest.ledger.reasons import FRAME_REASONS

USED = "used"
"""The fate of a frame of which a keyframe takes pixels."""
FATES = (USED, *FRAME_REASONS)
"""All fates of frames, in the order of legends."""
WIDTH = 1000
"""Width of the timeline in its own units; the page stretches it."""
HEIGHT = 20
"""Height of the timeline in its own units."""
MAX_COLUMNS = 500
"""Most columns that frames are grouped into; a column shows its most common fate."""
STEPS_S = (0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)
"""Possible distances of labels in seconds."""
MAX_LABELS = 7
"""About how many labels a timeline has at most."""


@dataclass(frozen=True)
class Run:
    """A stretch of consecutive frames with one fate."""

    start_s: float
    end_s: float
    fate: str


@dataclass(frozen=True)
class Mark:
    """A label of the time axis; `share` is its place as a share of the timeline's length."""

    share: float
    label: str


@dataclass(frozen=True)
class Timeline:
    """The timeline of one video, ready for the page's template."""

    layers: list[tuple[str, str]]
    """(fate, SVG path) of the fates that occur, in units of `WIDTH` x `HEIGHT`."""
    runs: str
    """``start:number of the fate in FATES``, separated by spaces, for the readout on hover."""
    counts: list[tuple[str, int]]
    """(fate, frames)."""
    labels: list[Mark]
    duration_s: float


def make_timeline(fates: list[FrameFate], duration_s: float) -> Timeline:
    """The timeline of a video of `duration_s` seconds; times are in the unit of the fates."""
    found = runs(fates, duration_s)
    counts = Counter(fate.reason or USED for fate in fates)
    end_s = max(duration_s, found[-1].end_s)
    return Timeline(
        layers=[(name, _path(found, name, end_s)) for name in FATES if counts[name]],
        runs=" ".join(f"{run.start_s:.6g}:{FATES.index(run.fate)}" for run in found),
        counts=[(name, counts[name]) for name in FATES if counts[name]],
        labels=_labels(end_s),
        duration_s=end_s,
    )


def runs(fates: list[FrameFate], duration_s: float) -> list[Run]:
    """Runs of columns with the same fate; together they span the whole video."""
    width = -(-len(fates) // MAX_COLUMNS)
    columns = [fates[i : i + width] for i in range(0, len(fates), width)]
    names = [_most_common(column) for column in columns]
    borders = [(a[-1].time_s + b[0].time_s) / 2 for a, b in itertools.pairwise(columns)]
    edges = [0.0, *borders, max(duration_s, fates[-1].time_s)]
    found: list[Run] = []
    for name, (start, end) in zip(names, itertools.pairwise(edges), strict=True):
        if found and found[-1].fate == name:
            start = found.pop().start_s
        found.append(Run(start, end, name))
    return found


def clock(time_s: float) -> str:
    """Seconds in words, such as 12.4 s, 3:07 or 1:02:45."""
    if time_s < 60:
        return f"{time_s:.1f} s"
    minutes, seconds = divmod(round(time_s), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"


def _most_common(column: list[FrameFate]) -> str:
    counts = Counter(fate.reason or USED for fate in column)
    return max(counts, key=lambda name: (counts[name], -FATES.index(name)))


def _path(found: list[Run], fate: str, end_s: float) -> str:
    """The SVG path of all runs with a fate."""
    scale = WIDTH / max(end_s, 1e-9)
    return "".join(
        f"M{run.start_s * scale:.1f} 0H{run.end_s * scale:.1f}V{HEIGHT}H{run.start_s * scale:.1f}z"
        for run in found
        if run.fate == fate
    )


def _labels(end_s: float) -> list[Mark]:
    """Labels at round times; none so near the end that it would be cut off."""
    step = next((s for s in STEPS_S if end_s / s <= MAX_LABELS), end_s / MAX_LABELS)
    times = [i * step for i in range(int(0.95 * end_s / step) + 1)] if step > 0 else [0.0]
    return [Mark(time_s / max(end_s, 1e-9), _tick(time_s)) for time_s in times]


def _tick(time_s: float) -> str:
    return f"{time_s:g} s" if time_s < 60 else clock(time_s)
