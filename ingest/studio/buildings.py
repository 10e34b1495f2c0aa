"""What people put into a landscape: house, boat, fence."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.painter import Painter
from ingest.studio.palette import mix, rgb, shade
from ingest.studio.scene import Scene
from ingest.studio.stroke import BLEND, DRY, FLAT, LINER, Clip, Colour

_WALLS = ("#e9dfc8", "#d9a066", "#c8574a", "#b9c4c9", "#8d6b4f")
_ROOFS = ("#8c3f30", "#54484a", "#6a4a34", "#3f5560")


def _fill(
    painter: Painter,
    corners: list[tuple[float, float]],
    colour: Colour,
    size: float,
    angle: float,
    touch_dryness: float = 0.1,
) -> None:
    """A small plane in flat strokes along `angle`, cut in at its edges."""
    area = Clip(np.array(corners, np.float32), 0.0016)
    bold, painter.boldness = painter.boldness, 1.0
    painter.cover(
        area,
        lambda x, y: colour,
        size,
        size * 3,
        replace(FLAT, dryness=touch_dryness),
        lambda x, y: angle,
        spacing=0.45,
    )
    painter.boldness = bold


def _lit(scene: Scene, text: str) -> Colour:
    """A paint colour under the scene's light."""
    dim = {"night": 0.42, "dusk": 0.66, "overcast": 0.88}.get(scene.hour, 1.0)
    return mix(shade(rgb(text), dim), scene.palette.sky[1], 0.12 if dim == 1 else 0.24)


def paint_house(painter: Painter, scene: Scene) -> None:
    """Front and side wall, two roof planes, chimney, door and windows, a shadow on the ground."""
    assert scene.house is not None
    rng = painter.rng
    x, y, w = scene.house
    tall, gable, depth = w * 0.62, w * 0.5, w * rng.uniform(0.8, 1.2)
    side = -scene.light_side
    wall, roof = _lit(scene, _WALLS[rng.integers(5)]), _lit(scene, _ROOFS[rng.integers(4)])
    dark_wall = mix(shade(wall, 0.66), scene.palette.sky[0], 0.14)
    left, right, far = x - w / 2, x + w / 2, (x + side * w / 2) + side * depth
    edge = x + side * w / 2
    painter.dab(
        x + side * w * 0.7,
        y + 0.008,
        w * 0.18,
        shade(scene.palette.grass[0], 0.7),
        replace(BLEND, opacity=0.7),
        0.0,
        9.0,
    )
    _fill(
        painter,
        [(edge, y), (edge, y - tall), (far, y - tall), (far, y - 0.004)],
        dark_wall,
        w * 0.16,
        np.pi / 2,
    )
    _fill(
        painter,
        [(left, y), (left, y - tall), (x, y - tall - gable), (right, y - tall), (right, y)],
        wall,
        w * 0.16,
        np.pi / 2,
    )
    apex = (x, y - tall - gable)
    eave = (edge + side * w * 0.06, y - tall + w * 0.05)
    _fill(
        painter,
        [apex, eave, (far + side * w * 0.06, eave[1]), (apex[0] + side * depth, apex[1])],
        roof,
        w * 0.12,
        0.0,
    )
    light_edge = mix(roof, scene.palette.light, 0.35)
    painter.stroke([apex, (x - side * w * 0.57, y - tall + w * 0.06)], w * 0.07, light_edge, LINER)
    painter.stroke([apex, eave], w * 0.05, shade(roof, 0.7), LINER)
    painter.stroke(
        [
            (apex[0] + side * depth * 0.6, apex[1] - w * 0.16),
            (apex[0] + side * depth * 0.6, apex[1] + w * 0.08),
        ],
        w * 0.12,
        shade(roof, 0.85),
        replace(FLAT, dryness=0.0, exhaustion=0.0),
    )
    glow = (
        rgb("#ffd27a")
        if scene.hour in ("dusk", "night")
        else mix(scene.palette.sky[0], rgb("#20242c"), 0.55)
    )
    painter.stroke(
        [(x, y - 0.002), (x, y - tall * 0.55)],
        w * 0.16,
        shade(roof, 0.55),
        replace(FLAT, dryness=0.0),
    )
    for u, v in (
        (x - w * 0.29, y - tall * 0.55),
        (x + w * 0.29, y - tall * 0.55),
        (x, y - tall * 1.12),
        (edge + side * depth * 0.5, y - tall * 0.5),
    ):
        painter.dab(u, v, w * 0.13, glow, replace(FLAT, dryness=0.0), np.pi / 2, 1.2)
        painter.stroke(
            [(u - w * 0.07, v + w * 0.09), (u + w * 0.07, v + w * 0.09)],
            w * 0.025,
            shade(wall, 1.2),
            LINER,
        )


def paint_boat(painter: Painter, scene: Scene) -> None:
    """A rowing or sailing boat with its reflection."""
    assert scene.boat is not None
    rng = painter.rng
    x, y, size = scene.boat
    hull = _lit(scene, ("#8a3b2c", "#e8e2d2", "#2f5a78", "#7a5230")[rng.integers(4)])
    deep = size * 0.16
    shape = [
        (x - size / 2, y - deep),
        (x + size / 2, y - deep * 1.15),
        (x + size * 0.38, y),
        (x - size * 0.36, y),
    ]
    mirrored = replace(BLEND, opacity=0.5)
    for _ in range(6):
        u = x + rng.uniform(-0.36, 0.36) * size
        painter.dab(
            u, y + deep * rng.uniform(0.3, 1.0), deep * 0.4, shade(hull, 0.6), mirrored, 0.0, 3.0
        )
    _fill(painter, shape, shade(hull, 0.8), deep * 0.5, 0.03)
    painter.stroke(
        [(x - size / 2, y - deep), (x, y - deep * 0.93), (x + size / 2, y - deep * 1.15)],
        deep * 0.22,
        mix(hull, scene.palette.light, 0.6),
        LINER,
    )
    if rng.random() < 0.6:
        _sails(painter, scene, x, y - deep, size)
    for _ in range(5):
        u = x + rng.normal(0, size * 0.4)
        painter.dab(
            u, y + 0.004, 0.006, mix(scene.palette.sky[2], scene.palette.snow, 0.5), DRY, 0.0, 7.0
        )


def _sails(painter: Painter, scene: Scene, x: float, y: float, size: float) -> None:
    """Mast, main sail and jib, and their pale reflection."""
    canvas = mix(_lit(scene, "#f3ece0"), scene.palette.light, 0.25)
    top = y - size * 1.05
    for step in range(5):
        painter.dab(
            x,
            y + size * (0.3 + 0.13 * step),
            size * 0.08,
            canvas,
            replace(BLEND, opacity=0.3),
            0.0,
            3.5 - step * 0.4,
        )
    painter.stroke([(x, y), (x, top)], size * 0.025, _lit(scene, "#4a3626"), LINER)
    _fill(
        painter,
        [
            (x + size * 0.02, top + size * 0.04),
            (x + size * 0.4, y - size * 0.1),
            (x + size * 0.02, y - size * 0.08),
        ],
        canvas,
        size * 0.12,
        1.2,
    )
    _fill(
        painter,
        [
            (x - size * 0.03, top + size * 0.1),
            (x - size * 0.33, y - size * 0.06),
            (x - size * 0.03, y - size * 0.1),
        ],
        shade(canvas, 0.85),
        size * 0.1,
        1.9,
    )


def paint_fence(painter: Painter, scene: Scene) -> None:
    """Posts that grow towards us and two rails."""
    rng = painter.rng
    dark, middle, light = scene.palette.bark
    depth = scene.height - scene.horizon
    side = rng.choice([-1, 1])
    share = np.linspace(0, 1, 7)
    x = scene.width * (0.5 + side * (0.08 + 0.46 * share))
    y = scene.horizon + depth * (0.22 + 0.36 * share**1.3)
    tall = 0.03 + 0.13 * share**1.3
    for rail in (0.4, 0.75):
        line = np.stack([x, y - tall * rail], 1)
        for i in range(6):
            piece = line[i : i + 2] + rng.normal(0, 0.002, (2, 2))
            painter.stroke(piece, tall[i] * 0.11, mix(dark, middle, 0.6), replace(LINER, taper=0.0))
            painter.stroke(
                piece - (0, tall[i] * 0.03), tall[i] * 0.05, light, replace(DRY, taper=0.0)
            )
    for u, v, t in zip(x, y, tall, strict=True):
        lean = rng.normal(0, 0.04) * t
        path = np.array([(u, v), (u + lean, v - t)])
        painter.stroke(path, t * 0.17, dark, replace(FLAT, dryness=0.0))
        painter.stroke(path + (scene.light_side * t * 0.04, 0), t * 0.08, light, DRY, middle)
