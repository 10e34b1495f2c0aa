"""Draws the places of sun, mountains, hills, water, house, boat and trees. Lengths in units."""

from __future__ import annotations

import numpy as np

from ingest.studio.scene.noise import ridge
from ingest.studio.scene.palette import Hour, Season, rgb
from ingest.studio.scene.scene import NEAR_TREE, TreeKind, WaterKind
from ingest.studio.strokes.stroke import Colour


def ground_colour(rng: np.random.Generator) -> Colour:
    """Colour of the blank canvas: mostly white gesso, at times toned."""
    white = rgb("#ebe8e2") + rng.normal(0, 4, 3)
    toned = [rgb("#d8c3a0"), rgb("#c9b7a4"), rgb("#c4c8cc")][rng.integers(3)]
    return np.clip(toned if rng.random() < 0.15 else white, 0, 250).astype(np.float32)


def place_sun(
    rng: np.random.Generator, width: float, horizon: float, hour: Hour, side: int
) -> tuple[float, float, float] | None:
    """Centre x, y and radius of sun or moon; None without one."""
    chance = {"day": 0.25, "golden": 0.85, "dawn": 0.6, "dusk": 0.7, "night": 0.9, "overcast": 0.0}
    if rng.random() > chance[hour]:
        return None
    x = width * (0.5 + side * rng.uniform(0.12, 0.36))
    low = hour in ("golden", "dawn", "dusk")
    y = horizon * (rng.uniform(0.55, 0.78) if low else rng.uniform(0.18, 0.4))
    return float(x), float(y), float(rng.uniform(0.035, 0.065))


def place_ranges(
    rng: np.random.Generator, width: float, horizon: float, water: WaterKind
) -> tuple[tuple[np.ndarray, float], ...]:
    """Peaks, float64 (N, 2), and haze of up to three mountain ranges, from far to near."""
    count = int(rng.choice(4, p=[0.18, 0.34, 0.33, 0.15] if water != "sea" else [0.6, 0.4, 0, 0]))
    ranges = []
    for index in range(count):
        distance = 0.62 - 0.42 * (index + 1) / max(count, 1) + 0.1 * (count == 1)
        peaks = int(rng.integers(3, 6))
        x = np.linspace(-0.05, width + 0.05, peaks) + rng.normal(0, 0.12, peaks)
        tallest = rng.integers(peaks)
        scale = horizon * (0.8 - 0.2 * index)
        tall = scale * rng.uniform(0.35, 0.75, peaks)
        tall[tallest] = scale * rng.uniform(0.85, 1.1)
        order = np.argsort(x)
        ranges.append((np.stack([x, horizon - tall], axis=1)[order], float(distance)))
    return tuple(ranges)


def place_hills(
    rng: np.random.Generator, width: float, horizon: float, num_mountains: int, water: WaterKind
) -> tuple[tuple[np.ndarray, float], ...]:
    """Skylines, float64 (160, 2), and haze of up to three lines of hills, from far to near."""
    count = int(rng.integers(1, 4)) if num_mountains < 2 else int(rng.integers(1, 3))
    if water == "sea":
        count = int(rng.integers(0, 2))
    return tuple(
        (
            ridge(
                rng, width, horizon + 0.01, 0.06 + 0.17 * (1 - i / count) * rng.uniform(0.5, 1), 0.5
            ),
            float(0.5 * (1 - (i + 0.6) / count) + 0.08),
        )
        for i in range(count)
    )


def place_shore(
    rng: np.random.Generator, width: float, height: float, horizon: float, water: WaterKind
) -> np.ndarray:
    """Outline of the water, float32 (N, 2); empty without water."""
    if water == "none":
        return np.zeros((0, 2), np.float32)
    top, floor = horizon + 0.035, height + 0.05
    if water == "river":
        y = np.linspace(top + 0.02, floor, 40)
        depth = (y - y[0]) / (floor - y[0])
        side = rng.choice([-1, 1])
        swing = np.sin(depth * rng.uniform(4, 6) + rng.uniform(0, 6)) * (0.03 + 0.12 * depth)
        centre = width * 0.5 + side * (0.12 - 0.2 * depth) + swing
        half = 0.012 + 0.3 * depth**1.5
        left, right = np.stack([centre - half, y], 1), np.stack([centre + half, y], 1)
        return np.concatenate([left, right[::-1]]).astype(np.float32)
    near = floor if water == "sea" or rng.random() < 0.45 else height * rng.uniform(0.82, 0.92)
    x = np.linspace(width + 0.1, -0.1, 50)
    lift = rng.uniform(0.02, 0.07)
    wave = np.interp(x, np.linspace(-0.1, width + 0.1, 7), rng.uniform(-1, 1, 7)) * lift
    bottom = np.stack([x, np.full_like(x, near) + (wave if near < floor else 0)], 1)
    upper = [(-0.1, top), (width + 0.1, top)]
    if water == "lake":
        bank = rng.uniform(0.02, 0.25, 2) * width
        upper = [
            (-0.1, top + rng.uniform(0.05, 0.16)),
            (bank[0], top + 0.012),
            (width * 0.4, top),
            (width - bank[1], top + 0.008),
            (width + 0.1, top + rng.uniform(0.03, 0.14)),
        ]
    return np.concatenate([np.array(upper), bottom]).astype(np.float32)


def place_house(
    rng: np.random.Generator, width: float, horizon: float, water: WaterKind
) -> tuple[float, float, float] | None:
    """x, y of the foot's middle and width of the front; None without a house."""
    if rng.random() > 0.3 or water == "sea":
        return None
    side = rng.choice([-1, 1])
    x = width * (0.5 + side * rng.uniform(0.12, 0.3))
    drop = 0.022 if water != "none" else rng.uniform(0.06, 0.16)
    return float(x), float(horizon + drop), float(rng.uniform(0.1, 0.17))


def place_boat(
    rng: np.random.Generator, width: float, height: float, horizon: float, water: WaterKind
) -> tuple[float, float, float] | None:
    """x, y of the waterline's middle and length; None without a boat."""
    if water not in ("lake", "sea") or rng.random() > 0.45:
        return None
    y = horizon + (height - horizon) * rng.uniform(0.25, 0.5)
    return float(width * rng.uniform(0.3, 0.7)), float(y), float(rng.uniform(0.13, 0.22))


def place_trees(
    rng: np.random.Generator,
    width: float,
    height: float,
    horizon: float,
    season: Season,
    water: WaterKind,
) -> tuple[tuple[TreeKind, float, float, float], ...]:
    """Kind, x, y of the foot and height of all trees, from far to near: groves in the middle
    distance, and a group at one or both sides of the picture."""
    kinds: dict[Season, tuple[TreeKind, ...]] = {
        "spring": ("broadleaf", "birch", "poplar", "conifer"),
        "summer": ("broadleaf", "conifer", "poplar", "birch"),
        "autumn": ("broadleaf", "birch", "broadleaf", "poplar"),
        "winter": ("conifer", "bare", "conifer", "bare"),
        "desert": ("cactus", "cactus", "palm", "cactus"),
    }
    kind = kinds[season][rng.integers(4)]
    trees: list[tuple[TreeKind, float, float, float]] = []
    groves = int(rng.integers(1, 4)) if season != "desert" and water != "sea" else 0
    for _ in range(groves):
        centre, size = rng.uniform(0.02, 0.98) * width, rng.uniform(0.07, 0.17)
        for _ in range(int(rng.integers(1, 6))):
            x, foot = centre + rng.normal(0, 0.08), horizon + rng.uniform(0.025, 0.055)
            trees.append((kind, float(x), float(foot), float(size * rng.uniform(0.75, 1.15))))
    side = rng.choice([-1, 1])
    for flank in (side, -side)[: int(rng.choice([1, 2], p=[0.6, 0.4]))]:
        for _ in range(int(rng.integers(1, 4))):
            x = width * (0.5 + flank * rng.uniform(0.28, 0.5))
            foot = horizon + (height - horizon) * rng.uniform(0.12, 0.6)
            depth = (foot - horizon) / (height - horizon)
            size = (
                (0.24 + 0.62 * depth) * rng.uniform(0.75, 1.1) * (0.6 if season == "desert" else 1)
            )
            trees.append((kind, float(x), float(foot), float(size)))
    return tuple(sorted(trees, key=lambda tree: tree[2]))


def place_banks(
    rng: np.random.Generator,
    width: float,
    height: float,
    water: WaterKind,
    trees: tuple[tuple[TreeKind, float, float, float], ...],
) -> tuple[np.ndarray, ...]:
    """Outlines of land under the near trees of each side of the picture, float32 (N, 2)."""
    if water not in ("lake", "sea"):
        return ()
    banks = []
    for side in (-1, 1):
        feet = [
            (x, y) for _, x, y, size in trees if size >= NEAR_TREE and (x - width / 2) * side > 0
        ]
        if not feet:
            continue
        edge = width * (0.5 + 0.5 * side) + side * 0.1
        reach = min(x * side for x, _ in feet) * side - side * rng.uniform(0.2, 0.34)
        top = min(y for _, y in feet) - 0.04
        share = np.linspace(0, 1, 30)
        x = edge + (reach - edge) * share
        uneven = np.interp(share, np.linspace(0, 1, 9), rng.normal(0, 0.011, 9))
        y = top + (height + 0.05 - top) * share**2.1 + uneven
        outline = np.concatenate(
            [np.stack([x, y], 1), [(reach, height + 0.1), (edge, height + 0.1)]]
        )
        banks.append(outline.astype(np.float32))
    return tuple(banks)
