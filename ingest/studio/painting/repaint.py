"""Painters who go back: a thing is done in colours that they regret and done again, or something
is put in and painted out later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.studio.painting.study import Study
from ingest.studio.strokes.stroke import DAB, FLAT, Clip, Colour, Stroke
from ingest.studio.subjects.forms import ellipse
from ingest.studio.subjects.painter import Painter

Brushwork = Callable[[Painter, Study], None]
Task = tuple[str, Brushwork]
_REGRETTED = ("background", "sky", "mountain", "hill", "ground", "water", "table", "cloth", "vase",
              "fruit", "face", "figure", "hair")  # fmt: skip
"""Words whose first version can be in other colours."""
_PATCH_WORD = "bush"
MOST_AGAIN = 220
"""So many of the strokes that made a place are repeated when something is painted out."""


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
    return np.clip((0.55 * colour + 0.45 * colour[channels]) * strength, 0, 255).astype(np.float32)


def _painted_out(rng: np.random.Generator, order: list[Task]) -> list[Task]:
    """Something is put in, and a step or two later covered with what was there before."""
    first = int(rng.integers(len(order) // 3, max(len(order) - 3, len(order) // 3 + 1)))
    last = min(first + int(rng.integers(1, 3)), len(order) - 1)
    patch = _Patch(rng.uniform(0.2, 0.8, 2), float(rng.uniform(0.08, 0.15)))
    word = order[max(last - 1, 0)][0]
    return [
        *((name, patch.watched(work)) for name, work in order[:first]),
        (_PATCH_WORD, patch.put_in),
        *((name, patch.watched(work)) for name, work in order[first:last]),
        (word, patch.paint_out),
        *order[last:],
    ]


class _Patch:
    """Something that does not stay: how it is put in, and how the place is made good again."""

    def __init__(self, place: np.ndarray, size: float) -> None:
        """`place` in shares of the canvas, `size` in units."""
        self.place, self.size = place, size
        self.strokes: list[Stroke] = []
        """What was painted without the patch."""
        self.before = np.zeros((0, 0, 3), np.float32)

    def watched(self, work: Brushwork) -> Brushwork:
        """The same work, its strokes remembered."""

        def watch(painter: Painter, study: Study) -> None:
            work(painter, study)
            self.strokes += painter.strokes

        return watch

    def put_in(self, painter: Painter, study: Study) -> None:
        """A clump of dabs of one colour."""
        rng, (x, y) = painter.rng, self.place * study.size
        self.before = study.canvas.colour.copy()
        tone = rng.uniform(30, 220, 3).astype(np.float32)
        for _ in range(26):
            u, v = x + rng.normal(0, 0.45 * self.size), y + rng.normal(0, 0.35 * self.size)
            painter.dab(u, v, 0.3 * self.size, tone, DAB, rng.uniform(0, 3.1), 1.4)

    def paint_out(self, painter: Painter, study: Study) -> None:
        """The old colours over it, then the strokes again that made up the place."""
        x, y = self.place * study.size
        reach = np.array([1.7, 1.45]) * self.size
        area = Clip(ellipse(x, y, *reach), 0.015)
        painter.cover(
            area, lambda u, v: study.seen_in(self.before, u, v), 0.028, 0.03, FLAT, None, 0.42
        )
        again = [
            replace(stroke, place=area)
            for stroke in self.strokes
            if np.hypot(*((stroke.path - (x, y)) / reach).T).min() < 1.15
        ]
        painter.strokes += again[-MOST_AGAIN:]
