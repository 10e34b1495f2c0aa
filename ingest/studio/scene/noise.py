"""Smooth random functions of one or two coordinates (value noise), and skylines made of them."""

from __future__ import annotations

import numpy as np

GRID = 64
"""Random values along one axis; they repeat beyond."""


class Noise1D:
    """A smooth random function of x with values of about [-1, 1]."""

    def __init__(self, rng: np.random.Generator, cell: float, octaves: int = 3) -> None:
        """`cell` is the distance between random values in units; each octave halves it."""
        self.cell = cell
        self.tables = rng.uniform(-1, 1, (octaves, GRID))

    def __call__(self, x: np.ndarray | float) -> np.ndarray:
        """Value at each x, float64 of x's shape."""
        x = np.asarray(x, np.float64)
        total, weight = np.zeros_like(x), 0.0
        for octave, table in enumerate(self.tables):
            position = x / self.cell * 2**octave
            low = np.floor(position).astype(int)
            share = position - low
            share = share * share * (3 - 2 * share)
            value = table[low % GRID] * (1 - share) + table[(low + 1) % GRID] * share
            total = total + value * 0.5**octave
            weight += 0.5**octave
        return total / weight * 1.4


class Noise2D:
    """A smooth random function of (x, y) with values of about [-1, 1]."""

    def __init__(self, rng: np.random.Generator, cell: float) -> None:
        self.cell = cell
        self.table = rng.uniform(-1, 1, (GRID, GRID))

    def __call__(self, x: float, y: float) -> float:
        """Value at one point."""
        u, v = x / self.cell, y / self.cell
        column, row = int(np.floor(u)), int(np.floor(v))
        a, b = u - column, v - row
        a, b = a * a * (3 - 2 * a), b * b * (3 - 2 * b)
        t = self.table
        c0, c1, r0, r1 = column % GRID, (column + 1) % GRID, row % GRID, (row + 1) % GRID
        top = t[r0, c0] * (1 - a) + t[r0, c1] * a
        bottom = t[r1, c0] * (1 - a) + t[r1, c1] * a
        return float(top * (1 - b) + bottom * b) * 1.3


def ridge(
    rng: np.random.Generator, width: float, base_y: float, amplitude: float, cell: float
) -> np.ndarray:
    """A random skyline from beyond the left to beyond the right edge, float64 (160, 2) in units."""
    x = np.linspace(-0.1, width + 0.1, 160)
    noise = Noise1D(rng, cell, 4)
    return np.stack([x, base_y - amplitude * (0.5 + 0.5 * noise(x))], axis=1)


def polygon_below(line: np.ndarray, floor_y: float) -> np.ndarray:
    """The polygon between a skyline (N, 2) and a floor, float32 (N + 2, 2)."""
    ends = np.array([[line[-1, 0], floor_y], [line[0, 0], floor_y]])
    return np.concatenate([line, ends]).astype(np.float32)
