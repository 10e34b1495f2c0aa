"""Ground, fields, path, rocks: what the picture stands on."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.noise import Noise1D, Noise2D, below
from ingest.studio.painter import Painter
from ingest.studio.palette import mix, shade
from ingest.studio.scene import Scene
from ingest.studio.stroke import BLEND, DAB, DRY, FLAT, Clip, Colour


def near(scene: Scene, y: float) -> float:
    """0 at the horizon, 1 at the lower edge: how near the ground at this height is."""
    return float(np.clip((y - scene.horizon) / (scene.height - scene.horizon), 0, 1))


def paint_ground(painter: Painter, scene: Scene) -> None:
    """A dark block-in, then lighter strokes that follow the lie of the land and leave gaps."""
    rng = painter.rng
    area = Clip(below(scene.ground_line, scene.height + 0.05), 0.003)
    dark, middle, light = scene.palette.grass
    swell = Noise1D(rng, 0.7)
    patches = Noise2D(rng, 0.22)

    def angle(x: float, y: float) -> float:
        return float(0.3 * swell(x + y) * (0.3 + near(scene, y)) + rng.normal(0, 0.08))

    def block(x: float, y: float) -> Colour:
        tone = mix(mix(dark, middle, 0.55), shade(dark, 0.85), near(scene, y))
        return scene.palette.air(tone, 0.3 * (1 - near(scene, y)) ** 2)

    def body(x: float, y: float) -> Colour:
        depth = near(scene, y)
        tone = mix(dark, light, 0.5 + 0.5 * patches(x, y * 2.4 - depth) - 0.25 * depth)
        return scene.palette.air(mix(tone, middle, 0.35), 0.28 * (1 - depth) ** 2)

    painter.cover(area, block, 0.085, 0.32, replace(FLAT, body=0.35), angle, spacing=0.6)
    for top, bottom, width in ((0.0, 0.28, 0.028), (0.2, 0.62, 0.042), (0.55, 1.05, 0.055)):
        band = _band(scene, top, bottom)
        painter.cover(area if top == 0 and bottom > 1 else band, body, width, width * 4.5,
                      replace(FLAT, dryness=0.28), angle, spacing=0.75, keep=0.8,
                      second_at=lambda x, y: middle, clipped=top == 0.0)  # fmt: skip


def _band(scene: Scene, top: float, bottom: float) -> Clip:
    """The part of the ground between two nearnesses."""
    depth = scene.height - scene.horizon
    line = scene.ground_line.copy()
    line[:, 1] += top * depth
    return Clip(below(line, scene.horizon + bottom * depth), 0.003)


def paint_fields(painter: Painter, scene: Scene) -> None:
    """Rows of a crop that run to a vanishing point."""
    rng = painter.rng
    vanish = scene.width * rng.uniform(0.3, 0.7)
    colour = scene.palette.flowers[0] if rng.random() < 0.6 else scene.palette.grass[2]
    deep, pale = (
        mix(shade(colour, 0.6), scene.palette.leaf[0], 0.35),
        mix(colour, scene.palette.light, 0.3),
    )
    depth = scene.height - scene.horizon
    rows = int(rng.integers(9, 14))
    for pass_, tone in enumerate((deep, colour, pale)):
        for row in np.linspace(-1.5, 1.5, rows):
            for share in np.linspace(0.06, 1.0, 9):
                share = float(np.clip(share + rng.normal(0, 0.02), 0.05, 1.05)) ** 1.6
                y = scene.horizon + 0.03 + share * depth
                x = vanish + row * scene.width * (0.06 + share)
                if not -0.1 < x < scene.width + 0.1 or (pass_ == 2 and rng.random() < 0.45):
                    continue
                size = (0.012 + 0.06 * share) * (1 - 0.22 * pass_)
                lift = -size * 0.4 * pass_
                angle = np.arctan2(depth, row * scene.width) + rng.normal(0, 0.15)
                painter.dab(x + rng.normal(0, size * 0.3), y + lift, size, scene.palette.air(tone, 0.3 * (1 - share) ** 2),
                            replace(DAB, dryness=0.2 + 0.12 * pass_), angle, 1.8)  # fmt: skip


def path_outline(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """A track that winds from the lower edge to the horizon: float32 (N, 2)."""
    share = np.linspace(0, 1, 40)
    start, end = scene.width * rng.uniform(0.35, 0.65), scene.width * rng.uniform(0.35, 0.65)
    swing = np.sin(share * rng.uniform(3.5, 6.5) + rng.uniform(0, 6)) * 0.14 * (0.25 + share)
    centre = end + (start - end) * share + swing
    half = 0.004 + 0.16 * share**1.7
    y = scene.horizon + 0.035 + share**1.15 * (scene.height - scene.horizon)
    left, right = np.stack([centre - half, y], 1), np.stack([centre + half, y], 1)
    return np.concatenate([left, right[::-1]]).astype(np.float32)


def paint_path(painter: Painter, scene: Scene) -> None:
    """Earth in level strokes, light in the middle, dark at the edges."""
    rng = painter.rng
    area = Clip(path_outline(rng, scene), 0.005)
    dark, middle, light = scene.palette.earth
    snow = scene.season == "winter"
    tones = (
        (mix(dark, scene.palette.snow, 0.35), mix(middle, scene.palette.snow, 0.5))
        if snow
        else (dark, middle)
    )
    pale = mix(scene.palette.snow, light, 0.2) if snow else mix(light, scene.palette.light, 0.2)
    uneven = Noise2D(rng, 0.08)
    painter.cover(
        area, lambda x, y: mix(*tones, 0.4 + 0.5 * uneven(x, y * 3)), 0.04, 0.12, FLAT, spacing=0.6
    )
    painter.cover(area, lambda x, y: mix(tones[1], pale, 0.5 + 0.7 * uneven(x, y * 4)), 0.024, 0.09,
                  DRY, lambda x, y: float(rng.normal(0, 0.08)), spacing=1.0, keep=0.75)  # fmt: skip


def paint_rocks(painter: Painter, scene: Scene) -> None:
    """Stones by the water or in the grass: dark body, lit top, a shadow at the foot."""
    rng = painter.rng
    for x, y, size in sorted(_rock_places(rng, scene), key=lambda rock: rock[1]):
        _rock(painter, scene, x, y, size)


def _rock_places(rng: np.random.Generator, scene: Scene) -> list[tuple[float, float, float]]:
    places = []
    for _ in range(int(rng.integers(2, 5))):
        if len(scene.shore):
            x, y = scene.shore[rng.integers(len(scene.shore))]
        else:
            x, y = (
                rng.uniform(0, scene.width),
                scene.horizon + rng.uniform(0.3, 0.95) * (scene.height - scene.horizon),
            )
        for _ in range(int(rng.integers(1, 4))):
            depth = near(scene, float(y))
            size = (0.02 + 0.075 * depth) * rng.uniform(0.5, 1.3)
            places.append((float(x + rng.normal(0, 0.08)), float(y + rng.normal(0, 0.012)), size))
    return [
        (x, y, s)
        for x, y, s in places
        if -0.05 < x < scene.width + 0.05 and y > scene.horizon + 0.03
    ]


def _rock(painter: Painter, scene: Scene, x: float, y: float, size: float) -> None:
    rng = painter.rng
    angle = np.linspace(np.pi, 2 * np.pi, 9)
    radius = rng.uniform(0.75, 1.1, 9) * size
    outline = np.stack([x + np.cos(angle) * radius * 1.25, y + np.sin(angle) * radius * 0.85], 1)
    area = Clip(
        np.concatenate(
            [outline, [[x + size * 0.9, y + size * 0.16], [x - size, y + size * 0.12]]]
        ).astype(np.float32),
        0.002,
    )
    dark, middle, light = scene.palette.rock
    pale = scene.palette.snow if scene.season == "winter" else mix(light, scene.palette.light, 0.35)
    painter.dab(
        x, y + size * 0.12, size * 0.5, shade(dark, 0.6), replace(BLEND, opacity=0.6), 0.0, 5.0
    )
    bold, painter.boldness = painter.boldness, 1.0
    painter.cover(
        area, lambda u, v: mix(dark, middle, 0.3), size * 0.5, size * 1.3, FLAT, spacing=0.5
    )
    painter.clip = area
    for _ in range(7):
        u, v = (
            x + scene.light_side * size * rng.uniform(-0.2, 0.9),
            y - size * rng.uniform(0.3, 0.85),
        )
        painter.dab(
            u,
            v,
            size * 0.34,
            mix(middle, pale, rng.uniform(0.2, 1.0)),
            DRY,
            rng.normal(scene.light_side * 0.5, 0.4),
            1.7,
        )
    painter.clip, painter.boldness = None, bold
