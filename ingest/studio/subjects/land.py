"""Paints the ground of a landscape: meadow, banks, fields, path, rocks."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.studio.scene.noise import Noise1D, Noise2D, polygon_below
from ingest.studio.scene.palette import mix, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import BLEND, DAB, DRY, FLAT, STIPPLE, Clip, Colour
from ingest.studio.subjects.painter import Painter


def nearness(scene: Scene, y: float) -> float:
    """Nearness of the ground at `y`: 0 at the horizon, 1 at the lower edge."""
    return float(np.clip((y - scene.horizon) / (scene.height - scene.horizon), 0, 1))


def is_on_water(scene: Scene, x: float, y: float) -> bool:
    """Whether (x, y) lies in the water and not on a bank."""

    def inside(polygon: np.ndarray) -> bool:
        return cv2.pointPolygonTest(polygon.reshape(-1, 1, 2), (float(x), float(y)), False) > 0

    return len(scene.shore) > 0 and inside(scene.shore) and not any(map(inside, scene.banks))


def paint_ground(painter: Painter, scene: Scene) -> None:
    """Paint a dark layer, then lighter strokes along the slopes that leave gaps."""
    rng = painter.rng
    area = Clip(polygon_below(scene.ground_line, scene.height + 0.05), 0.003)
    dark, middle, light = scene.palette.grass
    swell = Noise1D(rng, 0.7)
    patches, fine = Noise2D(rng, 0.26), Noise2D(rng, 0.07)

    def angle(x: float, y: float) -> float:
        return float(0.3 * swell(x + y) * (0.3 + nearness(scene, y)) + rng.normal(0, 0.08))

    def block(x: float, y: float) -> Colour:
        tone = mix(mix(dark, middle, 0.75), shade(dark, 0.9), nearness(scene, y))
        return scene.palette.with_haze(tone, 0.32 * (1 - nearness(scene, y)) ** 2)

    def body(x: float, y: float) -> Colour:
        depth = nearness(scene, y)
        patch = patches(x, y * 2.6 - depth) + 0.35 * fine(x, y * 3)
        tone = mix(
            mix(dark, middle, 0.55),
            mix(light, scene.palette.light, 0.1),
            0.52 + 0.45 * patch - 0.2 * depth,
        )
        return scene.palette.with_haze(tone, 0.3 * (1 - depth) ** 2)

    base = replace(FLAT, body=0.35)
    painter.fill_area(area, block, 0.085, 0.3, base, angle, spacing=0.55, variation=3)
    touch = replace(FLAT, dryness=0.16, softness=0.4, opacity=0.85, streaks=0.4)
    for top, bottom, width in ((0.0, 0.26, 0.03), (0.2, 0.6, 0.045), (0.52, 1.05, 0.065)):
        band = _band(scene, top, bottom)
        painter.fill_area(
            band, body, width, width * 3.6, touch, angle, spacing=0.62, keep=0.9,
            second_at=lambda x, y: body(x, y + 0.05), clipped=top == 0.0, variation=4,
        )  # fmt: skip


def paint_banks(painter: Painter, scene: Scene) -> None:
    """Paint the banks: a dark layer, then grassy strokes that slope to the water."""
    rng = painter.rng
    dark, middle, light = scene.palette.grass
    patches = Noise2D(rng, 0.12)
    for outline in scene.banks:
        area = Clip(outline, 0.005)
        slope = 0.35 if outline[0, 0] < scene.width / 2 else -0.35
        painter.fill_area(
            area,
            lambda x, y: mix(dark, middle, 0.35),
            0.06,
            0.16,
            FLAT,
            lambda x, y, slope=slope: float(slope + rng.normal(0, 0.15)),
            spacing=0.5,
        )
        painter.fill_area(
            area,
            lambda x, y: mix(mix(dark, middle, 0.8), light, 0.4 + 0.6 * patches(x, y * 2)),
            0.035,
            0.11,
            replace(FLAT, dryness=0.25),
            lambda x, y, slope=slope: float(slope + rng.normal(0, 0.2)),
            spacing=0.7,
            keep=0.85,
        )


def _band(scene: Scene, top: float, bottom: float) -> Clip:
    """The part of the ground between two values of nearness."""
    depth = scene.height - scene.horizon
    line = scene.ground_line.copy()
    line[:, 1] += top * depth
    return Clip(polygon_below(line, scene.horizon + bottom * depth), 0.003)


def paint_fields(painter: Painter, scene: Scene) -> None:
    """Paint rows of a crop that run to a vanishing point."""
    rng = painter.rng
    vanish = scene.width * rng.uniform(0.3, 0.7)
    colour = scene.palette.flowers[0]
    tones = (
        mix(scene.palette.leaf[0], shade(colour, 0.55), 0.4),
        colour,
        mix(colour, scene.palette.flowers[1], 0.6),
    )
    depth = scene.height - scene.horizon
    for layer, tone in enumerate(tones):
        for share in np.linspace(0.1, 1.0, 15) ** 1.5:
            for row in np.arange(-9, 9.5) + 0.0:
                x = vanish + row * 0.19 * (0.1 + share) + rng.normal(0, 0.012) * share
                y = scene.horizon + 0.03 + share * depth + rng.normal(0, 0.012) * share
                if not -0.05 < x < scene.width + 0.05 or rng.random() < 0.22 * layer:
                    continue
                size = (0.008 + 0.072 * share) * (1 - 0.2 * layer)
                touch = (
                    replace(DAB, dryness=0.15)
                    if layer == 0
                    else replace(STIPPLE, dryness=0.35 + 0.12 * layer)
                )
                angle = np.arctan2(1.0, row * 0.19)
                painter.dab(
                    x,
                    y - size * 0.25 * layer,
                    size,
                    scene.palette.with_haze(tone, 0.35 * (1 - share) ** 2),
                    touch,
                    angle,
                    1.0,
                )


def path_outline(rng: np.random.Generator, scene: Scene) -> np.ndarray:
    """Outline of a winding path from the lower edge to the horizon, float32 (N, 2) in units."""
    share = np.linspace(0, 1, 40)
    start, end = scene.width * rng.uniform(0.35, 0.65), scene.width * rng.uniform(0.35, 0.65)
    swing = np.sin(share * rng.uniform(3.5, 6.5) + rng.uniform(0, 6)) * 0.14 * (0.25 + share)
    centre = end + (start - end) * share + swing
    half = 0.004 + 0.16 * share**1.7
    y = scene.horizon + 0.035 + share**1.15 * (scene.height - scene.horizon)
    left, right = np.stack([centre - half, y], 1), np.stack([centre + half, y], 1)
    return np.concatenate([left, right[::-1]]).astype(np.float32)


def paint_path(painter: Painter, scene: Scene) -> None:
    """Paint the path: level strokes of earth or snow, then lighter ones with gaps."""
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
    painter.fill_area(
        area, lambda x, y: mix(*tones, 0.7 + 0.4 * uneven(x, y * 3)), 0.04, 0.12, FLAT, spacing=0.5
    )
    painter.fill_area(
        area,
        lambda x, y: mix(tones[1], pale, 0.5 + 0.7 * uneven(x, y * 4)),
        0.024,
        0.09,
        DRY,
        lambda x, y: float(rng.normal(0, 0.08)),
        spacing=1.0,
        keep=0.75,
    )


def paint_rocks(painter: Painter, scene: Scene) -> None:
    """Paint rocks by the water or in the grass, from far to near."""
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
            depth = nearness(scene, float(y))
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
    painter.fill_area(
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
