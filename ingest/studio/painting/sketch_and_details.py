"""Paints the first and last steps of a landscape: underpainting, sketch, birds, details."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import pairwise

import numpy as np

from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.scene.scene import NEAR_TREE, Scene
from ingest.studio.strokes.stroke import LINER, PENCIL, STIPPLE, WASH, Colour
from ingest.studio.subjects.land import is_on_water
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.sky import box_clip


def paint_underpainting(painter: Painter, scene: Scene) -> None:
    """Paint a thin warm tone over the whole canvas."""
    rng = painter.rng
    tone = rgb(("#b5764a", "#c09a62", "#a86a5c", "#9aa4a8")[rng.integers(4)])
    area = box_clip(-0.05, -0.05, scene.width + 0.05, scene.height + 0.05)
    painter.fill_area(area, lambda x, y: tone, 0.13, 0.5, WASH,
                  lambda x, y: float(rng.normal(0.5, 0.4)), spacing=0.6, clipped=False)  # fmt: skip


def paint_sketch(painter: Painter, scene: Scene) -> None:
    """Draw horizon, skylines and the places of trees and water in thin brown lines."""
    line = rgb("#5f4636")
    curves = [skyline for skyline, _ in scene.hills] + [scene.ground_line]
    for peaks, _ in scene.mountains:
        inner = [(np.linspace(a, b, 3)) for a, b in pairwise(peaks)]
        zigzag = np.concatenate(inner)
        zigzag[1::3, 1] += 0.08
        curves.append(zigzag)
    for curve in curves:
        pieces = max(2, len(curve) // 24)
        for part in np.array_split(curve, pieces):
            if len(part) > 1:
                _pencil(painter, part, line)
    for _, x, y, size in scene.trees:
        if size > 0.2:
            _pencil(painter, np.array([(x, y), (x, y - size)]), line)
    if len(scene.shore):
        for part in np.array_split(scene.shore, 8):
            _pencil(painter, part, line)


def _pencil(painter: Painter, points: np.ndarray, colour: Colour) -> None:
    shaken = points + painter.rng.normal(0, 0.0015, points.shape)
    painter.stroke(shaken, 0.005, colour, PENCIL)


def paint_birds(painter: Painter, scene: Scene) -> None:
    """Paint a few birds of two short strokes each."""
    rng = painter.rng
    x0, y0 = rng.uniform(0.2, 0.8) * scene.width, scene.horizon * rng.uniform(0.2, 0.5)
    colour = mix(shade(scene.palette.bark[0], 0.7), scene.palette.sky[0], 0.2)
    for _ in range(int(rng.integers(3, 8))):
        x, y, size = x0 + rng.normal(0, 0.09), y0 + rng.normal(0, 0.04), rng.uniform(0.012, 0.026)
        for side in (-1, 1):
            tip = (x + side * size, y - size * rng.uniform(0.25, 0.55))
            middle = (x + side * size * 0.5, y - size * 0.55)
            painter.stroke([(x, y), middle, tip], size * 0.24, colour, replace(LINER, opacity=0.9))


def paint_details(
    painter: Painter, scene: Scene, colour_at: Callable[[float, float], Colour]
) -> None:
    """Paint highlights in a few places.

    Args:
        colour_at: colour of the unfinished painting at (x, y) in units.
    """
    rng = painter.rng
    depth = scene.height - scene.horizon
    places = [(x, y - size * 0.6, size * 0.12) for _, x, y, size in scene.trees if size > NEAR_TREE]
    for _ in range(5):
        y = scene.horizon + depth * rng.uniform(0.2, 1.0)
        places.append((rng.uniform(0.1, 0.9) * scene.width, y, 0.09))
    for x0, y0, spread in places:
        for _ in range(9):
            x, y = x0 + rng.normal(0, spread), y0 + rng.normal(0, spread * 0.6)
            bright = mix(shade(colour_at(x, y), 1.12), scene.palette.light, 0.35)
            if is_on_water(scene, x, y):
                painter.dab(x, y, 0.006, bright, LINER, 0.0, rng.uniform(3, 8))
            elif y < scene.horizon + 0.05 or rng.random() < 0.4:
                painter.dab(x, y, rng.uniform(0.006, 0.011), bright, STIPPLE, 0.5, 1.0)
            else:
                tip = (x + rng.normal(0, 0.008), y - rng.uniform(0.015, 0.04))
                painter.stroke([(x, y), tip], 0.006, bright, replace(LINER, taper=0.8))
