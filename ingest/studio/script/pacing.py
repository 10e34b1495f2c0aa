"""Maps stroke times to film time: pauses and other shots are inserted, skipped work is cut out.

Cuts fall between two frames, so every frame lies on one side of them.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from ingest.studio.painting.planner import Plan
from ingest.studio.painting.timeline import Timeline, make_timeline
from ingest.studio.script.script import Insert, Script, Skip


@dataclass(frozen=True)
class Stop:
    """A stretch of the film in which no paint is laid."""

    start_s: float
    end_s: float
    shot: Literal["painting", "palette", "other"]


@dataclass(frozen=True, eq=False)
class Pace:
    """The strokes in seconds of the film, and the interruptions."""

    timeline: Timeline
    stops: tuple[Stop, ...] = ()
    skips_s: tuple[float, ...] = ()
    """Times at which the film skips work."""


def pace(plan: Plan, script: Script, start_s: float, end_s: float, fps: float) -> Pace:
    """Fit the strokes between `start_s` and `end_s`, with the script's inserts and skips."""
    if not script.inserts and not script.skips:
        return Pace(make_timeline(plan, start_s, end_s, script.left_handed))
    inserts = [replace(i, length_s=max(round(i.length_s * fps), 2) / fps) for i in script.inserts]
    stopped_s = sum(insert.length_s for insert in inserts)
    skipped_s = sum(skip.length_s for skip in script.skips)
    work_end_s = end_s - stopped_s + skipped_s
    work = make_timeline(plan, start_s, work_end_s, script.left_handed)
    events = _schedule_events(inserts, list(script.skips), work, work_end_s - start_s)
    knots, stops, skips = _knots(events, start_s, work_end_s, fps)
    return Pace(_to_film_time(work, knots), tuple(stops), tuple(skips))


def _schedule_events(
    inserts: list[Insert], skips: list[Skip], work: Timeline, span_s: float
) -> list[tuple[float, Insert | Skip]]:
    """Events with their times in seconds of work, sorted; none lies in work that is skipped.

    An insert moves to the nearest trip for paint.
    """
    begin = work.span_s[0]
    trips = [(first + last) / 2 for first, last in work.away]
    placed: list[tuple[float, Insert | Skip]] = []
    for insert in inserts:
        wanted = begin + insert.share * span_s
        at = min(trips, key=lambda trip: abs(trip - wanted), default=wanted)
        trips = [trip for trip in trips if trip != at]
        placed.append((at, insert))
    free_after, gap_s = begin, 0.01 * span_s
    for skip in sorted(skips, key=lambda skip: skip.share):
        at = max(begin + skip.share * span_s, free_after)
        inside = [time for time, _ in placed if at - gap_s <= time <= at + skip.length_s + gap_s]
        at = max([at, *(time + gap_s for time in inside)])
        placed.append((at, skip))
        free_after = at + skip.length_s + gap_s
    return sorted(placed, key=lambda item: item[0])


def _knots(
    events: list[tuple[float, Insert | Skip]], start_s: float, end_s: float, fps: float
) -> tuple[np.ndarray, list[Stop], list[float]]:
    """Knots of the piecewise linear map from work time to film time, with the stops and skips.

    Returns float64 (N, 2) of (work, film) seconds, the stops, and the film times of the skips.
    """
    knots, stops, skips, ahead = [(start_s - 1, start_s - 1)], [], [], 0.0
    for at, event in events:
        film = (round((at + ahead) * fps) - 0.5) / fps
        at = film - ahead
        if isinstance(event, Insert):
            stops.append(Stop(film, film + event.length_s, event.shot))
            knots += [(at, film), (at, film + event.length_s)]
            ahead += event.length_s
        else:
            skips.append(film)
            knots += [(at, film), (at + event.length_s, film)]
            ahead -= event.length_s
    knots.append((end_s + 1, end_s + 1 + ahead))
    return np.array(knots), stops, skips


def _to_film_time(work: Timeline, knots: np.ndarray) -> Timeline:
    """The timeline in film time instead of work time."""

    def film(times: np.ndarray) -> np.ndarray:
        return np.interp(times, knots[:, 0], knots[:, 1])

    starts, ends = film(work.start_s), film(work.end_s)
    away = [tuple(film(np.array(interval)).tolist()) for interval in work.away]
    return replace(
        work,
        start_s=starts,
        end_s=ends,
        away=tuple(away),
        span_s=(float(starts[0]), float(ends[-1])),
        keys_s=film(work.keys_s),
    )
