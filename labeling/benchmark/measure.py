"""A row of a table of measures, and times as medians of rounds that take turns."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measure:
    """One row; `value` is None where it could not be measured here, and `note` says why."""

    name: str
    value: float | None
    unit: str
    limit: float
    at_least: bool
    """Whether the value has to reach the limit from above."""
    note: str = ""
    figures: dict[str, Any] = field(default_factory=dict)

    @property
    def is_reached(self) -> bool | None:
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True)
class Times:
    """Medians of one way of doing something."""

    wall_s: float
    cpu_s: float
    """Of this process and its children: what a busy machine changes least."""


def take_turns(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Run every way once a round, so that other work on the machine meets all alike."""
    walls: dict[str, list[float]] = {name: [] for name in ways}
    cpus: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(rounds):
        for name, run in ways.items():
            wall, cpu = time.perf_counter(), _cpu_s()
            run()
            walls[name].append(time.perf_counter() - wall)
            cpus[name].append(_cpu_s() - cpu)
    return {n: Times(statistics.median(walls[n]), statistics.median(cpus[n])) for n in ways}


def _cpu_s() -> float:
    spent = [resource.getrusage(w) for w in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(usage.ru_utime + usage.ru_stime for usage in spent)
