"""Paints water: its colour, reflections of the far shore, ripples and glitter."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.studio.scene.palette import mix, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import BLEND, FLAT, LINER, Clip, Colour
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.sky import sky_colour

CanvasColourAt = Callable[[float, float], Colour]
"""Colour of the unfinished painting at (x, y) in units."""


def waterline(scene: Scene) -> float:
    """y of the far shore, about which reflections are mirrored."""
    return float(scene.shore[:, 1].min())


def paint_water(painter: Painter, scene: Scene) -> None:
    """Paint the mirrored colours of the sky, darker and greener, in level strokes."""
    area = Clip(scene.shore, 0.003)
    top = waterline(scene)
    depth = scene.height - top
    deep = mix(scene.palette.sky[0], scene.palette.leaf[0], 0.25)
    rng = painter.rng

    def colour(x: float, y: float) -> Colour:
        share = (y - top) / depth
        mirrored = sky_colour(scene, x, scene.horizon * (0.98 - 0.85 * share))
        return shade(mix(mirrored, deep, 0.16 + 0.34 * share), 0.93)

    painter.fill_area(area, colour, 0.06, 0.3, replace(FLAT, body=0.3, softness=0.4), spacing=0.5)
    painter.fill_area(
        area,
        colour,
        0.04,
        0.22,
        BLEND,
        lambda x, y: float(rng.normal(0, 0.02)),
        spacing=0.8,
        keep=0.7,
    )


def paint_reflection(painter: Painter, scene: Scene, canvas_colour_at: CanvasColourAt) -> None:
    """Paint the mirrored colours of the far shore, pulled down and broken by level strokes."""
    rng = painter.rng
    area, top = Clip(scene.shore, 0.003), waterline(scene)
    depth = scene.height - top
    tone = mix(scene.palette.sky[0], scene.palette.leaf[0], 0.3)
    reach = min(depth, top * 0.95)
    painter.clip = area
    for share in np.arange(0.02, 1.0, 0.1):
        y = top + share * reach
        for x in np.arange(-0.02, scene.width + 0.02, 0.042 + 0.022 * share):
            u = float(x + rng.normal(0, 0.01))
            colour = canvas_colour_at(
                np.clip(u, 0, scene.width), max(top - 0.012 - share * reach * 1.05, 0.0)
            )
            muted = mix(shade(colour, 0.86), tone, 0.2 + 0.25 * share)
            touch = replace(FLAT, opacity=0.8 - 0.35 * share, softness=0.5, dryness=0.18, body=0.2)
            painter.dab(
                u, y, 0.046 + 0.018 * share, muted, touch, np.pi / 2 + rng.normal(0, 0.05), 2.2
            )
    light = mix(scene.palette.sky[2], scene.palette.cloud[2], 0.4)
    for _ in range(42):
        share = rng.uniform(0.03, 1) ** 1.3
        x, y = rng.uniform(0, scene.width), top + share * depth
        touch = replace(BLEND, opacity=0.34, dryness=0.35)
        painter.dab(x, y, 0.012 + 0.016 * share, light, touch, 0.0, rng.uniform(4, 10))
    painter.clip = None


def paint_waves(painter: Painter, scene: Scene) -> None:
    """Paint ripples, smaller towards the far shore, with glitter under the sun."""
    rng = painter.rng
    top, depth = waterline(scene), scene.height - waterline(scene)
    painter.clip = Clip(scene.shore, 0.003)
    crest = mix(scene.palette.sky[2], scene.palette.cloud[2], 0.6)
    trough = shade(mix(scene.palette.sky[0], scene.palette.leaf[0], 0.35), 0.8)
    rough = 90 if scene.water == "sea" else 34
    touch = replace(LINER, opacity=0.62, dryness=0.3, softness=0.6, taper=0.6)
    for _ in range(rough):
        share = rng.uniform(0.01, 1) ** 1.5
        x, y = rng.uniform(0, scene.width), top + share * depth
        colour = trough if rng.random() < 0.45 else crest
        size = 0.006 + 0.014 * share * (1.4 if scene.water == "sea" else 1)
        painter.dab(x, y, size, colour, touch, rng.normal(0, 0.02), rng.uniform(4, 10))
    if scene.sun is not None:
        _glitter(painter, scene, top, depth)
    painter.clip = None
    for x in np.arange(0, scene.width, 0.07):
        if scene.water == "lake" and rng.random() < 0.7:
            y = top + 0.006 + rng.normal(0, 0.002)
            painter.dab(
                float(x), y, 0.007, crest, replace(LINER, opacity=0.6), 0.0, rng.uniform(4, 12)
            )


def _glitter(painter: Painter, scene: Scene, top: float, depth: float) -> None:
    """Paint the sun's glitter on the water."""
    rng = painter.rng
    assert scene.sun is not None
    for _ in range(46):
        share = rng.uniform(0, 1)
        x = scene.sun[0] + rng.normal(0, 0.018 + 0.045 * share)
        colour = mix(scene.palette.sun, scene.palette.light, rng.uniform(0, 0.6))
        painter.dab(
            x, top + share * depth, 0.007 + 0.008 * share, colour, LINER, 0.0, rng.uniform(2, 6)
        )
