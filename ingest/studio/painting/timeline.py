"""Start and end time of each stroke, and the position of the brush tip at any time."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from ingest.studio.painting.planner import Plan

BASE_S = 0.10
"""Seconds of any stroke, before scaling to the span."""
UNIT_S = 0.9
"""Seconds of a unit of a stroke's length, before scaling."""
TRAVEL_S = 0.25
"""Seconds of a unit of distance between two strokes, before scaling."""
AWAY_SHARE = 0.34
"""Share of the span in which the hand is away for paint."""
MAX_AWAY_S = 1.6
"""Longest break of weight 1, in seconds; see `_breaks`."""


@dataclass(frozen=True, eq=False)
class Timeline:
    """Times of all strokes, numbered through the whole painting, and of the brush tip."""

    start_s: np.ndarray
    """float64 (N,): start of each stroke in seconds."""
    end_s: np.ndarray
    """float64 (N,): end of each stroke in seconds."""
    step_of: np.ndarray
    """int (N,): index of the step that each stroke belongs to."""
    away: tuple[tuple[float, float], ...]
    """Intervals in which the hand has left the canvas for paint, in seconds."""
    span_s: tuple[float, float]
    """Start of the first and end of the last stroke, in seconds."""
    keys_s: np.ndarray
    """float64 (M,): times of the positions in `keys`, in seconds."""
    keys: np.ndarray
    """float64 (M, 2): positions of the brush tip in units; linear in between."""

    def tip(self, time_s: float) -> tuple[float, float]:
        """Position (x, y) of the brush tip in units; outside the canvas while the hand is away."""
        return (
            float(np.interp(time_s, self.keys_s, self.keys[:, 0])),
            float(np.interp(time_s, self.keys_s, self.keys[:, 1])),
        )

    def num_done(self, time_s: float) -> int:
        """Number of strokes that are complete at `time_s`."""
        return int(np.searchsorted(self.end_s, time_s, side="right"))

    def stroke_near(self, time_s: float) -> int:
        """The stroke in progress or the next one (the last one after the end)."""
        return min(self.num_done(time_s), len(self.end_s) - 1)


def make_timeline(plan: Plan, start_s: float, end_s: float, left_handed: bool = False) -> Timeline:
    """Spread the strokes of a plan over the span from `start_s` to `end_s`.

    The palette of left-handed painters is on the left.
    """
    rng = np.random.default_rng([plan.seed, 5])
    strokes = [stroke for step in plan.steps for stroke in step.strokes]
    step_of = np.repeat(np.arange(len(plan.steps)), [len(s.strokes) for s in plan.steps])
    work = np.array([BASE_S + UNIT_S * s.length for s in strokes]) * rng.uniform(
        0.8, 1.25, len(strokes)
    )
    jumps = [float(np.hypot(*(b.path[0] - a.path[-1]))) for a, b in pairwise(strokes)]
    travel = np.array([0.0, *jumps]) * TRAVEL_S + 0.03
    breaks = _breaks(step_of, work + travel, end_s - start_s)
    span = end_s - start_s
    pause = min(AWAY_SHARE * span / max(breaks.sum(), 1e-9), MAX_AWAY_S)
    pauses = breaks * pause
    scale = (span - pauses.sum()) / (work.sum() + travel.sum() - travel[0])
    travel[0] = 0.0
    work, travel = work * scale, travel * scale
    starts = start_s + np.cumsum(pauses + travel) + np.concatenate([[0.0], np.cumsum(work)[:-1]])
    ends = starts + work
    away = tuple((float(ends[i - 1]), float(starts[i])) for i in np.flatnonzero(breaks))
    palette = _palette(plan, left_handed)
    keys_s, keys = _keys(palette, strokes, starts, ends, breaks > 0)
    return Timeline(starts, ends, step_of, away, (float(starts[0]), float(ends[-1])), keys_s, keys)


def _breaks(step_of: np.ndarray, effort: np.ndarray, span_s: float) -> np.ndarray:
    """Weight of the break before each stroke, float64 (N,): 1.6 at a new step, 1 about every 3.5 s
    of work within a step, else 0."""
    breaks = np.zeros(len(step_of))
    breaks[1:][np.diff(step_of) > 0] = 1.6
    every = effort.sum() / max(span_s / 3.5, 1.0)
    since = 0.0
    for index in range(1, len(step_of)):
        since = 0.0 if breaks[index] else since + effort[index - 1]
        if since > every:
            breaks[index], since = 1.0, 0.0
    return breaks


def _palette(plan: Plan, left_handed: bool) -> np.ndarray:
    """Position (x, y) of the palette in units: beside and below the canvas."""
    x = -1.25 if left_handed else plan.scene.width + 1.25
    return np.array([x, plan.scene.height + 0.75])


def _keys(
    palette: np.ndarray, strokes: list, starts: np.ndarray, ends: np.ndarray, breaks: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Times and positions of the tip: start, middle, end of every stroke; the palette in breaks."""
    times, places = [float(starts[0]) - 0.5], [palette]
    for index, stroke in enumerate(strokes):
        if breaks[index]:
            gap = float(starts[index] - ends[index - 1])
            lead = min(0.3 * gap, 0.22)
            times += [float(ends[index - 1]) + lead, float(starts[index]) - lead]
            places += [palette, palette]
        times += [float(starts[index]), float(starts[index] + ends[index]) / 2, float(ends[index])]
        places += [stroke.path[0], stroke.path[len(stroke.path) // 2], stroke.path[-1]]
    times.append(float(ends[-1]) + 0.5)
    places.append(palette)
    return np.array(times), np.array(places, np.float64)
