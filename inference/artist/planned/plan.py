"""The order of a painting: which region is brought to which finish, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inference.artist.planned.regions import Regions

Habit = Literal["block-in first", "thing by thing"]
"""Whether the whole picture is blocked in before anything is modelled."""

UNNAMED = "shapes"
"""The word for regions of which nobody knows what they show."""


@dataclass(frozen=True)
class Layer:
    """One entry of the plan: a region is brought to a level."""

    region: int
    level: int


@dataclass(frozen=True, eq=False)
class PaintingPlan:
    """Regions in the order in which they are painted, and the layers in order."""

    regions: Regions
    order: tuple[int, ...]
    """Region numbers, first painted first."""
    layers: tuple[Layer, ...]
    words: tuple[str, ...]
    """What each region shows, by region number."""

    def later(self, region: int) -> np.ndarray:
        """bool (H, W): pixels of regions that are painted after this one."""
        after = self.order[self.order.index(region) + 1 :]
        return np.isin(self.regions.labels, after)


def make_plan(
    regions: Regions,
    order: Sequence[int],
    habit: Habit,
    words: Sequence[str] = (),
) -> PaintingPlan:
    """The plan of regions in a given order.

    Args:
        order: all region numbers, first painted first.
        words: what each region shows, by region number; empty where nobody knows.
    """
    if sorted(order) != list(range(regions.count)):
        raise ValueError(f"an order of {list(order)} does not name {regions.count} regions once")
    rounds = [[1], [2], [3], [4]] if habit == "block-in first" else [[1, 2], [3], [4]]
    layers = [Layer(region, level) for levels in rounds for region in order for level in levels]
    known = tuple(words) if words else (UNNAMED,) * regions.count
    return PaintingPlan(regions, tuple(order), tuple(layers), known)
