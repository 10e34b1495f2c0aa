"""Sky, sun or moon, clouds: what is farthest is painted first."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.noise import Noise2D
from ingest.studio.painter import Painter
from ingest.studio.palette import mix, shade
from ingest.studio.scene import Scene
from ingest.studio.stroke import BLEND, DAB, FLAT, Clip, Colour


def box_clip(left: float, top: float, right: float, bottom: float, feather: float = 0.01) -> Clip:
    """A rectangle in units."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Clip(np.array(corners, np.float32), feather)


def sky_colour(scene: Scene, x: float, y: float) -> Colour:
    """The sky's gradient, with the glow around a low sun."""
    zenith, middle, low = scene.palette.sky
    depth = y / scene.horizon
    colour = (
        mix(zenith, middle, depth / 0.55)
        if depth < 0.55
        else mix(middle, low, (depth - 0.55) / 0.42)
    )
    if scene.sun is not None:
        distance = np.hypot(x - scene.sun[0], (y - scene.sun[1]) * 1.2)
        reach = 0.32 if scene.hour in ("golden", "dawn", "dusk") else 0.16
        colour = mix(
            colour, mix(scene.palette.sun, low, 0.35), 0.75 * np.exp(-((distance / reach) ** 2))
        )
    return colour


def paint_sky(painter: Painter, scene: Scene) -> None:
    """A covering layer in broad crossing strokes, then a softer one that blends it."""
    rng = painter.rng
    area = box_clip(-0.05, -0.05, scene.width + 0.05, scene.horizon + 0.04)
    cloudy = Noise2D(rng, 0.3)

    def colour(x: float, y: float) -> Colour:
        patch = cloudy(x, y * 1.8)
        return shade(sky_colour(scene, x, y), 1 + 0.07 * patch)

    def neighbour(x: float, y: float) -> Colour:
        return mix(colour(x, y + 0.09), scene.palette.cloud[2], 0.12)

    slant = rng.uniform(0.05, 0.5)
    painter.cover(
        area, colour, 0.1, 0.42, replace(FLAT, softness=0.45, body=0.3),
        lambda x, y: float(rng.choice([-1, 1]) * slant + rng.normal(0, 0.12)),
        spacing=0.5, second_at=neighbour, clipped=False,
    )  # fmt: skip
    painter.cover(
        area, colour, 0.075, 0.3, BLEND, lambda x, y: float(rng.normal(0, 0.3)),
        spacing=0.55, keep=0.85, second_at=neighbour, clipped=False,
    )  # fmt: skip


def paint_sun(painter: Painter, scene: Scene) -> None:
    """A glow worked outwards, then the disc in a few turning strokes."""
    if scene.sun is None:
        return
    rng = painter.rng
    x, y, radius = scene.sun
    for ring, size in ((3.2, 0.05), (2.1, 0.045), (1.4, 0.035)):
        colour = mix(scene.palette.sun, sky_colour(scene, x, y), 0.22 * ring)
        for angle in np.arange(0, 2 * np.pi, 0.55) + rng.uniform(0, 1):
            u, v = x + np.cos(angle) * radius * ring, y + np.sin(angle) * radius * ring
            painter.dab(u, v, size, colour, replace(BLEND, opacity=0.3), angle + np.pi / 2, 2.2)
    disc = Clip(_circle(x, y, radius), 0.003)
    painter.clip = disc
    core = mix(scene.palette.sun, np.float32([255, 255, 250]), 0.35)
    for share in (0.78, 0.5, 0.2):
        for angle in np.arange(0, 2 * np.pi, 0.9):
            u, v = x + np.cos(angle) * radius * share, y + np.sin(angle) * radius * share
            painter.dab(u, v, radius * 0.62, core, DAB, angle + np.pi / 2, 1.6)
    if scene.hour == "night":
        shadow = mix(core, scene.palette.sky[1], 0.35)
        for _ in range(5):
            u, v = rng.normal(0, radius * 0.4, 2)
            painter.dab(x + u, y + v, radius * 0.35, shadow, replace(BLEND, opacity=0.35), 0.4, 1.4)
    painter.clip = None


def paint_stars(painter: Painter, scene: Scene) -> None:
    """Points of a loaded liner in a night sky."""
    rng = painter.rng
    for _ in range(int(rng.integers(14, 34))):
        x, y = rng.uniform(0, scene.width), scene.horizon * rng.uniform(0.02, 0.62)
        size = rng.uniform(0.004, 0.009)
        painter.dab(x, y, size, scene.palette.sun, DAB, rng.uniform(0, 3), 0.6)


def paint_clouds(painter: Painter, scene: Scene) -> None:
    """Clouds of the scene's style."""
    if scene.cloud_style == "cumulus":
        for index in range(int(painter.rng.integers(2, 6))):
            _cumulus(painter, scene, index)
    elif scene.cloud_style == "streaks":
        _streaks(painter, scene)
    else:
        _mist(painter, scene)


def _cumulus(painter: Painter, scene: Scene, index: int) -> None:
    """Dark underside, the body, and scumbled light tops on the side of the light."""
    rng = painter.rng
    big = 1.25 if index == 0 else 0.75
    x0 = rng.uniform(0.0, 1.0) * scene.width
    y0 = scene.horizon * rng.uniform(0.2, 0.72)
    half, tall = rng.uniform(0.1, 0.2) * big, rng.uniform(0.05, 0.1) * big
    dark, middle, light = scene.palette.cloud
    puffs = []
    for _ in range(int(rng.integers(4, 8))):
        u = rng.uniform(-1, 1)
        puffs.append((u, (1 - u * u) * rng.uniform(0.35, 1.0), rng.uniform(0.4, 0.75)))
    layers = (
        (mix(dark, sky_colour(scene, x0, y0), 0.3), 0.12, 0.0, 0.05, 0.62, 6),
        (middle, 0.5, 0.15, 0.042, 0.72, 7),
        (light, 0.82, 0.4, 0.032, 0.86, 7),
    )
    for colour, lift, side, size, opacity, count in layers:
        touch = replace(DAB, opacity=opacity, softness=0.6, dryness=0.22, body=0.55)
        for u, v, r in puffs:
            for _ in range(count):
                angle = rng.uniform(-np.pi, 0.15) if lift > 0.4 else rng.uniform(-np.pi, np.pi)
                spread = rng.uniform(0.25, 0.9) * r * tall
                x = (
                    x0
                    + u * half
                    + np.cos(angle) * spread * 1.4
                    + side * scene.light_side * tall * 0.4
                )
                y = y0 - v * tall * lift * 1.5 + np.sin(angle) * spread * 0.85
                turn = angle + np.pi / 2 + rng.normal(0, 0.3)
                painter.dab(x, min(y, y0 + 0.012), size * rng.uniform(0.6, 1.15) * painter.boldness,
                            colour, touch, turn, rng.uniform(1.0, 1.9), middle)  # fmt: skip
    for _ in range(7):
        x = x0 + rng.uniform(-1.15, 1.15) * half
        painter.dab(x, y0 + rng.normal(0.012, 0.008), 0.03, mix(dark, sky_colour(scene, x, y0), 0.45),
                    replace(BLEND, opacity=0.4), rng.normal(0, 0.06), 3.2)  # fmt: skip


def _streaks(painter: Painter, scene: Scene) -> None:
    """Long level bands, lit from below when the sun is low."""
    rng = painter.rng
    low_sun = scene.hour in ("golden", "dawn", "dusk")
    for _ in range(int(rng.integers(7, 15))):
        x0, y0 = rng.uniform(0, scene.width), scene.horizon * rng.uniform(0.12, 0.9) ** 0.8
        length, thick = rng.uniform(0.2, 0.6), rng.uniform(0.012, 0.035)
        slope = rng.normal(0.0, 0.04)
        for layer, (colour, drop) in enumerate(
            ((scene.palette.cloud[0 if low_sun else 1], 0.0), (scene.palette.cloud[1], 0.3),
             (scene.palette.cloud[2], 0.6 if low_sun else -0.4))
        ):  # fmt: skip
            for _ in range(3 - layer // 2):
                u = x0 + rng.normal(0, length * 0.25)
                v = y0 + drop * thick + rng.normal(0, thick * 0.3)
                size = thick * (1.5 - 0.4 * layer) * painter.boldness
                touch = replace(BLEND, opacity=0.62, dryness=0.3, exhaustion=0.5)
                span = max(length * rng.uniform(0.5, 1.0) / size, 1.5)
                painter.dab(u, v, size, colour, touch, slope, span, scene.palette.cloud[1])


def _mist(painter: Painter, scene: Scene) -> None:
    """Broad scumbled patches that thin out upwards."""
    rng = painter.rng
    patches = Noise2D(rng, 0.28)
    for _ in range(85):
        x, share = rng.uniform(-0.05, scene.width + 0.05), rng.uniform(0.05, 0.95)
        strength = patches(x, share * 0.8)
        if strength < -0.15:
            continue
        colour = mix(scene.palette.cloud[1], scene.palette.cloud[2], 0.5 + 0.6 * strength)
        touch = replace(BLEND, opacity=0.45, dryness=0.25)
        painter.dab(x, share * scene.horizon, rng.uniform(0.04, 0.09) * painter.boldness, colour,
                    touch, rng.normal(-0.25, 0.5), 1.8, scene.palette.cloud[0])  # fmt: skip


def _circle(x: float, y: float, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1).astype(np.float32)
