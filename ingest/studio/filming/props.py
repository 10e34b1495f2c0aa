"""Draws things that stand on the table: a palette with the painting's colours, paint pots."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.studio.scene.palette import mix, rgb, shade
from ingest.studio.scene.scene import Scene
from ingest.studio.strokes.stroke import Colour


def draw_palette(
    rng: np.random.Generator,
    table: np.ndarray,
    scene: Scene,
    centre: tuple[float, float],
    side_px: int,
) -> None:
    """Draw a palette on a table, in place.

    Args:
        table: RGB float32 (H, W, 3), seen from above.
        centre: place of the palette in the table's pixels.
        side_px: short side of the canvas; all sizes are shares of it.
    """
    x, y = round(centre[0]), round(centre[1])
    axes = (round(side_px * 0.17), round(side_px * 0.25))
    shadow = np.zeros(table.shape[:2], np.float32)
    _ellipse(shadow, (x + side_px // 50, y + side_px // 40), axes, np.ones(1), 8)
    table *= (1 - 0.45 * cv2.GaussianBlur(shadow, (0, 0), max(side_px / 60, 1)))[..., None]
    body = rgb("#f1eee6") if rng.random() < 0.6 else rgb("#c79a66")
    rim = max(1, side_px // 160)
    _ellipse(table, (x, y), (axes[0] + rim, axes[1] + rim), shade(body, 0.72), 8)
    _ellipse(table, (x, y), axes, body, 8)
    colours = scene.palette
    paints = [*colours.sky, *colours.grass, *colours.leaf, colours.sun, *colours.earth]
    for index, paint in enumerate(paints):
        angle = 2 * np.pi * index / len(paints)
        u = x + round(np.cos(angle) * axes[0] * 0.72 + rng.normal(0, 2))
        v = y + round(np.sin(angle) * axes[1] * 0.76 + rng.normal(0, 2))
        size = max(2, round(side_px * rng.uniform(0.016, 0.034)))
        _ellipse(table, (u, v), (size, round(size * 0.8)), paint, rng.uniform(0, 90))
        glint = (max(1, size // 4), max(1, size // 4))
        _ellipse(table, (u - size // 3, v - size // 3), glint, mix(paint, rgb("#ffffff"), 0.45))


def draw_jar(
    rng: np.random.Generator,
    room: np.ndarray,
    foot: tuple[float, float],
    tall_px: float,
    scene: Scene,
) -> None:
    """Draw an upright paint pot with a coloured label into `room`, RGB uint8 (H, W, 3), in place.

    Args:
        foot: middle of its base in pixels.
    """
    x, y = foot
    half, flat = tall_px * rng.uniform(0.32, 0.42), tall_px * 0.13
    paint = scene.palette.flowers[0] if rng.random() < 0.5 else scene.palette.sky[0]
    body = rgb("#eceae6") if rng.random() < 0.6 else mix(rgb("#c8d8dc"), paint, 0.4)
    shadow = np.zeros(room.shape[:2], np.float32)
    spot = (round(x + half * 0.6), round(y))
    _ellipse(shadow, spot, (round(half * 1.3), round(flat * 1.5)), np.ones(1))
    shadow = cv2.GaussianBlur(shadow, (0, 0), max(half * 0.2, 1))
    room[:] = np.clip(room * (1 - 0.4 * shadow)[..., None], 0, 255)
    _cylinder(room, foot, half, tall_px, (body, mix(body, paint, 0.75)))
    top = (round(x), round(y - tall_px))
    _ellipse(room, top, (round(half), round(flat)), shade(body, 0.95))
    _ellipse(room, top, (round(half * 0.84), round(flat * 0.8)), shade(paint, 0.85))


def _cylinder(
    room: np.ndarray,
    foot: tuple[float, float],
    half: float,
    tall: float,
    colours: tuple[Colour, Colour],
) -> None:
    """The pot's wall row by row, shaded as a round body; the second colour is the label's."""
    x, flat = foot[0], tall * 0.13
    low, high = round(foot[1]), round(foot[1] - tall)
    columns = np.arange(max(round(x - half), 0), max(min(round(x + half) + 1, room.shape[1]), 0))
    for row in range(max(high, 0), min(low + round(flat), room.shape[0])):
        bulge = max((row - low) / max(flat, 1), 0.0)
        inside = columns[np.abs(columns - x) <= half * np.sqrt(max(0.0, 1 - bulge * bulge))]
        offset = (inside - x) / half
        light = 0.62 + 0.4 * np.sqrt(np.clip(1 - (offset + 0.25) ** 2, 0, 1))
        label = 0.35 < (low - row) / tall < 0.75
        room[row, inside] = np.clip(colours[int(label)] * light[:, None], 0, 255)


def _ellipse(
    image: np.ndarray,
    centre: tuple[int, int],
    axes: tuple[int, int],
    colour: np.ndarray,
    angle_deg: float = 0.0,
) -> None:
    """A filled ellipse with a smooth edge."""
    cv2.ellipse(image, centre, axes, angle_deg, 0, 360, colour.tolist(), -1, cv2.LINE_AA)
