"""Bristle textures: alpha and relief of straight and bent strokes, as images that are warped."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal, get_args

import cv2
import numpy as np

from inference.strokes.strokes import BENDS

TextureKind = Literal["bristle", "soft", "wash", "graphite"]
"""bristle: a flat brush; soft: round with soft rims; wash: even, with a darker rim; graphite:
grainy pencil."""
TEXTURE_KINDS = get_args(TextureKind)

LENGTH_PX, WIDTH_PX = 320, 80
"""Size of a stroke in its texture."""
MARGIN_PX = 24
"""Empty pixels around it; bent strokes use more of them across."""
NUM_TEXTURES = 6
"""Textures of each kind."""


@lru_cache(maxsize=256)
def small_texture(kind: TextureKind, texture: int, bend: int, halvings: int) -> np.ndarray:
    """`bent_texture`, scaled down by 2 to the power of `halvings`: small strokes drawn from the
    full size would show single texels."""
    full = bent_texture(kind, texture, bend)
    if halvings == 0:
        return full
    height, width = full.shape[0] >> halvings, full.shape[1] >> halvings
    return cv2.resize(full, (width, height), interpolation=cv2.INTER_AREA)


@lru_cache(maxsize=256)
def bent_texture(kind: TextureKind, texture: int, bend: int) -> np.ndarray:
    """float32 (h, w, 2): alpha in [0, 1] and relief in [-1, 1] of a stroke that runs from left to
    right and turns by ``BENDS[bend]``; the centre of the image is the centre of the stroke."""
    straight = _straight_texture(kind, texture)
    turn = BENDS[bend]
    sagitta = abs(turn) * LENGTH_PX / 8
    height, width = bent_texture_size(bend)
    y = np.arange(height, dtype=np.float32)[:, None] - (height - 1) / 2 + np.zeros((1, width))
    x = np.arange(width, dtype=np.float32)[None] - (width - 1) / 2 + np.zeros((height, 1))
    # An arc is close to a parabola at these angles; its slope at the ends is half the turn.
    across = y - turn / (2 * LENGTH_PX) * x * x + sagitta / 3 * np.sign(turn)
    centre_x, centre_y = (straight.shape[1] - 1) / 2, (straight.shape[0] - 1) / 2
    at_x, at_y = (x + centre_x).astype(np.float32), (across + centre_y).astype(np.float32)
    return cv2.remap(
        straight, at_x, at_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0)
    )


def bent_texture_size(bend: int) -> tuple[int, int]:
    """Height and width of `bent_texture`."""
    sagitta = abs(BENDS[bend]) * LENGTH_PX / 8
    return WIDTH_PX + 2 * MARGIN_PX + 2 * math.ceil(sagitta), LENGTH_PX + 2 * MARGIN_PX


@lru_cache(maxsize=32)
def _straight_texture(kind: TextureKind, texture: int) -> np.ndarray:
    """The texture of a straight stroke, float32 (h, w, 2)."""
    rng = np.random.default_rng([20260201, TEXTURE_KINDS.index(kind), texture])
    height, width = WIDTH_PX + 2 * MARGIN_PX, LENGTH_PX + 2 * MARGIN_PX
    tracks = _noise(rng, height, width, 1.6, 60.0)
    grain = _noise(rng, height, width, 1.0, 1.0)
    if kind == "bristle":
        alpha, relief = _bristle(rng, tracks, grain)
    elif kind == "wash":
        alpha, relief = _wash(rng)
    elif kind == "soft":
        x, y = _along_and_across()
        alpha, relief = (1 - _gap(x, y)) * 1.8, 0.15 * tracks
    else:
        x, y = _along_and_across()
        thin = ((1 - y) * 2.4).clip(0, 1) * np.minimum(x / 30, (LENGTH_PX - x) / 40).clip(0, 1)
        alpha, relief = thin * (0.62 + 0.5 * grain + 0.25 * tracks).clip(0, 1), 0 * tracks
    return np.dstack([alpha.clip(0, 1), relief.clip(-1, 1)]).astype(np.float32)


def _along_and_across() -> tuple[np.ndarray, np.ndarray]:
    """Place along the stroke in texels from its start, float32 (1, w), and distance from its middle
    line in half widths, float32 (h, 1)."""
    height, width = WIDTH_PX + 2 * MARGIN_PX, LENGTH_PX + 2 * MARGIN_PX
    across = np.abs(np.arange(height, dtype=np.float32) - (height - 1) / 2)[:, None]
    along = np.arange(width, dtype=np.float32)[None] - MARGIN_PX
    return along, across / (WIDTH_PX / 2)


def _gap(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Distance from the middle line of a stroke with round ends, in half widths, (h, w)."""
    beyond = np.maximum(np.maximum(WIDTH_PX / 2 - x, x - LENGTH_PX + WIDTH_PX / 2), 0)
    return np.hypot(y * WIDTH_PX / 2, beyond) / (WIDTH_PX / 2)


def _bristle(
    rng: np.random.Generator, tracks: np.ndarray, grain: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and relief of a bristle brush: each bristle starts and stops at a place of its own."""
    x, y = _along_and_across()
    height = len(tracks)
    ends = _noise(rng, height, 1, 2.0, 0.1) * 10 + _noise(rng, height, 1, 9.0, 0.1) * 7
    begin, end = x - 12 - ends, LENGTH_PX - x - 16 - ends[::-1]
    ramp = np.minimum(begin / 14, end / 26).clip(0, 1)
    load = (1.35 - 0.45 * x.clip(0) / LENGTH_PX + 0.30 * tracks).clip(0, 1)
    alpha = ramp * load * ((1 - y) * 5 + 0.35 * tracks).clip(0, 1)
    return alpha, 0.6 * tracks + 0.1 * grain


def _wash(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Alpha and relief of a wash: its rim wobbles and dries darker."""
    x, y = _along_and_across()
    height, width = len(y), x.shape[1]
    gap = _gap(x, y) + 0.16 * _noise(rng, height, width, 12.0, 16.0)
    rim = np.exp(-(((1 - gap) - 0.06) ** 2) / 0.004)
    cloud = _noise(rng, height, width, 20.0, 20.0)
    alpha = ((1 - gap) * 7).clip(0, 1) * (0.78 + 0.22 * rim + 0.08 * cloud)
    return alpha, -0.5 * rim


def _noise(
    rng: np.random.Generator, height: int, width: int, across: float, along: float
) -> np.ndarray:
    """Blurred normal noise of standard deviation about 0.5, float32 (height, width)."""
    field = rng.normal(size=(height, width)).astype(np.float32)
    field = cv2.GaussianBlur(field, (0, 0), sigmaX=along, sigmaY=across)
    return 0.5 * field / max(float(field.std()), 1e-6)
