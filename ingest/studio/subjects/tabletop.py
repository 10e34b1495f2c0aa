"""Paints a still life: wall, table, cloth, cast shadows, vessels, fruit, flowers, details."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.scene.noise import Noise2D
from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.strokes.stroke import BLEND, DAB, LINER, PENCIL, Clip, Colour
from ingest.studio.subjects.forms import (
    BASE,
    MODEL,
    backdrop,
    ball_light,
    ellipse,
    fill,
    lathe,
    tone_at,
    tube_light,
)  # fmt: skip
from ingest.studio.subjects.painter import Painter
from ingest.studio.subjects.still_life import Fruit, StillLife, Vessel, tones_of

_PROFILES: dict[str, tuple[tuple[float, float], ...]] = {
    "vase": ((0, 0.2), (0.08, 0.24), (0.4, 0.34), (0.62, 0.3), (0.82, 0.14), (1, 0.2)),
    "bottle": ((0, 0.16), (0.05, 0.17), (0.55, 0.17), (0.68, 0.07), (0.95, 0.06), (1, 0.07)),
    "jug": ((0, 0.27), (0.1, 0.33), (0.45, 0.38), (0.75, 0.25), (0.9, 0.24), (1, 0.28)),
    "bowl": ((0, 0.3), (0.1, 0.34), (0.45, 0.72), (0.8, 0.92), (1, 0.96)),
}
"""(height, radius) of each kind of vessel from its foot up, as shares of its height."""


def outline_of(vessel: Vessel) -> np.ndarray:
    """The vessel's outline, float32 (N, 2) in units."""
    profile = [(h * vessel.tall, r * vessel.tall) for h, r in _PROFILES[vessel.kind]]
    return lathe(vessel.x, vessel.y, profile)


def paint_drawing(painter: Painter, still: StillLife) -> None:
    """Draw the table's edge and the outlines of things in thin lines."""
    line, rng = rgb("#5f4a3a"), painter.rng
    outlines = [outline_of(vessel) for vessel in still.vessels]
    outlines += [ellipse(f.x, f.y - f.size, f.size, f.size) for f in still.fruits]
    outlines.append(np.array([(0.0, still.edge), (still.scene.width, still.edge)], np.float32))
    for outline in outlines:
        for part in np.array_split(outline, max(1, len(outline) // 5)):
            if len(part) > 1:
                shaken = part + rng.normal(0, 0.0015, part.shape)
                painter.stroke(shaken, 0.005, line, PENCIL)


def paint_wall(painter: Painter, still: StillLife) -> None:
    """Paint the background wall, lighter on the side of the lamp."""
    patches, scene = Noise2D(painter.rng, 0.35), still.scene

    def colour(x: float, y: float) -> Colour:
        lit = 0.5 + 0.5 * scene.light_side * (x / scene.width - 0.5) * 1.6 - 0.25 * y
        return shade(still.wall, 0.72 + 0.5 * lit + 0.1 * patches(x, y))

    backdrop(painter, scene.width, scene.height, colour)


def paint_table(painter: Painter, still: StillLife) -> None:
    """Paint the table, lighter towards the viewer."""
    scene, patches = still.scene, Noise2D(painter.rng, 0.2)
    right, bottom = scene.width + 0.05, scene.height + 0.05
    plane = np.array([(-0.05, still.edge), (right, still.edge), (right, bottom), (-0.05, bottom)])

    def colour(x: float, y: float) -> Colour:
        near = (y - still.edge) / (scene.height - still.edge)
        lit = 0.86 + 0.2 * near + 0.12 * scene.light_side * (x / scene.width - 0.5)
        return shade(still.table, lit + 0.07 * patches(x, y * 3))

    fill(painter, plane, colour, 0.07, lambda x, y: float(painter.rng.normal(0, 0.05)))


def paint_cloth(painter: Painter, still: StillLife) -> None:
    """Paint a cloth with a few folds over the table's front; nothing without one."""
    if still.cloth is None:
        return
    rng, scene = painter.rng, still.scene
    tones = tones_of(still.cloth)
    left, right = scene.width * rng.uniform(0.02, 0.2), scene.width * rng.uniform(0.8, 0.98)
    top = still.edge + (scene.height - still.edge) * rng.uniform(0.2, 0.32)
    bottom = scene.height + 0.05
    skew = rng.uniform(-0.08, 0.08)
    x = np.linspace(left, right, 20)
    upper = np.stack([x, top + skew * (x - left) + rng.normal(0, 0.004, 20)], 1)
    outline = np.concatenate([upper, [(right + 0.06, bottom), (left - 0.06, bottom)]])
    waves = rng.uniform(0, 6)
    folds = rng.uniform(9, 15)

    def colour(u: float, v: float) -> Colour:
        fold = np.sin(folds * (u + 0.35 * (v - top)) + waves)
        return tone_at(tones, float(np.clip(0.66 + 0.2 * fold * min((v - top) * 3 + 0.3, 1), 0, 1)))

    fill(painter, outline, colour, 0.05, lambda u, v: float(1.25 + rng.normal(0, 0.12)))


def paint_shadows(painter: Painter, still: StillLife) -> None:
    """Paint the shadows of all vessels and fruits on the table."""
    away = -still.scene.light_side
    ground = mix(shade(still.cloth if still.cloth is not None else still.table, 0.42),
                 rgb("#2c2430"), 0.35)  # fmt: skip
    things = [(v.x, v.y, v.tall * (0.3 if v.kind != "bowl" else 0.6)) for v in still.vessels]
    things += [(f.x, f.y, f.size * (1.5 if f.kind == "grapes" else 1)) for f in still.fruits]
    for x, y, radius in things:
        spot = ellipse(x + away * radius * 0.85, y - radius * 0.1, radius * 1.55, radius * 0.34)
        painter.fill_area(
            Clip(spot, 0.012), lambda u, v: ground, radius * 0.4, radius * 1.6,
            replace(BLEND, opacity=0.75), lambda u, v: 0.0, 0.4, variation=3,
        )  # fmt: skip


def paint_vessel(painter: Painter, still: StillLife, vessel: Vessel) -> None:
    """Paint a vessel: body, rim, highlight; a jug has a handle."""
    side, tall = still.scene.light_side, vessel.tall
    outline = outline_of(vessel)
    radius = float(np.ptp(outline[:, 0])) / 2
    mouth = _PROFILES[vessel.kind][-1][1] * tall
    if vessel.kind == "jug":
        x, y = vessel.x - side * radius * 0.75, vessel.y - tall * 0.55
        loop = [
            (x, y - tall * 0.28),
            (x - side * tall * 0.26, y - tall * 0.05),
            (x, y + tall * 0.2),
        ]
        painter.stroke(loop, tall * 0.09, tone_at(vessel.tones, 0.4), replace(BASE, rounded=True))
        painter.stroke(loop, tall * 0.03, tone_at(vessel.tones, 0.7), LINER)
    light = tube_light(side, vessel.x, radius)
    fill(painter, outline, lambda x, y: tone_at(vessel.tones, light(x, y)), tall * 0.13,
         lambda x, y: float(np.pi / 2 + 0.6 * (x - vessel.x) / radius))  # fmt: skip
    top = vessel.y - tall
    rim = ellipse(vessel.x, top, mouth, mouth * 0.24)
    fill(painter, rim, lambda x, y: tone_at(vessel.tones, 0.12), mouth * 0.3, model=False)
    front = [(vessel.x - mouth, top), (vessel.x, top + mouth * 0.3), (vessel.x + mouth, top)]
    painter.stroke(front, tall * 0.03, tone_at(vessel.tones, 0.8), LINER)
    shine = vessel.x + side * radius * 0.5
    painter.stroke(
        [(shine, vessel.y - tall * 0.62), (shine + side * radius * 0.08, vessel.y - tall * 0.3)],
        radius * 0.12, rgb("#fbf7ea"), replace(MODEL, opacity=0.7),
    )  # fmt: skip


def paint_fruits(painter: Painter, still: StillLife, fruits: list[Fruit]) -> None:
    """Paint several fruits in the order given."""
    for fruit in fruits:
        paint_fruit(painter, still, fruit)


def paint_fruit(painter: Painter, still: StillLife, fruit: Fruit) -> None:
    """Paint a fruit: a round body with highlights, and a stalk where it has one."""
    rng, side, size = painter.rng, still.scene.light_side, fruit.size
    if fruit.kind == "grapes":
        _grapes(painter, still, fruit)
        return
    long = {"lemon": 1.3, "pear": 0.86}.get(fruit.kind, 1.0)
    x, y = fruit.x, fruit.y - size * 0.92
    bodies = [ellipse(x, y, size * long, size * 0.95, 0.25 * (fruit.kind == "lemon"))]
    if fruit.kind == "pear":
        bodies.append(ellipse(x + 0.1 * size, y - size * 0.85, size * 0.5, size * 0.75))
    light = ball_light(side, x, y, size * long, size * 0.95)
    for body in bodies[::-1]:
        fill(painter, body, lambda u, v: tone_at(fruit.tones, light(u, v)), size * 0.5,
             lambda u, v: float(np.arctan2(v - y, u - x) + np.pi / 2))  # fmt: skip
    glow = (x + side * size * 0.38, y - size * 0.42)
    painter.dab(*glow, size * 0.24, mix(fruit.tones[2], rgb("#ffffff"), 0.6), MODEL, 0.6, 1.2)
    painter.dab(*glow, size * 0.12, rgb("#ffffff"), DAB, 0.6, 0.8)
    if fruit.kind in ("apple", "pear"):
        top = y - size * (0.85 if fruit.kind == "apple" else 1.5)
        lean = rng.uniform(-0.3, 0.3) * size
        stalk = [(x, top + size * 0.12), (x + lean * 0.5, top), (x + lean, top - size * 0.3)]
        painter.stroke(stalk, size * 0.1, rgb("#4a3320"), LINER)


def _grapes(painter: Painter, still: StillLife, fruit: Fruit) -> None:
    """Paint a bunch of grapes: small balls in rows that grow narrower downwards."""
    rng, side, one = painter.rng, still.scene.light_side, fruit.size * 0.34
    for row, count in enumerate((5, 5, 4, 3, 2)):
        for index in range(count):
            x = fruit.x + (index - (count - 1) / 2) * one * 1.7 + rng.normal(0, one * 0.2)
            y = fruit.y - fruit.size + row * one * 1.15 + rng.normal(0, one * 0.15)
            light = ball_light(side, x, y, one, one)
            for part, level in ((1.0, 0.2), (0.8, 0.5)):
                tone = tone_at(fruit.tones, level)
                painter.dab(x, y, one * 2 * part, tone, replace(DAB, body=0.3), 0.0, 0.2)
            shine = (x + side * one * 0.4, y - one * 0.4)
            painter.dab(*shine, one * 0.5, tone_at(fruit.tones, light(*shine)), DAB, 0.0, 0.3)
    stalk = [(fruit.x, fruit.y - fruit.size * 1.1), (fruit.x + one, fruit.y - fruit.size * 1.6)]
    painter.stroke(stalk, one * 0.4, rgb("#5a4428"), LINER)


def paint_bouquet(painter: Painter, still: StillLife) -> None:
    """Paint flowers in the first vessel: stems and leaves, then blossoms from the outside in."""
    rng, vessel, colours = painter.rng, still.vessels[0], still.scene.palette.flowers
    mouth = (vessel.x, vessel.y - vessel.tall)
    reach = vessel.tall * rng.uniform(0.75, 0.95)
    leaf = (rgb("#2c4a30"), rgb("#547a44"), rgb("#9cb86a"))
    heads = []
    for index in range(int(rng.integers(7, 13))):
        angle = -np.pi / 2 + rng.uniform(-1.15, 1.15)
        length = reach * rng.uniform(0.55, 1.0)
        head = (mouth[0] + np.cos(angle) * length * 0.8, mouth[1] + np.sin(angle) * length)
        bend = (mouth[0] + np.cos(angle) * length * 0.25, mouth[1] + np.sin(angle) * length * 0.55)
        painter.stroke([mouth, bend, head], 0.009, leaf[index % 2], LINER)
        for _ in range(3):
            share = rng.uniform(0.3, 0.9)
            u, v = mouth[0] + (head[0] - mouth[0]) * share, mouth[1] + (head[1] - mouth[1]) * share
            painter.dab(u + rng.normal(0, 0.02), v + rng.normal(0, 0.015), 0.024,
                        leaf[int(rng.integers(3))], replace(DAB, taper=0.7), rng.uniform(0, 3.1),
                        rng.uniform(1.8, 2.8))  # fmt: skip
        heads.append((length, head))
    for _, (x, y) in sorted(heads, key=lambda item: -item[0]):
        colour, size = colours[int(rng.integers(3))], rng.uniform(0.028, 0.045)
        for ring, (count, part) in enumerate(((8, 1.0), (6, 0.6), (3, 0.25))):
            for petal in range(count):
                angle = 2 * np.pi * petal / count + rng.normal(0, 0.2)
                u, v = x + np.cos(angle) * size * part * 0.7, y + np.sin(angle) * size * part * 0.6
                tone = mix(shade(colour, 0.75 + 0.15 * ring), rgb("#fff4e4"), 0.12 * ring)
                painter.dab(u, v, size * 0.62, tone, DAB, angle, 1.1)


def paint_touches(painter: Painter, still: StillLife) -> None:
    """Paint reflected light on the shadow sides of vessels and fruits."""
    scene = still.scene
    for vessel in still.vessels:
        x = vessel.x - scene.light_side * vessel.tall * 0.2
        path = [(x, vessel.y - vessel.tall * 0.45), (x, vessel.y - vessel.tall * 0.12)]
        painter.stroke(path, 0.012, mix(vessel.tones[1], still.table, 0.5), MODEL)
    for fruit in still.fruits:
        x = fruit.x - scene.light_side * fruit.size * 0.6
        painter.dab(x, fruit.y - fruit.size * 0.35, fruit.size * 0.2,
                    mix(fruit.tones[1], still.table, 0.5), MODEL, 1.2, 1.6)  # fmt: skip
