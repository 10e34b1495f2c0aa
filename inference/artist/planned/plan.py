"""The order of a painting: which region is brought to which finish, one after the other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from inference.artist.planned.regions import Regions
from inference.strokes.medium import NUM_LEVELS
from ingest.conventions.errors import UserError

Habit = Literal["learned", "block-in first", "thing by thing"]
"""When regions are finished. learned: each between the times at which the order network says that
it is painted first and last. block-in first: the whole picture is blocked in before anything is
modelled. thing by thing: each region is modelled before the next is begun, details come last."""
Spans = Sequence[tuple[float, float]]
"""For each region when it is painted first and last, on any clock."""

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
    habit: Habit
    layers: tuple[Layer, ...]
    words: tuple[str, ...]
    """What each region shows, by region number."""
    guesses: tuple[str, ...]
    """What each region looks like most, though it be unsure: what a person may ask for."""
    spans: Spans
    """Of the habit `learned`; else empty."""

    def looking_like(self, word: str) -> list[int]:
        """The regions that look like what a person says.

        Raises:
            UserError: none does; it lists the words that there are.
        """
        said = word.strip().casefold()
        found = [n for n, guess in enumerate(self.guesses) if guess == said != UNNAMED]
        if found:
            return found
        others = ", ".join(sorted({*self.guesses} - {UNNAMED})) or "no word for anything in it"
        raise UserError(
            f"nothing in the picture looks like {word!r}; there is {others}: say one of these, or "
            "give a mask"
        )

    def with_first(self, say: Sequence[str]) -> PaintingPlan:
        """The plan that begins with what looks like these words, in their order; such regions are
        then called so.

        Raises:
            UserError: nothing looks like one of them.
        """
        words, order, spans = list(self.words), list(self.order), list(self.spans)
        for word in reversed(say):
            found = self.looking_like(word)
            order.sort(key=lambda region: region not in found)
            earliest = min((first for first, _ in spans), default=0.0)
            for region in found:
                words[region] = self.guesses[region]
                if spans:
                    first, last = spans[region]
                    shift = first - earliest + 1.0
                    spans[region] = (first - shift, last - shift)
        return make_plan(self.regions, order, self.habit, words, self.guesses, spans)

    def later(self, region: int) -> np.ndarray:
        """bool (H, W): pixels of regions that are painted after this one."""
        after = self.order[self.order.index(region) + 1 :]
        return np.isin(self.regions.labels, after)


def make_plan(
    regions: Regions,
    order: Sequence[int],
    habit: Habit,
    words: Sequence[str] = (),
    guesses: Sequence[str] = (),
    spans: Spans = (),
) -> PaintingPlan:
    """The plan of regions in a given order.

    Args:
        order: all region numbers, first painted first.
        words: what each region shows, by region number; empty where nobody knows.
        guesses: what each looks like most; empty for `words`.
        spans: when each region is painted first and last; for the habit `learned` only.
    """
    if sorted(order) != list(range(regions.count)):
        raise ValueError(f"an order of {list(order)} does not name {regions.count} regions once")
    known = tuple(words) if words else (UNNAMED,) * regions.count
    layers = _layers(order, habit, spans)
    guesses = tuple(guesses) or known
    return PaintingPlan(regions, tuple(order), habit, layers, known, guesses, tuple(spans))


def _layers(order: Sequence[int], habit: Habit, spans: Spans) -> tuple[Layer, ...]:
    """All layers in the order of painting."""
    if habit != "learned":
        rounds = [[1], [2], [3], [4]] if habit == "block-in first" else [[1, 2], [3], [4]]
        return tuple(Layer(n, level) for levels in rounds for n in order for level in levels)

    def moment(layer: Layer) -> tuple[float, int, int]:
        first, last = spans[layer.region]
        # The levels are spread evenly over the time in which a region is painted.
        share = (layer.level - 1) / (NUM_LEVELS - 1)
        return first + share * (last - first), order.index(layer.region), layer.level

    levels = range(1, NUM_LEVELS + 1)
    return tuple(sorted((Layer(n, level) for n in order for level in levels), key=moment))
