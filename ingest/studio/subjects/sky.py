"""Paints the sky of a landscape: gradient, sun or moon, stars, clouds."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.scene.noise import Noise2D
from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import BLEND, DAB, FLAT, STIPPLE, Clip, Colour
from ingest.studio.subjects.painter import Painter


def box_clip(left: float, top: float, right: float, bottom: float, feather: float = 0.01) -> Clip:
    """A rectangle in units."""
    corners = [(left, top), (right, top), (right, bottom), (left, bottom)]
    return Clip(np.array(corners, np.float32), feather)


def sky_colour(scene: Scene, x: float, y: float) -> Colour:
    """Colour of the sky at (x, y): a vertical gradient with a glow around the sun."""
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
    """Paint an opaque layer of broad crossing strokes, then two softer ones that blend it."""
    rng = painter.rng
    area = box_clip(-0.05, -0.05, scene.width + 0.05, scene.horizon + 0.04)
    cloudy = Noise2D(rng, 0.3)

    def colour(x: float, y: float) -> Colour:
        patch = cloudy(x, y * 1.8)
        return shade(sky_colour(scene, x, y), 1 + 0.06 * patch)

    def neighbour(x: float, y: float) -> Colour:
        return mix(colour(x, y + 0.07), scene.palette.cloud[2], 0.08)

    slant = rng.uniform(0.02, 0.32)
    painter.fill_area(
        area,
        colour,
        0.105,
        0.4,
        replace(FLAT, softness=0.5, dryness=0.04, body=0.25, streaks=0.35),
        lambda x, y: float(rng.choice([-1, 1]) * slant + rng.normal(0, 0.06)),
        spacing=0.48,
        second_at=neighbour,
        clipped=False,
        variation=2.5,
    )
    for width, bend in ((0.09, 0.2), (0.07, 0.1)):
        painter.fill_area(
            area,
            colour,
            width,
            0.34,
            replace(BLEND, opacity=0.5, streaks=0.3),
            lambda x, y, bend=bend: float(rng.normal(0, bend)),
            spacing=0.7,
            keep=0.9,
            second_at=neighbour,
            clipped=False,
            variation=2.0,
        )


def paint_sun(painter: Painter, scene: Scene) -> None:
    """Paint sun or moon: the glow from outside in, then the disc."""
    if scene.sun is None:
        return
    rng = painter.rng
    x, y, radius = scene.sun
    glow = replace(BLEND, opacity=0.2, softness=1.0, dryness=0.0, exhaustion=0.0, streaks=0.2)
    for reach in (3.4, 2.7, 2.1, 1.6, 1.25):
        colour = mix(scene.palette.sun, sky_colour(scene, x, y), 0.16 * reach)
        for angle in np.arange(0, 2 * np.pi, 1.1) + rng.uniform(0, 1):
            u, v = (
                x + np.cos(angle) * radius * reach * 0.45,
                y + np.sin(angle) * radius * reach * 0.45,
            )
            painter.dab(u, v, radius * reach, colour, glow, angle + np.pi / 2, 0.7)
    painter.clip = Clip(_circle(x, y, radius), 0.003)
    core = mix(scene.palette.sun, rgb("#fffffa"), 0.35)
    disc = replace(DAB, dryness=0.0, exhaustion=0.0, streaks=0.12)
    for share in (0.8, 0.45, 0.0):
        for angle in np.arange(0, 2 * np.pi if share else 0.5, 0.8):
            u, v = x + np.cos(angle) * radius * share, y + np.sin(angle) * radius * share
            painter.dab(u, v, radius * 0.8, core, disc, angle + np.pi / 2, 1.0, core)
    if scene.hour == "night":
        shadow = mix(core, scene.palette.sky[1], 0.35)
        for _ in range(5):
            u, v = rng.normal(0, radius * 0.4, 2)
            painter.dab(x + u, y + v, radius * 0.4, shadow, replace(BLEND, opacity=0.35), 0.4, 0.8)
    painter.clip = None


def paint_stars(painter: Painter, scene: Scene) -> None:
    """Paint stars as small dabs."""
    rng = painter.rng
    for _ in range(int(rng.integers(14, 34))):
        x, y = rng.uniform(0, scene.width), scene.horizon * rng.uniform(0.02, 0.62)
        size = rng.uniform(0.004, 0.009)
        painter.dab(x, y, size, scene.palette.sun, DAB, rng.uniform(0, 3), 0.6)


def paint_clouds(painter: Painter, scene: Scene) -> None:
    """Paint clouds of the scene's style."""
    if scene.cloud_style == "cumulus":
        for index in range(int(painter.rng.integers(2, 6))):
            _cumulus(painter, scene, index)
    elif scene.cloud_style == "streaks":
        _streaks(painter, scene)
    else:
        _mist(painter, scene)


def _cumulus(painter: Painter, scene: Scene, index: int) -> None:
    """Paint a cumulus: puffs on a level base in four layers from shadow to light."""
    rng = painter.rng
    big = 1.3 if index == 0 else rng.uniform(0.45, 0.9)
    x0, y0 = rng.uniform(-0.05, 1.05) * scene.width, scene.horizon * rng.uniform(0.25, 0.72)
    half, tall = 0.19 * big * rng.uniform(0.8, 1.3), 0.115 * big
    dark, middle, light = scene.palette.cloud
    air = sky_colour(scene, x0, y0)
    puffs = []
    for u in np.linspace(-0.9, 0.9, int(5 + 4 * big)) + rng.normal(0, 0.08):
        height = (1 - abs(u) ** 1.7) * rng.uniform(0.45, 1.0)
        puffs.append((x0 + u * half, y0 - height * tall * 0.75, tall * (0.3 + 0.3 * height)))
        if height > 0.5:
            puffs.append((x0 + u * half * 0.8, y0 - height * tall * 0.25, tall * 0.4))
    soft = replace(BLEND, opacity=0.6, softness=1.0, dryness=0.05)
    layers = (
        (mix(dark, air, 0.4), 2, 1.25, 0.0, soft),
        (mix(middle, air, 0.15), 2, 1.1, 0.25, replace(soft, opacity=0.75, body=0.5)),
        (mix(light, middle, 0.4), 2, 0.85, 0.5, replace(soft, opacity=0.8, dryness=0.2, body=0.7)),
        (light, 2, 0.7, 0.65, replace(STIPPLE, opacity=0.8, dryness=0.42, softness=0.9)),
    )
    for colour, count, share, lift, touch in layers:
        for u, v, r in puffs:
            for _ in range(count):
                angle = rng.uniform(0, 2 * np.pi)
                reach = np.sqrt(rng.uniform(0, 1)) * r * 0.6
                x = u + np.cos(angle) * reach * 1.25 + scene.light_side * lift * r * 0.45
                y = v + np.sin(angle) * reach * 0.8 - lift * r * 0.7
                size = r * share * rng.uniform(0.8, 1.2)
                turn = 0.6 * np.cos(angle) + rng.normal(0, 0.3)
                painter.dab(x, min(y, y0 + 0.01), size, colour, touch, turn, 0.5, middle)
    veil = replace(BLEND, opacity=0.35, dryness=0.2)
    for _ in range(8):
        x = x0 + rng.uniform(-1.1, 1.1) * half
        painter.dab(
            x, y0 + rng.normal(0.008, 0.006), 0.028 * big, mix(dark, air, 0.6), veil, 0.0, 3.5
        )


def _streaks(painter: Painter, scene: Scene) -> None:
    """Paint long level bands of cloud, lit from below when the sun is low."""
    rng = painter.rng
    low_sun = scene.hour in ("golden", "dawn", "dusk")
    for _ in range(int(rng.integers(7, 15))):
        x0, y0 = rng.uniform(0, scene.width), scene.horizon * rng.uniform(0.12, 0.9) ** 0.8
        length, thick = rng.uniform(0.2, 0.6), rng.uniform(0.012, 0.035)
        slope = rng.normal(0.0, 0.04)
        for layer, (colour, drop) in enumerate(
            (
                (scene.palette.cloud[0 if low_sun else 1], 0.0),
                (scene.palette.cloud[1], 0.3),
                (scene.palette.cloud[2], 0.6 if low_sun else -0.4),
            )
        ):
            for _ in range(3 - layer // 2):
                u = x0 + rng.normal(0, length * 0.25)
                v = y0 + drop * thick + rng.normal(0, thick * 0.3)
                size = thick * (1.5 - 0.4 * layer) * painter.boldness
                touch = replace(BLEND, opacity=0.62, dryness=0.3, exhaustion=0.5)
                span = max(length * rng.uniform(0.5, 1.0) / size, 1.5)
                painter.dab(u, v, size, colour, touch, slope, span, scene.palette.cloud[1])


def _mist(painter: Painter, scene: Scene) -> None:
    """Paint broad translucent patches of mist."""
    rng = painter.rng
    patches = Noise2D(rng, 0.28)
    touch = replace(BLEND, opacity=0.4, softness=1.0, dryness=0.1)
    for _ in range(110):
        x, share = rng.uniform(-0.05, scene.width + 0.05), rng.uniform(0.05, 0.95)
        strength = patches(x * 0.7, share * 0.9)
        if strength < -0.1:
            continue
        colour = mix(scene.palette.cloud[1], scene.palette.cloud[2], 0.4 + 0.7 * strength)
        size = rng.uniform(0.04, 0.1) * painter.boldness
        painter.dab(
            x,
            share * scene.horizon,
            size,
            colour,
            touch,
            rng.normal(-0.08, 0.15),
            1.8,
            scene.palette.cloud[2],
        )


def _circle(x: float, y: float, radius: float) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    return np.stack([x + radius * np.cos(angle), y + radius * np.sin(angle)], 1).astype(np.float32)
