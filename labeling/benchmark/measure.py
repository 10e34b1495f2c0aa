"""Rows of a benchmark table, and median times of alternatives that are run in turn."""

from __future__ import annotations

import resource
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class Measure:
    """One row of a benchmark table."""

    name: str
    value: float | None
    """None if it could not be measured on this machine."""
    unit: str
    limit: float
    """The goal for the value."""
    at_least: bool
    """True: the value must be at least `limit`; False: at most."""
    note: str = ""
    """Where it was measured, or why it was not."""
    figures: dict[str, Any] = field(default_factory=dict)
    """Further figures for the JSON."""

    @property
    def is_reached(self) -> bool | None:
        """Whether the value meets the limit; None without a value."""
        if self.value is None:
            return None
        return self.value >= self.limit if self.at_least else self.value <= self.limit


@dataclass(frozen=True)
class Times:
    """Median times of one alternative."""

    wall_s: float
    cpu_s: float
    """CPU time of this process and its children, which depends least on the load of the machine."""


def measure_interleaved(ways: dict[str, Callable[[], object]], rounds: int) -> dict[str, Times]:
    """Time alternatives, running each once per round, so that other load affects all alike."""
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
    """CPU time of this process and its finished children so far."""
    whose = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    usages = [resource.getrusage(who) for who in whose]
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)
