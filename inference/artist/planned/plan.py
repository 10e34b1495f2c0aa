"""The order of a painting: which region is brought to which finish, one after the other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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

Likeness = Mapping[str, tuple[float, ...]]
"""For each word how much each region looks like it, in [0, 1]."""
LEAST_LIKELY = 0.3
"""Likeness from which a region may be called by the word that it looks like most."""
LEAST_ALIKE, NEARLY_AS_ALIKE = 0.03, 0.7
"""Where no region is called by a word: the likeness that one must have to be taken for it, and its
share that others must have to be taken too. By eye on 20 real paintings it finds the right place
in twice as many; below 0.03 the place is wrong."""
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
    likeness: Likeness
    """How much each region looks like each word: what a person may ask for."""
    spans: Spans
    """Of the habit `learned`; else empty."""

    def looking_like(self, word: str) -> list[int]:
        """The regions that look like what a person says.

        Raises:
            UserError: none does; it lists the words that there are.
        """
        found = self.named(word)
        if found:
            return found
        known = sorted({word for word in self.likeness if self.named(word)} - {UNNAMED})
        others = ", ".join(known) or "no word for anything in it"
        raise UserError(
            f"nothing in the picture looks like {word!r}; there is {others}: say one of these, or "
            "give a mask"
        )

    def named(self, word: str) -> list[int]:
        """The regions that look more like a word than like any other; without such ones those that
        look most like it."""
        said = word.strip().casefold()
        likeness = np.array(self.likeness.get(said, ()))
        if said == UNNAMED or not likeness.size:
            return []
        others = np.max([*self.likeness.values()], axis=0)
        likely = (likeness >= LEAST_LIKELY) & (likeness >= others)
        if not likely.any() and likeness.max() >= LEAST_ALIKE:
            likely = likeness >= NEARLY_AS_ALIKE * likeness.max()
        return [int(n) for n in np.flatnonzero(likely)]

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
                words[region] = word.strip().casefold()
                if spans:
                    first, last = spans[region]
                    shift = first - earliest + 1.0
                    spans[region] = (first - shift, last - shift)
        return make_plan(self.regions, order, self.habit, words, self.likeness, spans)

    def later(self, region: int) -> np.ndarray:
        """bool (H, W): pixels of regions that are painted after this one."""
        after = self.order[self.order.index(region) + 1 :]
        return np.isin(self.regions.labels, after)


def make_plan(
    regions: Regions,
    order: Sequence[int],
    habit: Habit,
    words: Sequence[str] = (),
    likeness: Likeness | None = None,
    spans: Spans = (),
) -> PaintingPlan:
    """The plan of regions in a given order.

    Args:
        order: all region numbers, first painted first.
        words: what each region shows, by region number; empty where nobody knows.
        likeness: how much each looks like each word; None for `words`.
        spans: when each region is painted first and last; for the habit `learned` only.
    """
    if sorted(order) != list(range(regions.count)):
        raise ValueError(f"an order of {list(order)} does not name {regions.count} regions once")
    known = tuple(words) if words else (UNNAMED,) * regions.count
    layers = _layers(order, habit, spans)
    if likeness is None:
        likeness = {word: tuple(float(own == word) for own in known) for word in set(known)}
    return PaintingPlan(regions, tuple(order), habit, layers, known, likeness, tuple(spans))


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
