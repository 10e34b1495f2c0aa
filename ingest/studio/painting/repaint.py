"""Adds corrections to the order of a painting: a step in wrong colours that is painted again, or a
patch that is put in and painted over later."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.studio.painting.preview import Preview
from ingest.studio.strokes.stroke import DAB, FLAT, Clip, Colour, Stroke
from ingest.studio.subjects.forms import ellipse
from ingest.studio.subjects.painter import Painter

Brushwork = Callable[[Painter, Preview], None]
"""Paints one step with a painter, who may look up colours of the unfinished painting."""
Task = tuple[str, Brushwork]
"""The word of a step, and the function that paints it."""
_RECOLOURABLE = ("background", "sky", "mountain", "hill", "ground", "water", "table", "cloth",
                 "vase", "fruit", "face", "figure", "hair")  # fmt: skip
"""Words of steps that can be painted in wrong colours first."""
_PATCH_WORD = "bush"
"""Word of the step that puts the patch in."""
MAX_REPEATED_STROKES = 220
"""Most of the strokes under a patch that are repeated over it."""


def with_repaints(rng: np.random.Generator, order: list[Task], count: int) -> list[Task]:
    """The order with `count` random corrections; each adds one or two steps."""
    for _ in range(count):
        order = _with_wrong_colours(rng, order) if rng.random() < 0.55 else _with_patch(rng, order)
    return order


def _with_wrong_colours(rng: np.random.Generator, order: list[Task]) -> list[Task]:
    """Paint one random step in wrong colours first, then in its own."""
    places = [i for i, (word, _) in enumerate(order) if word in _RECOLOURABLE and i > 0]
    if not places:
        return order
    at = places[rng.integers(len(places))]
    word, work = order[at]
    change = rng.permutation(3), rng.uniform(0.75, 1.3, 3).astype(np.float32)

    def wrong(painter: Painter, preview: Preview) -> None:
        work(painter, preview)
        for index, stroke in enumerate(painter.strokes):
            painter.strokes[index] = stroke.recoloured(lambda colour: _wrong_colour(colour, change))

    return [*order[:at], (word, wrong), *order[at:]]


def _wrong_colour(colour: Colour, change: tuple[np.ndarray, np.ndarray]) -> Colour:
    """The colour mixed with its permuted channels, each then scaled."""
    channels, strength = change
    return np.clip((0.55 * colour + 0.45 * colour[channels]) * strength, 0, 255).astype(np.float32)


def _with_patch(rng: np.random.Generator, order: list[Task]) -> list[Task]:
    """Put a patch in, and paint it over one or two steps later."""
    first = int(rng.integers(len(order) // 3, max(len(order) - 3, len(order) // 3 + 1)))
    last = min(first + int(rng.integers(1, 3)), len(order) - 1)
    patch = _Patch(rng.uniform(0.2, 0.8, 2), float(rng.uniform(0.08, 0.15)))
    word = order[max(last - 1, 0)][0]
    return [
        *((name, patch.recorded(work)) for name, work in order[:first]),
        (_PATCH_WORD, patch.put_in),
        *((name, patch.recorded(work)) for name, work in order[first:last]),
        (word, patch.paint_out),
        *order[last:],
    ]


class _Patch:
    """A patch of dabs that is put in and painted over later."""

    def __init__(self, place: np.ndarray, size: float) -> None:
        """`place` is its centre (x, y) in shares of the canvas, `size` its radius in units."""
        self.place, self.size = place, size
        self.strokes: list[Stroke] = []
        """All strokes of the steps so far, without the patch."""
        self.before = np.zeros((0, 0, 3), np.float32)
        """The preview before the patch, RGB float32 (h, w, 3)."""

    def recorded(self, work: Brushwork) -> Brushwork:
        """The same step; its strokes are added to `strokes`."""

        def paint_and_record(painter: Painter, preview: Preview) -> None:
            work(painter, preview)
            self.strokes += painter.strokes

        return paint_and_record

    def put_in(self, painter: Painter, preview: Preview) -> None:
        """Paint a clump of dabs of one colour."""
        rng, (x, y) = painter.rng, self.place * preview.size
        self.before = preview.canvas.colour.copy()
        tone = rng.uniform(30, 220, 3).astype(np.float32)
        for _ in range(26):
            u, v = x + rng.normal(0, 0.45 * self.size), y + rng.normal(0, 0.35 * self.size)
            painter.dab(u, v, 0.3 * self.size, tone, DAB, rng.uniform(0, 3.1), 1.4)

    def paint_out(self, painter: Painter, preview: Preview) -> None:
        """Paint the old colours over the patch, then repeat the strokes that lay there."""
        x, y = self.place * preview.size
        reach = np.array([1.7, 1.45]) * self.size
        area = Clip(ellipse(x, y, *reach), 0.015)
        painter.fill_area(
            area, lambda u, v: preview.colour_in(self.before, u, v), 0.028, 0.03, FLAT, None, 0.42
        )
        again = [
            replace(stroke, place=area)
            for stroke in self.strokes
            if np.hypot(*((stroke.path - (x, y)) / reach).T).min() < 1.15
        ]
        painter.strokes += again[-MAX_REPEATED_STROKES:]
