"""Paints a house: walls, roof, chimney, door and windows."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import BLEND, FLAT, LINER, Colour
from ingest.studio.subjects.buildings import fill_plane, lit_paint
from ingest.studio.subjects.painter import Painter

_WALLS = ("#e9dfc8", "#d9a066", "#c8574a", "#b9c4c9", "#8d6b4f")
"""Colours of walls."""
_ROOFS = ("#8c3f30", "#54484a", "#6a4a34", "#3f5560")
"""Colours of roofs."""
_SOLID = replace(FLAT, dryness=0.0, exhaustion=0.0)
"""A flat brush that leaves no gaps."""


@dataclass(frozen=True, eq=False)
class _House:
    """A house in units: its gable faces the viewer, its long wall is away from the light."""

    x: float
    y: float
    width: float
    tall: float
    depth: float
    side: int
    wall: Colour
    roof: Colour

    @property
    def edge(self) -> float:
        """x of the corner between front and long wall."""
        return self.x + self.side * self.width / 2

    @property
    def apex(self) -> tuple[float, float]:
        return self.x, self.y - self.tall - self.width * 0.5


def paint_house(painter: Painter, scene: Scene) -> None:
    """Paint the house of the scene; nothing where it has none."""
    if scene.house is None:
        return
    rng = painter.rng
    x, y, width = scene.house
    house = _House(
        x, y, width, width * 0.62, width * rng.uniform(0.8, 1.2), -scene.light_side,
        lit_paint(scene, _WALLS[rng.integers(len(_WALLS))]),
        lit_paint(scene, _ROOFS[rng.integers(len(_ROOFS))]),
    )  # fmt: skip
    _walls(painter, scene, house)
    _roof(painter, scene, house)
    _openings(painter, scene, house)


def _walls(painter: Painter, scene: Scene, house: _House) -> None:
    x, y, w, tall, side = house.x, house.y, house.width, house.tall, house.side
    edge, far = house.edge, house.edge + side * house.depth
    shadow = shade(scene.palette.grass[0], 0.7)
    painter.dab(
        x + side * w * 0.7, y + 0.008, w * 0.18, shadow, replace(BLEND, opacity=0.7), 0.0, 9
    )
    dark = mix(shade(house.wall, 0.66), scene.palette.sky[0], 0.14)
    plane = [(edge, y), (edge, y - tall), (far, y - tall), (far, y - 0.004)]
    fill_plane(painter, plane, dark, w * 0.16, np.pi / 2)
    left, right = x - w / 2, x + w / 2
    front = [(left, y), (left, y - tall), house.apex, (right, y - tall), (right, y)]
    fill_plane(painter, front, house.wall, w * 0.16, np.pi / 2)


def _roof(painter: Painter, scene: Scene, house: _House) -> None:
    w, side, roof, apex = house.width, house.side, house.roof, house.apex
    eave = (house.edge + side * w * 0.06, house.y - house.tall + w * 0.05)
    far = (house.edge + side * (house.depth + w * 0.06), eave[1])
    ridge_end = (apex[0] + side * house.depth, apex[1])
    fill_plane(painter, [apex, eave, far, ridge_end], roof, w * 0.12, 0.0)
    other_eave = (house.x - side * w * 0.57, house.y - house.tall + w * 0.06)
    painter.stroke([apex, other_eave], w * 0.07, mix(roof, scene.palette.light, 0.35), LINER)
    painter.stroke([apex, eave], w * 0.05, shade(roof, 0.7), LINER)
    x = apex[0] + side * house.depth * 0.6
    chimney = [(x, apex[1] - w * 0.16), (x, apex[1] + w * 0.08)]
    painter.stroke(chimney, w * 0.12, shade(roof, 0.85), _SOLID)


def _openings(painter: Painter, scene: Scene, house: _House) -> None:
    """Paint door and windows with sills; the panes are lit in the evening."""
    x, y, w, tall = house.x, house.y, house.width, house.tall
    evening = scene.hour in ("dusk", "night")
    pane = rgb("#ffd27a") if evening else mix(scene.palette.sky[0], rgb("#20242c"), 0.55)
    painter.stroke(
        [(x, y - 0.002), (x, y - tall * 0.55)], w * 0.16, shade(house.roof, 0.55), _SOLID
    )
    middle = house.edge + house.side * house.depth * 0.5
    for u, v in ((x - w * 0.29, 0.55), (x + w * 0.29, 0.55), (x, 1.12), (middle, 0.5)):
        v = y - tall * v
        painter.dab(u, v, w * 0.13, pane, _SOLID, np.pi / 2, 1.2)
        sill = [(u - w * 0.07, v + w * 0.09), (u + w * 0.07, v + w * 0.09)]
        painter.stroke(sill, w * 0.025, shade(house.wall, 1.2), LINER)
