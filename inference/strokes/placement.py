"""Places the strokes of one brush in a region."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from inference.strokes.strokes import BENDS, Strokes, no_strokes
from inference.strokes.textures import NUM_TEXTURES

LENGTH_STEPS = 6
"""Samples along a stroke, on either side, that decide its length."""
TILE_BRUSHES = 7.0
"""Side of the tiles that are painted one after the other, in brush widths."""


@dataclass(frozen=True)
class Brush:
    """Size and use of a brush."""

    width_px: float
    longest: float = 5.0
    """Largest length of a stroke in widths."""
    spacing: float = 0.62
    """Distance of neighbouring strokes in widths."""
    opacity: float = 0.95
    colour_tolerance: float = 26.0
    """A stroke ends where the colour differs by more than this from its start (RGB, Euclidean)."""
    angle_noise: float = 0.18
    """Standard deviation of the direction in radians."""
    colour_noise: float = 4.0
    """Standard deviation of the brightness from stroke to stroke, of 255."""
    reveals: bool = False
    """Whether strokes take the picture's own pixels as colour."""


def place_strokes(
    colours: np.ndarray,
    wanted: np.ndarray,
    inside: np.ndarray,
    directions: np.ndarray,
    brush: Brush,
    rng: np.random.Generator,
) -> Strokes:
    """Strokes that cover `wanted`, tile after tile.

    Args:
        colours: float32 (H, W, 3), the colour of paint at each pixel.
        wanted: bool (H, W), where a stroke may have its centre.
        inside: bool (H, W), where a stroke may run; it ends at the rim.
        directions: float32 (H, W), radians (`direction_field`).
        rng: decides places, angles, colours and textures.
    """
    x, y = _jittered_grid(wanted, brush.width_px * brush.spacing, rng)
    if len(x) == 0:
        return no_strokes()
    angle = directions[y, x] + rng.normal(0, brush.angle_noise, len(x))
    reach, bend = _reach(colours, inside, directions, x, y, angle, brush)
    middle = (reach[1] - reach[0]) / 2
    length = (reach[0] + reach[1] + 0.8 * brush.width_px).clip(1.3 * brush.width_px)
    centre_x, centre_y = x + middle * np.cos(angle), y + middle * np.sin(angle)
    shade = rng.normal(0, brush.colour_noise, (len(x), 1))
    order = _tile_order(x, y, brush.width_px * TILE_BRUSHES, rng)
    strokes = Strokes(
        x=(centre_x + 0.5).astype(np.float32),
        y=(centre_y + 0.5).astype(np.float32),
        angle=angle.astype(np.float32),
        length=length.astype(np.float32),
        width=(brush.width_px * rng.uniform(0.85, 1.15, len(x))).astype(np.float32),
        bend=bend,
        texture=rng.integers(0, NUM_TEXTURES, len(x)).astype(np.uint8),
        colour=np.clip(colours[y, x] + shade, 0, 255).astype(np.uint8),
        opacity=np.full(len(x), brush.opacity, np.float32),
        reveals=np.full(len(x), brush.reveals),
    )
    return strokes[order]


def _jittered_grid(
    wanted: np.ndarray, spacing_px: float, rng: np.random.Generator
) -> tuple[np.ndarray, np.ndarray]:
    """Integer pixels of a jittered grid, one a cell, that lie in `wanted`; a cell that has wanted
    pixels but whose own point misses them is left out, and found by the next pass."""
    rows, columns = np.flatnonzero(wanted.any(axis=1)), np.flatnonzero(wanted.any(axis=0))
    if len(rows) == 0:
        return np.zeros(0, np.int64), np.zeros(0, np.int64)
    spacing = max(spacing_px, 1.0)
    y = np.arange(rows[0], rows[-1] + spacing, spacing)
    x = np.arange(columns[0], columns[-1] + spacing, spacing)
    grid_y, grid_x = (grid.ravel() for grid in np.meshgrid(y, x, indexing="ij"))
    grid_y = grid_y + rng.uniform(-0.5, 0.5, len(grid_y)) * spacing
    grid_x = grid_x + rng.uniform(-0.5, 0.5, len(grid_x)) * spacing
    found_y, found_x = grid_y.astype(np.int64), grid_x.astype(np.int64)
    valid = (found_y >= 0) & (found_x >= 0)
    valid &= (found_y < wanted.shape[0]) & (found_x < wanted.shape[1])
    found_y, found_x = found_y[valid], found_x[valid]
    hit = wanted[found_y, found_x]
    return found_x[hit], found_y[hit]


def _reach(
    colours: np.ndarray,
    inside: np.ndarray,
    directions: np.ndarray,
    x: np.ndarray,
    y: np.ndarray,
    angle: np.ndarray,
    brush: Brush,
) -> tuple[tuple[np.ndarray, np.ndarray], np.ndarray]:
    """How far each stroke runs backwards and forwards in pixels, and its bend."""
    height, width = inside.shape
    step_px = brush.longest * brush.width_px / (2 * LENGTH_STEPS)
    start = colours[y, x]
    reaches, ends = [], []
    for sign in (-1.0, 1.0):
        running = np.ones(len(x), bool)
        reach, last = np.zeros(len(x)), directions[y, x]
        for step in range(1, LENGTH_STEPS + 1):
            at_x = x + sign * step * step_px * np.cos(angle)
            at_y = y + sign * step * step_px * np.sin(angle)
            running &= (at_x >= 0) & (at_y >= 0) & (at_x < width) & (at_y < height)
            column = at_x.astype(np.int64).clip(0, width - 1)
            row = at_y.astype(np.int64).clip(0, height - 1)
            distance = np.linalg.norm(colours[row, column] - start, axis=1)
            running &= inside[row, column] & (distance < brush.colour_tolerance)
            reach = np.where(running, step * step_px, reach)
            last = np.where(running, directions[row, column], last)
        reaches.append(reach)
        ends.append(last)
    # Directions are modulo pi: the turn is brought into a quarter turn to either side.
    turn = (ends[1] - ends[0] + np.pi / 2) % np.pi - np.pi / 2
    bend = np.abs(turn[:, None] - np.array(BENDS)[None]).argmin(axis=1).astype(np.uint8)
    return (reaches[0], reaches[1]), bend


def _tile_order(
    x: np.ndarray, y: np.ndarray, tile_px: float, rng: np.random.Generator
) -> np.ndarray:
    """Indices in the order of a hand that works its way through tiles, to and fro from the top."""
    row, column = (y // tile_px).astype(np.int64), (x // tile_px).astype(np.int64)
    column = np.where(row % 2 == 0, column, -column)
    return np.lexsort((rng.random(len(x)), column, row))
