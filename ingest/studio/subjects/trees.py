"""Paints trees of several kinds: skeleton, dark mass, middle tone, light."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from ingest.studio.scene.palette import mix, shade
from ingest.studio.scene.scene import Scene, TreeKind
from ingest.studio.strokes.stroke import DAB, DRY, FLAT, LINER, STIPPLE, Colour
from ingest.studio.subjects.painter import Painter

Triple = tuple[Colour, Colour, Colour]
"""Dark, middle, light."""


def paint_tree(
    painter: Painter, scene: Scene, kind: TreeKind, x: float, y: float, size: float
) -> None:
    """Paint one tree with its foot at (x, y), `size` units tall."""
    distance = float(np.clip(0.34 - size, 0, 0.3))
    leaf: Triple = tuple(scene.palette.with_haze(c, distance) for c in scene.palette.leaf)  # pyright: ignore[reportAssignmentType]
    bark: Triple = tuple(scene.palette.with_haze(c, distance) for c in scene.palette.bark)  # pyright: ignore[reportAssignmentType]
    if kind == "conifer":
        _conifer(painter, scene, x, y, size, leaf, bark)
    elif kind == "poplar":
        _trunk(painter, scene, x, y, size * 0.5, size * 0.05, bark)
        heights = np.linspace(0.2, 0.95, 9)
        radii = 0.1 * np.sin(np.pi * (heights - 0.05)) ** 0.6
        blobs = [
            (x, y - size * float(h), size * float(r)) for h, r in zip(heights, radii, strict=True)
        ]
        _crown(painter, scene, blobs, leaf)
    elif kind == "cactus":
        _cactus(painter, scene, x, y, size, leaf)
    elif kind == "palm":
        _palm(painter, scene, x, y, size, leaf, bark)
    else:
        white: Triple = (
            shade(scene.palette.snow, 0.5),
            shade(scene.palette.snow, 0.8),
            scene.palette.snow,
        )
        _broad(painter, scene, kind, x, y, size, leaf, white if kind == "birch" else bark)


def _trunk(
    painter: Painter, scene: Scene, x: float, y: float, tall: float, thick: float, bark: Triple
) -> None:
    """Paint a tapering trunk, dark on the side away from the light."""
    rng = painter.rng
    lean = rng.normal(0, 0.05) * tall
    path = np.array([(x, y), (x + lean * 0.3, y - tall * 0.5), (x + lean, y - tall)])
    painter.stroke(path, thick, bark[0], replace(FLAT, taper=0.55, dryness=0.05))
    path[:, 0] += scene.light_side * thick * 0.16
    painter.stroke(path, thick * 0.5, bark[1], replace(FLAT, taper=0.6, dryness=0.25))
    path[:, 0] += scene.light_side * thick * 0.12
    painter.stroke(path, thick * 0.25, bark[2], replace(DRY, taper=0.6))


def _branches(
    painter: Painter,
    x: float,
    y: float,
    tall: float,
    thick: float,
    angle: float,
    colour: Colour,
    depth: int,
) -> list[tuple[float, float]]:
    """Paint branches that fork `depth` times; returns the ends of the last ones."""
    rng = painter.rng
    u, v = x + np.cos(angle) * tall, y - np.sin(angle) * tall
    bend = rng.normal(0, 0.1) * tall
    middle = ((x + u) / 2 + bend * np.sin(angle), (y + v) / 2 + bend * np.cos(angle))
    painter.stroke([(x, y), middle, (u, v)], thick, colour, LINER)
    if depth == 0:
        return [(u, v)]
    ends = []
    for turn in (-1, 1) if rng.random() < 0.75 else (-1, 0, 1):
        spread = angle + turn * rng.uniform(0.3, 0.65) + (np.pi / 2 - angle) * 0.1
        ends += _branches(
            painter, u, v, tall * rng.uniform(0.6, 0.8), thick * 0.62, spread, colour, depth - 1
        )
    return ends


def _broad(
    painter: Painter,
    scene: Scene,
    kind: TreeKind,
    x: float,
    y: float,
    size: float,
    leaf: Triple,
    bark: Triple,
) -> None:
    """Paint a leafy or bare tree: trunk and branches, then the crown around their ends."""
    rng = painter.rng
    thick = size * (0.035 if kind == "birch" else 0.06)
    trunk = size * rng.uniform(0.26, 0.38)
    _trunk(painter, scene, x, y, trunk, thick, bark)
    if kind == "birch":
        for _ in range(5):
            u, v = x + rng.normal(0, thick * 0.2), y - trunk * rng.uniform(0.05, 1)
            painter.dab(u, v, thick * 0.22, shade(bark[0], 0.4), LINER, 0.1, 2.5)
    limb = bark[1] if kind == "birch" else bark[0]
    depth = 3 if kind == "bare" else (2 if size > 0.25 else 1)
    ends = _branches(painter, x, y - trunk * 0.95, size * 0.26, thick * 0.6, np.pi / 2, limb, depth)
    if kind == "bare":
        for u, v in ends[::2]:
            painter.dab(u, v, size * 0.02, scene.palette.snow, DRY, rng.uniform(0, 3), 1.5)
        return
    slim = 0.66 if kind == "birch" else 1.0
    blobs = [(u, v, size * rng.uniform(0.09, 0.13) * slim) for u, v in ends]
    count = 8 if size > 0.25 else 4
    for angle in np.arange(count) * 2.4 + rng.uniform(0, 6):
        reach = size * 0.2 * np.sqrt(rng.uniform(0.05, 1))
        u, v = x + np.cos(angle) * reach * 1.15 * slim, y - size * 0.66 + np.sin(angle) * reach
        blobs.append((u, v, size * rng.uniform(0.1, 0.15) * slim))
    _crown(painter, scene, sorted(blobs, key=lambda blob: blob[1]), leaf)


def _crown(
    painter: Painter, scene: Scene, blobs: list[tuple[float, float, float]], leaf: Triple
) -> None:
    """Paint foliage as blobs (x, y, radius) in five layers from shadow to light."""
    rng = painter.rng
    dark, middle, light = leaf
    bright = mix(light, scene.palette.light, 0.25)
    mass = replace(DAB, softness=0.35, body=0.4)
    layers = (
        (shade(dark, 0.85), 4, 1.0, 0.0, mass),
        (mix(dark, middle, 0.45), 3, 0.9, 0.1, replace(STIPPLE, dryness=0.36)),
        (mix(dark, middle, 0.95), 3, 0.85, 0.28, STIPPLE),
        (mix(middle, light, 0.55), 3, 0.66, 0.48, replace(STIPPLE, dryness=0.56)),
        (bright, 3, 0.5, 0.62, replace(STIPPLE, dryness=0.62)),
    )
    for colour, count, share, offset, touch in layers:
        for u, v, r in blobs:
            number = max(1, int(count * min(1.0, 0.3 + r * 8)))
            for _ in range(number):
                angle, reach = rng.uniform(0, 2 * np.pi), np.sqrt(rng.uniform(0, 1)) * r * 0.75
                a = u + np.cos(angle) * reach + scene.light_side * offset * r * 0.6
                b = v + np.sin(angle) * reach * 0.9 - offset * r * 0.75
                size = max(r * share * rng.uniform(0.75, 1.25), 0.008)
                painter.dab(a, b, size, colour, touch, rng.uniform(0, np.pi), 0.45, middle)


def _conifer(
    painter: Painter, scene: Scene, x: float, y: float, size: float, leaf: Triple, bark: Triple
) -> None:
    """Paint a conifer: trunk, then tiers of drooping strokes in three layers from dark to light."""
    rng = painter.rng
    dark, middle, light = leaf
    snow = scene.season == "winter"
    painter.stroke([(x, y), (x, y - size)], size * 0.035, bark[0], replace(LINER, taper=0.8))
    tiers = int(np.clip(size * 34, 7, 17))
    lit = scene.palette.snow if snow else mix(light, scene.palette.light, 0.2)
    layers = (
        (shade(dark, 0.8), 1.0, 1.0, FLAT),
        (mix(dark, middle, 0.7), 0.85, 0.75, replace(FLAT, dryness=0.3)),
        (mix(middle, lit, 0.75), 0.7, 0.5 if not snow else 0.75, replace(DRY, body=0.8)),
    )
    for layer, (colour, reach, keep, touch) in enumerate(layers):
        for tier in range(tiers):
            share = (tier + 0.4) / tiers
            v = y - size * (1 - share * 0.9)
            span = size * (0.03 + 0.22 * share) * rng.uniform(0.8, 1.15) * reach
            thick = size * (0.028 + 0.034 * share) * (1 - 0.18 * layer) + 0.0035
            for side in (-1, 1, -0.45, 0.5):
                towards = layer == 2 and side * scene.light_side < 0
                if rng.random() > keep * (0.45 if towards else 1.0):
                    continue
                droop = span * rng.uniform(0.22, 0.5)
                start = x + side * span * 0.1 * layer
                path = [
                    (start, v),
                    (start + side * span * 0.55, v + droop * 0.25),
                    (x + side * span, v + droop),
                ]
                painter.stroke(path, thick, colour, replace(touch, taper=0.6), middle)


def _cactus(painter: Painter, scene: Scene, x: float, y: float, size: float, leaf: Triple) -> None:
    """Paint a saguaro cactus: columns with ribs."""
    rng = painter.rng
    dark, middle, light = leaf
    thick = size * 0.16
    columns = [([(x, y), (x, y - size * 0.5), (x, y - size)], thick)]
    for side in (-1, 1)[: int(rng.integers(1, 3))]:
        at, up = y - size * rng.uniform(0.35, 0.55), size * rng.uniform(0.22, 0.36)
        arm = x + side * thick * 1.25
        columns.append(
            ([(x, at), (x + side * thick * 0.6, at + thick * 0.12), (arm, at)], thick * 0.62)
        )
        columns.append(
            ([(arm, at + thick * 0.1), (arm, at - up / 2), (arm, at - up)], thick * 0.66)
        )
    for path, width in columns:
        painter.stroke(
            path, width, mix(dark, middle, 0.5), replace(FLAT, dryness=0.03, exhaustion=0.05)
        )
    for path, width in columns:
        for rib in (-0.32, -0.1, 0.12, 0.33):
            lit = 0.5 + 1.2 * rib * scene.light_side
            shifted = np.array(path) + (rib * width, 0)
            colour = mix(shade(dark, 0.85), mix(light, scene.palette.light, 0.2), lit)
            painter.stroke(shifted, width * 0.16, colour, replace(DRY, dryness=0.25), middle)


def _palm(
    painter: Painter, scene: Scene, x: float, y: float, size: float, leaf: Triple, bark: Triple
) -> None:
    """Paint a palm: leaning trunk and fronds."""
    rng = painter.rng
    lean = rng.choice([-1, 1]) * rng.uniform(0.1, 0.25) * size
    top = (x + lean, y - size * 0.8)
    path = [(x, y), (x + lean * 0.35, y - size * 0.4), top]
    painter.stroke(path, size * 0.05, bark[0], replace(FLAT, taper=0.4, dryness=0.05))
    painter.stroke(np.array(path) + (scene.light_side * size * 0.01, 0), size * 0.02, bark[2], DRY)
    for layer, colour in enumerate((shade(leaf[0], 0.85), leaf[1], leaf[2])):
        for angle in np.linspace(-0.5, np.pi + 0.5, 11 - 2 * layer) + rng.normal(0, 0.12):
            reach = size * rng.uniform(0.28, 0.4)
            tip = (
                top[0] + np.cos(angle) * reach,
                top[1] - np.sin(angle) * reach * 0.55 + reach * 0.3,
            )
            middle = (top[0] + np.cos(angle) * reach * 0.55, top[1] - np.sin(angle) * reach * 0.55)
            painter.stroke(
                [top, middle, tip], size * 0.045, colour, replace(LINER, taper=0.85), leaf[1]
            )
