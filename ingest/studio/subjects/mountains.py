"""Paints mountain ranges and hills: a dark mass, then lit slopes, then mist."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from ingest.studio.scene.noise import Noise1D, Noise2D, polygon_below
from ingest.studio.scene.palette import mix, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import BLEND, DAB, FLAT, KNIFE, STIPPLE, WASH, Clip, Colour
from ingest.studio.subjects.painter import Painter


@dataclass(frozen=True, eq=False)
class Range:
    """Shape of one mountain range. Lengths in units."""

    area: Clip
    """The range below its skyline."""
    peaks: np.ndarray
    """float (N, 2)."""
    skyline: np.ndarray
    """float64 (260, 2)."""
    crest: Noise1D
    """Sideways course of the crests that run down from the peaks."""
    folds: Noise2D
    """Irregularity of the slopes."""

    def facet(self, x: float, y: float) -> float:
        """Orientation of the slope at (x, y), from -1 (faces left) to 1 (faces right)."""
        gap = np.abs(self.peaks[:, 0] - x) + np.maximum(self.peaks[:, 1] - y, 0) * 3
        gap = gap + 0.25 * (self.peaks[:, 1] - self.peaks[:, 1].min())
        peak = self.peaks[int(np.argmin(gap))]
        fall = max(y - peak[1], 0.0)
        line = peak[0] + 0.55 * fall * float(self.crest(y * 1.3 + peak[0] * 7))
        side = (x - line) / (0.02 + fall * 0.5)
        fold = self.folds(x + 0.6 * fall * np.sign(x - line), y * 0.45)
        return float(np.clip(side * 1.6 + 1.35 * fold, -1, 1))

    def top(self, x: float) -> float:
        """y of the skyline at x."""
        return float(np.interp(x, self.skyline[:, 0], self.skyline[:, 1]))


def make_range(rng: np.random.Generator, peaks: np.ndarray, width: float, floor_y: float) -> Range:
    """A range with the given peaks (N, 2) and random slopes, down to `floor_y`."""
    x = np.linspace(-0.08, width + 0.08, 260)
    rough, fine = Noise1D(rng, 0.16, 4), Noise1D(rng, 0.035, 2)
    steep = rng.uniform(0.5, 0.95, len(peaks))
    y = np.full_like(x, floor_y)
    for (px, py), slope in zip(peaks, steep, strict=True):
        gap = np.abs(x - px)
        y = np.minimum(
            y, py + slope * (gap - 0.035 * np.exp(-gap / 0.02)) * 1.05 - 0.3 * gap**2 + 0.03
        )
    drop = np.clip((y - y.min()) / 0.1, 0.15, 1)
    y = y + (0.03 * rough(x) * drop + 0.009 * fine(x))
    skyline = np.stack([x, np.minimum(y, floor_y - 0.004)], 1)
    return Range(
        Clip(polygon_below(skyline, floor_y), 0.0025),
        peaks,
        skyline,
        Noise1D(rng, 0.07),
        Noise2D(rng, 0.07),
    )


def paint_range(painter: Painter, scene: Scene, peaks: np.ndarray, distance: float) -> None:
    """Paint one range: dark mass, lit or snowy slopes, mist at its foot."""
    mass = make_range(painter.rng, peaks, scene.width, scene.horizon + 0.03)
    _mass(painter, scene, mass, distance)
    _slopes(painter, scene, mass, distance)
    _foot_mist(painter, scene, mass, distance)


def _mass(painter: Painter, scene: Scene, mass: Range, distance: float) -> None:
    rng = painter.rng
    dark, middle, _ = scene.palette.mountain
    height = scene.horizon - mass.skyline[:, 1].min()

    def colour(x: float, y: float) -> Colour:
        low = np.clip((y - mass.top(x)) / max(height, 0.05), 0, 1)
        return mix(
            scene.palette.with_haze(dark, distance), scene.palette.haze, 0.12 + 0.42 * low * low
        )

    painter.fill_area(
        mass.area,
        colour,
        0.065,
        0.18,
        replace(FLAT, body=0.3),
        lambda x, y: float(mass.facet(x, y) * 0.85 + rng.normal(0, 0.2)),
        spacing=0.55,
        second_at=lambda x, y: scene.palette.with_haze(middle, distance),
    )


def _slopes(painter: Painter, scene: Scene, mass: Range, distance: float) -> None:
    """Paint broken knife strokes down the slopes; the mass shows between them."""
    rng = painter.rng
    dark, middle, light = scene.palette.mountain
    height = scene.horizon - mass.skyline[:, 1].min()
    snowy = scene.season == "winter" or (scene.season != "desert" and height > 0.2)
    snow_line = rng.uniform(0.35, 0.8) if snowy else 0.0
    with_haze = scene.palette.with_haze

    def colour(x: float, y: float) -> Colour:
        lit = 0.5 + 0.5 * mass.facet(x, y) * scene.light_side
        depth = max((y - mass.skyline[:, 1].min()) / max(height, 0.05), 0.0)
        rock = mix(mix(dark, middle, 0.35), mix(light, scene.palette.light, 0.2), lit)
        if depth < snow_line + 0.25 * mass.folds(x * 2, y * 2):
            shadow = mix(scene.palette.sky[0], scene.palette.snow, 0.42)
            rock = (
                mix(shadow, scene.palette.snow, lit * 1.15)
                if lit > 0.25
                else mix(rock, shadow, 0.5)
            )
        return mix(with_haze(rock, distance * 0.85), scene.palette.haze, 0.45 * depth**2.2)

    for width, length, keep in ((0.042, 0.11, 0.6), (0.026, 0.08, 0.5)):
        painter.fill_area(
            mass.area,
            colour,
            width,
            length,
            KNIFE if distance < 0.45 else replace(KNIFE, opacity=0.8),
            lambda x, y: float(np.pi / 2 - mass.facet(x, y) * 0.75 + rng.normal(0, 0.16)),
            spacing=0.95,
            keep=keep,
            variation=7,
        )


def _foot_mist(painter: Painter, scene: Scene, mass: Range, distance: float) -> None:
    """Paint mist along the foot of the range."""
    rng = painter.rng
    touch = replace(BLEND, opacity=0.22 + 0.2 * distance, dryness=0.2)
    painter.clip = mass.area
    for _ in range(26):
        x, y = rng.uniform(0, scene.width), scene.horizon + 0.02 - abs(rng.normal(0, 0.035))
        painter.dab(x, y, 0.05, scene.palette.haze, touch, rng.normal(0, 0.08), 3.0)
    painter.clip = None


def paint_hill(painter: Painter, scene: Scene, skyline: np.ndarray, distance: float) -> None:
    """Paint one line of hills, with far trees along the skyline if it is wooded."""
    rng = painter.rng
    floor_y = scene.horizon + 0.05
    area = Clip(polygon_below(skyline, floor_y), 0.003)
    wooded = rng.random() < 0.55 and scene.season != "desert"
    dark, middle, light = scene.palette.leaf if wooded else scene.palette.grass
    patches = Noise2D(rng, 0.16)
    slopes = np.gradient(skyline[:, 1], skyline[:, 0])

    def angle(x: float, y: float) -> float:
        return float(np.arctan(np.interp(x, skyline[:, 0], slopes)) + rng.normal(0, 0.1))

    def colour(x: float, y: float) -> Colour:
        depth = (y - float(np.interp(x, skyline[:, 0], skyline[:, 1]))) / 0.12
        tone = mix(mix(light, middle, 0.35), dark, 0.25 + 0.35 * depth - 0.4 * patches(x, y))
        return mix(scene.palette.with_haze(tone, distance), scene.palette.haze, 0.12 * depth)

    base = scene.palette.with_haze(mix(dark, middle, 0.3), distance)
    painter.fill_area(
        area, lambda x, y: base, 0.05, 0.2, replace(FLAT, body=0.3), angle, spacing=0.6
    )
    painter.fill_area(
        area, colour, 0.032, 0.11, replace(FLAT, dryness=0.3), angle, spacing=0.75, keep=0.8
    )
    if wooded:
        _tree_line(painter, scene, skyline, distance)
    haze = replace(WASH, opacity=0.25)
    for _ in range(10):
        x = rng.uniform(0, scene.width)
        painter.dab(x, floor_y - 0.02, 0.045, scene.palette.haze, haze, 0.0, 4.0)


def _tree_line(painter: Painter, scene: Scene, skyline: np.ndarray, distance: float) -> None:
    """Paint far trees along a skyline: pointed strokes or tapped crowns."""
    rng = painter.rng
    groves = Noise1D(rng, 0.22)
    size = 0.02 + 0.022 * (1 - distance)
    pointed = rng.random() < 0.5
    dark, middle, light = (scene.palette.with_haze(c, distance * 0.9) for c in scene.palette.leaf)
    for x in np.arange(-0.02, scene.width + 0.02, size * (0.42 if pointed else 0.6)):
        grove = float(groves(x))
        if grove < -0.25:
            continue
        u = x + rng.normal(0, size * 0.25)
        y = float(np.interp(u, skyline[:, 0], skyline[:, 1]))
        tall = size * rng.uniform(0.7, 1.5) * (0.8 + 0.7 * max(grove, 0))
        tone = mix(dark, middle, rng.uniform(0.1, 0.5))
        if pointed:
            painter.stroke(
                [(u, y + size * 0.3), (u, y - tall)],
                size * 0.5,
                tone,
                replace(FLAT, taper=0.9, dryness=0.05),
                dark,
            )
            continue
        painter.dab(u, y - tall * 0.25, tall, tone, replace(DAB, softness=0.4), 0.0, 0.3, dark)
        lit = shade(mix(middle, light, rng.uniform(0.2, 0.8)), 0.97)
        painter.dab(
            u + scene.light_side * tall * 0.15,
            y - tall * 0.4,
            tall * 0.6,
            lit,
            STIPPLE,
            0.0,
            0.4,
            middle,
        )
