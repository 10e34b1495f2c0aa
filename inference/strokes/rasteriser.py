"""Draws strokes onto a canvas, each in the window of pixels around it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Literal

import cv2
import numpy as np

from inference.strokes.strokes import Strokes
from inference.strokes.textures import (
    LENGTH_PX,
    WIDTH_PX,
    TextureKind,
    bent_texture_size,
    small_texture,
)

Blending = Literal["cover", "darken"]
"""cover: paint replaces what is below; darken: as a wash, which can't make paper lighter."""
RELIEF_LEVELS = 13.0
"""Change of brightness by a texture's relief, of 255."""


def draw_strokes(
    canvas: np.ndarray,
    strokes: Strokes,
    picture: np.ndarray,
    allowed: np.ndarray,
    kind: TextureKind,
    blending: Blending,
) -> Iterator[int]:
    """Lay strokes onto `canvas` in place; yields the index of each after it was laid.

    Args:
        canvas: RGB uint8 (H, W, 3), changed.
        picture: RGB uint8 (H, W, 3), the colours of strokes that reveal it.
        allowed: float32 (H, W) in [0, 1]: the factor of paint at each pixel; 0 keeps it unchanged.
    """
    for index in range(len(strokes)):
        _draw(canvas, strokes, index, picture, allowed, kind, blending)
        yield index


def _draw(
    canvas: np.ndarray,
    strokes: Strokes,
    index: int,
    picture: np.ndarray,
    allowed: np.ndarray,
    kind: TextureKind,
    blending: Blending,
) -> None:
    along = float(strokes.length[index]) / LENGTH_PX
    across = float(strokes.width[index]) / WIDTH_PX
    halvings = min(3, max(0, math.floor(-math.log2(max(along, across, 1e-6)))))
    texture = small_texture(kind, int(strokes.texture[index]), int(strokes.bend[index]), halvings)
    full = bent_texture_size(int(strokes.bend[index]))
    along, across = along * full[1] / texture.shape[1], across * full[0] / texture.shape[0]
    cosine, sine = math.cos(strokes.angle[index]), math.sin(strokes.angle[index])
    # Sizes of one texel on the canvas from here on.
    half_w, half_h = (texture.shape[1] - 1) / 2, (texture.shape[0] - 1) / 2
    reach_x = half_w * along * abs(cosine) + half_h * across * abs(sine)
    reach_y = half_w * along * abs(sine) + half_h * across * abs(cosine)
    x, y = float(strokes.x[index]), float(strokes.y[index])
    left, right = max(0, int(x - reach_x)), min(canvas.shape[1], int(x + reach_x) + 2)
    top, bottom = max(0, int(y - reach_y)), min(canvas.shape[0], int(y + reach_y) + 2)
    if left >= right or top >= bottom:
        return
    mark = _mark(
        texture,
        (cosine / along, sine / along, -sine / across, cosine / across),
        (x, y),
        (left, top, right, bottom),
    )
    window = (slice(top, bottom), slice(left, right))
    alpha = (mark[..., 0] * (float(strokes.opacity[index]) * allowed[window]))[..., None]
    below = canvas[window].astype(np.float32)
    if strokes.reveals[index]:
        paint = picture[window].astype(np.float32)
    else:
        paint = strokes.colour[index].astype(np.float32) + RELIEF_LEVELS * mark[..., 1:]
    if blending == "darken" and not strokes.reveals[index]:
        paint = np.minimum(below, paint)
    below += alpha * (paint - below)
    below += 0.5
    canvas[window] = np.clip(below, 0, 255, out=below)


def _mark(
    texture: np.ndarray,
    inverse: tuple[float, float, float, float],
    centre: tuple[float, float],
    window: tuple[int, int, int, int],
) -> np.ndarray:
    """The texture in a window (left, top, right, bottom) of the canvas, float32 (h, w, 2).

    Args:
        inverse: rows of the matrix from canvas to texture: a rotation, then the two scales.
        centre: of the stroke on the canvas.
    """
    a, b, c, d = inverse
    left, top, right, bottom = window
    x, y = left - centre[0], top - centre[1]
    half_height, half_width = (texture.shape[0] - 1) / 2, (texture.shape[1] - 1) / 2
    matrix = np.array([[a, b, half_width + a * x + b * y], [c, d, half_height + c * x + d * y]])
    return cv2.warpAffine(
        texture, matrix, (right - left, bottom - top),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
    )  # fmt: skip
