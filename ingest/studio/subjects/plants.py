"""Paints grass, bushes and flowers of the foreground."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.scene.noise import Noise1D, Noise2D
from ingest.studio.scene.palette import mix, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import DAB, LINER, STIPPLE
from ingest.studio.subjects.land import is_on_water, nearness
from ingest.studio.subjects.painter import Painter


def paint_grass(painter: Painter, scene: Scene) -> None:
    """Paint blades of grass in tufts, from far to near."""
    rng = painter.rng
    dark, middle, light = scene.palette.grass
    clumps, wind = Noise2D(rng, 0.14), Noise1D(rng, 0.4)
    depth = scene.height - scene.horizon
    bright = mix(light, scene.palette.light, 0.25)
    for share in np.linspace(0.25, 1.06, 9):
        tall = 0.015 + 0.085 * share**1.6
        y = scene.horizon + share * depth
        for x in np.arange(-0.02, scene.width + 0.02, 0.012 + 0.016 * share):
            u, v = x + rng.normal(0, 0.012), y + rng.normal(0, 0.03) * share
            tuft = clumps(u, v)
            if tuft < 0.05 - 0.25 * (share > 0.95) or is_on_water(scene, u, v):
                continue
            tone = mix(shade(dark, 0.85), bright, 0.45 * rng.uniform(0, 1.4) + 0.35 * tuft)
            lean = (0.35 * float(wind(u)) + rng.normal(0, 0.2)) * tall
            blade = tall * rng.uniform(0.6, 1.25)
            path = [(u, v), (u + lean * 0.35, v - blade * 0.55), (u + lean, v - blade)]
            painter.stroke(
                path,
                0.006 + 0.011 * share,
                tone,
                replace(LINER, taper=0.8, dryness=0.12),
                middle,
                9,
            )


def paint_bushes(painter: Painter, scene: Scene) -> None:
    """Paint round bushes in three layers from dark to light."""
    rng = painter.rng
    dark, middle, light = scene.palette.leaf
    depth = scene.height - scene.horizon
    bushes = []
    for _ in range(int(rng.integers(2, 6))):
        share = rng.uniform(0.06, 0.5)
        x, y = rng.uniform(0, scene.width), scene.horizon + 0.02 + share * depth
        if not is_on_water(scene, x, y):
            bushes.append((y, x, 0.025 + 0.075 * share))
    for y, x, size in sorted(bushes):
        for layer, (colour, lift, touch) in enumerate(
            (
                (shade(dark, 0.85), 0.3, replace(DAB, softness=0.35)),
                (mix(dark, middle, 0.8), 0.5, replace(STIPPLE, dryness=0.4)),
                (mix(light, scene.palette.light, 0.2), 0.75, replace(STIPPLE, dryness=0.6)),
            )
        ):
            for _ in range(7 - layer):
                angle, reach = rng.uniform(0, np.pi), np.sqrt(rng.uniform(0, 1)) * size
                u = x + np.cos(angle) * reach * 1.3 + scene.light_side * size * 0.15 * layer
                v = y - np.sin(angle) * reach * lift - size * 0.12 * layer
                painter.dab(u, v, size * (0.75 - 0.1 * layer), colour, touch, angle, 0.5, middle)


def paint_flowers(painter: Painter, scene: Scene) -> None:
    """Paint flowers in patches, from far to near; the nearest have stems and highlights."""
    rng = painter.rng
    depth = scene.height - scene.horizon
    drifts = Noise2D(rng, 0.2)
    places = []
    for _ in range(300):
        share = rng.uniform(0.3, 1.03)
        x, y = rng.uniform(0, scene.width), scene.horizon + share * depth
        if drifts(x, y) > 0.18 and not is_on_water(scene, x, y):
            places.append((y, x))
    for y, x in sorted(places):
        share = nearness(scene, y)
        size = (0.007 + 0.019 * share**1.5) * rng.uniform(0.7, 1.2)
        colour = scene.palette.flowers[int(rng.choice(3, p=[0.6, 0.28, 0.12]))]
        if share > 0.6:
            stem = [(x, y + size * 2.2), (x + rng.normal(0, size * 0.3), y + size), (x, y)]
            painter.stroke(stem, size * 0.24, scene.palette.leaf[1], LINER)
        petals = 1 if share < 0.45 else 3
        for petal in range(petals):
            angle = rng.uniform(0, np.pi) + petal * 2.1
            u, v = (
                x + np.cos(angle) * size * 0.4 * (petals > 1),
                y + np.sin(angle) * size * 0.35 * (petals > 1),
            )
            painter.dab(u, v, size * 0.85, shade(colour, 0.9 + 0.1 * petal), DAB, angle, 1.1)
        if share > 0.35:
            lit = mix(colour, scene.palette.light, 0.55)
            painter.dab(
                x + scene.light_side * size * 0.3, y - size * 0.3, size * 0.42, lit, DAB, 0.3, 1.0
            )
