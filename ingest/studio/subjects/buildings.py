"""Paints boats and fences of a landscape; fills planes with flat strokes."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import BLEND, DRY, FLAT, LINER, Clip, Colour
from ingest.studio.subjects.painter import Painter


def fill_plane(
    painter: Painter,
    corners: list[tuple[float, float]],
    colour: Colour,
    size: float,
    angle: float,
) -> None:
    """Fill a small polygon with flat strokes along `angle` (radians), clipped at its edges."""
    area = Clip(np.array(corners, np.float32), 0.0016)
    bold, painter.boldness = painter.boldness, 1.0
    painter.fill_area(
        area,
        lambda x, y: colour,
        size,
        size * 3,
        replace(FLAT, dryness=0.1),
        lambda x, y: angle,
        spacing=0.45,
    )
    painter.boldness = bold


def lit_paint(scene: Scene, text: str) -> Colour:
    """The colour ``"#rrggbb"`` under the scene's light."""
    dim = {"night": 0.42, "dusk": 0.66, "overcast": 0.88}.get(scene.hour, 1.0)
    return mix(shade(rgb(text), dim), scene.palette.sky[1], 0.12 if dim == 1 else 0.24)


def paint_boat(painter: Painter, scene: Scene) -> None:
    """Paint the scene's rowing or sailing boat with its reflection."""
    assert scene.boat is not None
    rng = painter.rng
    x, y, size = scene.boat
    hull = lit_paint(scene, ("#8a3b2c", "#e8e2d2", "#2f5a78", "#7a5230")[rng.integers(4)])
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
    fill_plane(painter, shape, shade(hull, 0.8), deep * 0.5, 0.03)
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
    """Paint mast, main sail and jib, and their reflection."""
    canvas = mix(lit_paint(scene, "#f3ece0"), scene.palette.light, 0.25)
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
    painter.stroke([(x, y), (x, top)], size * 0.025, lit_paint(scene, "#4a3626"), LINER)
    fill_plane(
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
    fill_plane(
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
    """Paint a fence of posts and two rails that comes towards the viewer."""
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
