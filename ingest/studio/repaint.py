"""Painters who go back: a thing is done in colours that they regret and done again, or something
is put in and painted out later."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from ingest.studio.forms import ellipse
from ingest.studio.painter import Painter
from ingest.studio.stroke import DAB, FLAT, Clip, Colour
from ingest.studio.study import Study

Task = tuple[str, Callable[[Painter, Study], None]]
_REGRETTED = ("background", "sky", "mountain", "hill", "ground", "water", "table", "cloth", "vase",
              "fruit", "face", "figure", "hair")  # fmt: skip
"""Words whose first version can be in other colours."""
_PATCH_WORD = "bush"


def with_repaints(rng: np.random.Generator, order: list[Task], count: int) -> list[Task]:
    """The order with `count` corrections in it, each of them a step of its own."""
    for _ in range(count):
        order = _regretted(rng, order) if rng.random() < 0.55 else _painted_out(rng, order)
    return order


def _regretted(rng: np.random.Generator, order: list[Task]) -> list[Task]:
    """One step is done in wrong colours first, and again, in its own, right after."""
    places = [i for i, (word, _) in enumerate(order) if word in _REGRETTED and i > 0]
    if not places:
        return order
    at = places[rng.integers(len(places))]
    word, work = order[at]
    change = rng.permutation(3), rng.uniform(0.75, 1.3, 3).astype(np.float32)

    def wrong(painter: Painter, study: Study) -> None:
        work(painter, study)
        for index, stroke in enumerate(painter.strokes):
            painter.strokes[index] = stroke.recoloured(lambda colour: _other(colour, change))

    return [*order[:at], (word, wrong), *order[at:]]


def _other(colour: Colour, change: tuple[np.ndarray, np.ndarray]) -> Colour:
    """Half of the colour's channels exchanged, and another strength of each."""
    channels, strength = change
    return np.clip((0.45 * colour + 0.55 * colour[channels]) * strength, 0, 255).astype(np.float32)


def _painted_out(rng: np.random.Generator, order: list[Task]) -> list[Task]:
    """Something is put in, and a step or two later covered with what was there before."""
    first = int(rng.integers(len(order) // 3, max(len(order) - 3, len(order) // 3 + 1)))
    last = min(first + int(rng.integers(1, 3)), len(order) - 1)
    place, size = rng.uniform(0.2, 0.8, 2), rng.uniform(0.08, 0.16)
    kept: list[np.ndarray] = []

    def put_in(painter: Painter, study: Study) -> None:
        kept[:] = [study.canvas.colour.copy()]
        x, y = place * study.size
        tone = painter.rng.uniform(30, 220, 3).astype(np.float32)
        for _ in range(26):
            u, v = x + painter.rng.normal(0, 0.45 * size), y + painter.rng.normal(0, 0.35 * size)
            painter.dab(u, v, 0.3 * size, tone, DAB, painter.rng.uniform(0, 3.1), 1.4)

    def paint_out(painter: Painter, study: Study) -> None:
        x, y = place * study.size
        area = Clip(ellipse(x, y, 1.7 * size, 1.45 * size), 0.02)
        painter.cover(area, lambda u, v: study.seen_in(kept[0], u, v), 0.045, 0.1, FLAT, None, 0.45)

    word = order[max(last - 1, 0)][0]
    return [
        *order[:first], (_PATCH_WORD, put_in), *order[first:last], (word, paint_out), *order[last:],
    ]  # fmt: skip
