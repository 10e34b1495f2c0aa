"""Paints hair and beard of a portrait: a dark mass, then strands."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.strokes.stroke import BLEND, DRY, LINER, STIPPLE, Colour, Touch
from ingest.studio.subjects.forms import ellipse, fill, tone_at
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.sitter import Sitter

Place = tuple[float, float]


def paint_hair_behind(painter: Painter, sitter: Sitter) -> None:
    """Paint the hair behind face and neck; comes before them."""
    if sitter.hair_style == "long":
        half = [(0.42, -0.2), (0.5, 0.2), (0.52, 0.6), (0.4, 0.85)]
        right, left = [sitter.at(u, v) for u, v in half], [sitter.at(-u, v) for u, v in half]
        outline = np.array([*left[::-1], sitter.at(0, -0.55), *right])
        fill(painter, outline, lambda x, y: tone_at(sitter.hair, 0.15), 0.12 * sitter.head,
             lambda x, y: float(painter.rng.normal(1.5, 0.1)))  # fmt: skip
    elif sitter.hair_style == "bun":
        bun = ellipse(*sitter.at(-0.1 * sitter.turn, -0.58), 0.16 * sitter.head, 0.13 * sitter.head)
        fill(painter, bun, lambda x, y: tone_at(sitter.hair, 0.35), 0.06 * sitter.head)


def paint_hair(painter: Painter, sitter: Sitter) -> None:
    """Paint the hair above the forehead, and the beard."""
    if sitter.beard:
        _beard(painter, sitter)
    if sitter.hair_style == "bald":
        return
    outline = _cap(sitter)
    fill(painter, outline, lambda x, y: tone_at(sitter.hair, 0.2), 0.09 * sitter.head,
         lambda x, y: float(np.arctan2(y - sitter.y, x - sitter.x) + 1.57))  # fmt: skip
    if sitter.hair_style == "curly":
        _curls(painter, sitter)
    else:
        _strands(painter, sitter)


def _cap(sitter: Sitter) -> np.ndarray:
    """Outline of the hair above the forehead, float64 (N, 2) in units."""
    crown = 0.09 if sitter.hair_style == "curly" else 0.04
    drop = {"short": 0.05, "long": 0.42, "bun": 0.0, "curly": 0.14}.get(sitter.hair_style, 0.0)
    t = np.linspace(-np.pi * 0.5, np.pi * 0.5, 21)
    outer = [sitter.at((0.37 + crown) * np.sin(a), -0.5 * np.cos(a) - crown) for a in t]
    part = 0.13 * np.sign(sitter.turn)
    inner = [
        (0.37 + crown, drop), (0.33, drop * 0.9), (0.33, -0.1), (0.24, -0.26), (part, -0.36),
        (-0.24, -0.26), (-0.33, -0.1), (-0.33, drop * 0.9), (-0.37 - crown, drop),
    ]  # fmt: skip
    return np.array(outer + [sitter.at(u, v) for u, v in inner])


def _strands(painter: Painter, sitter: Sitter) -> None:
    """Paint strands from the parting down both sides, dark ones first."""
    rng, size = painter.rng, sitter.head
    low = {"short": 0.02, "long": 0.72, "bun": -0.2}.get(sitter.hair_style, 0.0)
    part = 0.13 * np.sign(sitter.turn)
    for level, count in ((0.45, 26), (0.75, 16), (1.0, 8)):
        for _ in range(count):
            side = rng.choice([-1, 1])
            lift = rng.uniform(0.0, 1.0)
            start = sitter.at(part + rng.normal(0, 0.03), -0.36 - 0.16 * lift)
            middle = sitter.at(side * (0.25 + 0.1 * lift), -0.3 - 0.08 * lift)
            end = sitter.at(side * (0.35 + 0.06 * lift), low * rng.uniform(0.5, 1.1) - 0.08)
            lit = level * (1.0 if side == sitter.light_side else 0.6)
            touch = replace(LINER, taper=0.6, dryness=0.2) if level > 0.5 else DRY
            _flow(painter, (start, middle, end), 0.035 * size, tone_at(sitter.hair, lit), touch)


def _flow(
    painter: Painter, points: tuple[Place, Place, Place], width: float, colour: Colour, touch: Touch
) -> None:
    """Paint a strongly bent strand as four short strokes."""
    t = np.linspace(0, 1, 13)[:, None]
    first, control, last = np.array(points)
    curve = (1 - t) ** 2 * first + 2 * t * (1 - t) * control + t * t * last
    for begin in range(0, 12, 3):
        painter.stroke(curve[begin : begin + 4], width, colour, touch, variation=3)
        width *= 0.92


def _curls(painter: Painter, sitter: Sitter) -> None:
    rng, size = painter.rng, sitter.head
    for level, count in ((0.35, 60), (0.65, 40), (1.0, 18)):
        for _ in range(count):
            angle, reach = rng.uniform(-1.75, 1.75), rng.uniform(0.36, 0.56)
            x, y = sitter.at(reach * 0.86 * np.sin(angle), -reach * np.cos(angle) - 0.04)
            turn = rng.uniform(0, np.pi)
            bow = [(x - 0.03 * size * np.cos(turn), y - 0.03 * size * np.sin(turn)),
                   (x + 0.02 * size * np.sin(turn), y - 0.02 * size * np.cos(turn)),
                   (x + 0.03 * size * np.cos(turn), y + 0.03 * size * np.sin(turn))]  # fmt: skip
            painter.stroke(bow, 0.03 * size, tone_at(sitter.hair, level), LINER)


def _beard(painter: Painter, sitter: Sitter) -> None:
    """Paint a soft dark band along the jaw and over the lip, then short hairs."""
    rng, size = painter.rng, sitter.head
    shift = 0.14 * sitter.turn
    for angle in np.linspace(-1.2, 1.2, 30):
        for reach in (0.78, 0.92):
            x, y = sitter.at(0.34 * reach * np.sin(angle), 0.5 * reach * np.cos(angle))
            painter.dab(x, y, 0.075 * size, tone_at(sitter.hair, 0.12),
                        replace(BLEND, opacity=0.55), angle, 1.3)  # fmt: skip
    for u in np.linspace(-0.12, 0.12, 9):
        x, y = sitter.at(u + shift, 0.272 + 0.1 * abs(u))
        painter.dab(x, y, 0.035 * size, tone_at(sitter.hair, 0.12), BLEND, 1.5, 1.0)
    for level, count in ((0.3, 130), (0.6, 70)):
        for _ in range(count):
            angle, reach = rng.uniform(-1.25, 1.25), rng.uniform(0.76, 0.99)
            x, y = sitter.at(0.34 * reach * np.sin(angle), 0.5 * reach * np.cos(angle))
            painter.dab(x, y, 0.018 * size, tone_at(sitter.hair, level), STIPPLE, 1.5, 2.0)
