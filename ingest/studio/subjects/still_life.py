"""Draws a still life from a seed: what stands on the table, where, in which colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from ingest.studio.scene.palette import jitter, mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import Colour
from ingest.studio.subjects.forms import Tones

VesselKind = Literal["vase", "bottle", "jug", "bowl"]
FruitKind = Literal["apple", "orange", "lemon", "pear", "plum", "grapes"]

_WALLS = ("#5d5a4a", "#7a6650", "#3f4f58", "#86868a", "#6b4438", "#b8a98a", "#39413a")
"""Colours of the background."""
_TABLES = ("#8a5f3c", "#5b3f2c", "#b08a5e", "#6f6a62", "#d6cdbd")
"""Colours of the table."""
_CLOTHS = ("#e8e2d6", "#9c3b34", "#3f5f86", "#d8b45a", "#5f7a58")
"""Colours of the cloth."""
_GLAZES = ("#3f6f9c", "#c9c3b4", "#8c4a30", "#3f6a55", "#d9a441", "#4a4048", "#b7c7c9")
"""Colours of vessels."""
_FRUITS: dict[FruitKind, tuple[str, ...]] = {
    "apple": ("#b8322c", "#c9b23f", "#8fae45"), "orange": ("#e08a2c", "#d9772a"),
    "lemon": ("#e8cf4a",), "pear": ("#b6b04a", "#c79a48"), "plum": ("#5a3458", "#44345f"),
    "grapes": ("#5f3f66", "#93a64f"),
}  # fmt: skip
"""Colours of each kind of fruit."""


@dataclass(frozen=True, eq=False)
class Vessel:
    """Lengths in units; y is that of its foot."""

    kind: VesselKind
    x: float
    y: float
    tall: float
    tones: Tones


@dataclass(frozen=True, eq=False)
class Fruit:
    """Lengths in units; y is that of its foot."""

    kind: FruitKind
    x: float
    y: float
    size: float
    tones: Tones


@dataclass(frozen=True, eq=False)
class StillLife:
    """One arrangement."""

    scene: Scene
    """Its size, light side and flower colours are used; its landscape is not painted."""
    wall: Colour
    table: Colour
    edge: float
    """y of the table's far edge."""
    cloth: Colour | None
    vessels: tuple[Vessel, ...]
    """From far to near."""
    fruits: tuple[Fruit, ...]
    flowers: bool
    """Whether the first vessel holds flowers."""
    has_sketch: bool


def make_still_life(seed: int, scene: Scene) -> StillLife:
    """The still life of a seed on a canvas of the scene's size."""
    rng = np.random.default_rng([seed, 22])
    width, height = scene.width, scene.height
    edge = height * rng.uniform(0.54, 0.64)
    vessels = _vessels(rng, width, height, edge)
    return StillLife(
        scene=scene,
        wall=jitter(rng, rgb(_WALLS[rng.integers(len(_WALLS))]), 6),
        table=jitter(rng, rgb(_TABLES[rng.integers(len(_TABLES))]), 6),
        edge=float(edge),
        cloth=jitter(rng, rgb(_CLOTHS[rng.integers(len(_CLOTHS))]), 5)
        if rng.random() < 0.55
        else None,
        vessels=vessels,
        fruits=_fruits(rng, width, height, edge),
        flowers=bool(rng.random() < 0.7) and vessels[0].kind in ("vase", "jug"),
        has_sketch=bool(rng.random() < 0.4),
    )


def tones_of(colour: Colour) -> Tones:
    """Dark, middle and light tone of a colour."""
    return (
        mix(shade(colour, 0.34), rgb("#2a1a18"), 0.25),
        shade(colour, 0.92),
        mix(shade(colour, 1.12), rgb("#fff6e4"), 0.42),
    )


def _vessels(
    rng: np.random.Generator, width: float, height: float, edge: float
) -> tuple[Vessel, ...]:
    """A tall vessel near the middle and up to two others at its sides, from far to near."""
    kinds: tuple[VesselKind, ...] = ("vase", "bottle", "jug", "bowl")
    side = rng.choice([-1, 1])
    depth = height - edge
    vessels = [
        Vessel(
            "vase" if rng.random() < 0.6 else "jug",
            float(width * (0.5 + side * rng.uniform(0.03, 0.14))),
            float(edge + depth * rng.uniform(0.16, 0.28)),
            float(rng.uniform(0.32, 0.42)),
            tones_of(jitter(rng, rgb(_GLAZES[rng.integers(len(_GLAZES))]), 6)),
        )
    ]
    for index in range(int(rng.integers(0, 3))):
        kind = kinds[rng.choice(4, p=[0.1, 0.4, 0.15, 0.35])]
        offset = (-side if index == 0 else side) * rng.uniform(0.24, 0.34) * width
        tall = rng.uniform(0.34, 0.46) if kind == "bottle" else rng.uniform(0.16, 0.24)
        vessels.append(
            Vessel(
                kind,
                float(width * 0.5 + offset),
                float(edge + depth * rng.uniform(0.12, 0.4)),
                float(tall),
                tones_of(jitter(rng, rgb(_GLAZES[rng.integers(len(_GLAZES))]), 6)),
            )
        )
    return tuple(sorted(vessels, key=lambda vessel: vessel.y))


def _fruits(
    rng: np.random.Generator, width: float, height: float, edge: float
) -> tuple[Fruit, ...]:
    kinds: tuple[FruitKind, ...] = ("apple", "orange", "lemon", "pear", "plum", "grapes")
    chosen = rng.choice(6, int(rng.integers(1, 4)), replace=False)
    middle, fruits = width * rng.uniform(0.35, 0.65), []
    for _ in range(int(rng.integers(3, 7))):
        kind = kinds[chosen[rng.integers(len(chosen))]]
        colours = _FRUITS[kind]
        share = rng.uniform(0.42, 0.82)
        fruits.append(
            Fruit(
                kind,
                float(np.clip(middle + rng.normal(0, 0.22) * width, 0.12, width - 0.12)),
                float(edge + (height - edge) * share),
                float(rng.uniform(0.055, 0.075) * (0.8 + 0.4 * share)),
                tones_of(jitter(rng, rgb(colours[rng.integers(len(colours))]), 7)),
            )
        )
    return tuple(sorted(fruits, key=lambda fruit: fruit.y))
