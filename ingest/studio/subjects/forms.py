"""Outlines of round forms, light on them from one lamp, and filling them with strokes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace

import numpy as np

from ingest.studio.scene.palette import mix
from ingest.studio.strokes.stroke import BLEND, FLAT, Clip, Colour, Touch
from ingest.studio.subjects.painter import AngleAt, ColourAt, Painter

Tones = tuple[Colour, Colour, Colour]
"""Dark, middle, light: RGB float32 in [0, 255]."""
Light = Callable[[float, float], float]
"""Light at (x, y), from 0 (shadow side) to 1 (highlight)."""
BASE = replace(FLAT, dryness=0.0, exhaustion=0.05, body=0.35)
"""Brush of the first, opaque layer of a form."""
MODEL = replace(BLEND, opacity=0.6, softness=0.7)
"""Brush of the second layer, which models light and shadow."""


def tone_at(tones: Tones, light: float) -> Colour:
    """The colour at a light between 0 (shadow side) and 1 (highlight)."""
    dark, middle, bright = tones
    if light < 0.5:
        return mix(dark, middle, light * 2)
    return mix(middle, bright, light * 2 - 1)


def ellipse(x: float, y: float, rx: float, ry: float, turn: float = 0.0) -> np.ndarray:
    """Outline of a turned ellipse, float32 (40, 2) in units."""
    t = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    u, v = rx * np.cos(t), ry * np.sin(t)
    cos, sin = np.cos(turn), np.sin(turn)
    return np.stack([x + u * cos - v * sin, y + u * sin + v * cos], 1).astype(np.float32)


def lathe(x: float, foot: float, profile: Sequence[tuple[float, float]]) -> np.ndarray:
    """Outline of a solid of revolution, float32 (N, 2).

    Args:
        x: its axis.
        foot: y of its base.
        profile: (height above the foot, radius) from the base up, in units.
    """
    tall, radius = np.array(profile, np.float64).T
    heights = np.linspace(tall[0], tall[-1], 24)
    radii = np.interp(heights, tall, radius)
    smooth = np.convolve(np.pad(radii, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    right = np.stack([x + smooth, foot - heights], 1)
    left = np.stack([x - smooth, foot - heights], 1)
    # Seen a little from above, the base is curved downwards.
    t = np.linspace(np.pi, 0, 9)[1:-1]
    base = np.stack([x + smooth[0] * np.cos(t), foot + 0.22 * smooth[0] * np.sin(t)], 1)
    return np.concatenate([right[::-1], base[::-1], left]).astype(np.float32)


def ball_light(side: int, x: float, y: float, rx: float, ry: float) -> Light:
    """The light on an ellipsoid whose outline is centred on (x, y).

    Args:
        side: -1: the lamp stands on the left; 1: on the right; always above and in front.
    """

    def light(u: float, v: float) -> float:
        a, b = (u - x) / rx, (v - y) / ry
        up = np.sqrt(max(0.0, 1 - a * a - b * b))
        return float(np.clip(0.12 + 0.95 * max(0.0, 0.5 * side * a - 0.5 * b + 0.7 * up), 0, 1))

    return light


def tube_light(side: int, x: float, radius: float) -> Light:
    """The light on an upright cylinder with its axis at `x`; `side` as in `ball_light`."""

    def light(u: float, v: float) -> float:
        a = float(np.clip((u - x) / radius, -1, 1))
        return float(np.clip(0.1 + 0.9 * (0.62 * side * a + 0.72 * np.sqrt(1 - a * a)), 0, 1))

    return light


def fill(
    painter: Painter,
    outline: np.ndarray,
    colour_at: ColourAt,
    size: float,
    angle_at: AngleAt | None = None,
    model: bool = True,
    touch: Touch = BASE,
) -> None:
    """Fill an outline with an opaque layer, then with finer strokes if `model`.

    Args:
        size: width of the brush in units.
    """
    area = Clip(outline.astype(np.float32), 0.003)
    bold, painter.boldness = painter.boldness, 1.0
    painter.fill_area(area, colour_at, size, size * 2.6, touch, angle_at, 0.42, variation=3)
    if model:
        painter.fill_area(
            area, colour_at, size * 0.7, size * 2.2, MODEL, angle_at, 0.55, 0.9, variation=4
        )
    painter.boldness = bold


def backdrop(painter: Painter, width: float, height: float, colour_at: ColourAt) -> None:
    """Fill the whole canvas with two layers of loose strokes in all directions, as a background."""
    rng = painter.rng
    corners = [(-0.05, -0.05), (width + 0.05, -0.05), (width + 0.05, height + 0.05),
               (-0.05, height + 0.05)]  # fmt: skip
    area = Clip(np.array(corners, np.float32), 0.003)
    swing = rng.uniform(0.3, 1.2)
    first, second = replace(FLAT, dryness=0.0), replace(FLAT, opacity=0.7, softness=0.5)
    painter.fill_area(
        area, colour_at, 0.12, 0.34, first, lambda x, y: float(rng.normal(swing, 0.5)), 0.42,
        clipped=False,
    )  # fmt: skip
    painter.fill_area(
        area, colour_at, 0.075, 0.2, second, lambda x, y: float(rng.normal(-swing, 0.7)), 0.8, 0.75,
        clipped=False,
    )  # fmt: skip
