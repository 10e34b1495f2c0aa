"""Upsamples a rendered canvas to full size with detail from the canvas before and from the target.

The renderer works at network size. There each pixel of the new canvas is written as an
interpolation between old canvas and target plus a residual. At full size the full-size canvas and
target are interpolated with the same weight *alpha* (0: old canvas, 1: target). A finished place so
has the target's detail, and an unchanged place keeps every pixel. The residual (such as an
underpainting in another colour) is upsampled and added.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from inference.artist.guided_filter import guided_upsampling
from ingest.conventions.config import Config

CELL_PX = 8.0
"""Side in px of the image block of one latent pixel, at network size."""

SIMILAR_COLOUR_DISTANCE = 12.0
"""Euclidean RGB distance (channels in [0, 255]) below which canvas and target count as equal at
network size, so that a painted place takes the target's detail."""


class DetailConfig(Config):
    """How a rendered canvas becomes a canvas of full size."""

    carry_detail: bool | None = None
    """Take fine detail from the target where the canvas is rendered like it; null: pocket yes,
    paper no (its canvases have the networks' size)."""
    keep_outside_mask: bool | None = None
    """Pixels outside the region stay exactly as they were; null: pocket yes, paper no (published:
    the renderer repaints everything)."""
    opaque: tuple[float, float] = (0.1, 0.75)
    """Interpolation weights between canvas and target up to the first number count as 0, from the
    second on as 1: paint is opaque, but an unsure network predicts the mean of painted and
    unpainted. (0, 1) leaves the weights unchanged."""
    feather_share: float = Field(default=0.006, ge=0, le=0.1)
    """Width of the region's soft edge as a share of the short side; it lies inside the region."""
    region_edges: Literal["picture", "blocks"] | None = None
    """picture: regions follow the target's edges; blocks: regions in blocks of 8 px, as the network
    predicts them (published); null: pocket picture, paper blocks."""


def full_size_canvas(
    canvas: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    before: np.ndarray,
    rendered: np.ndarray,
    decoded_target: np.ndarray,
    edge_radius_px: int,
    opaque: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """The new canvas at full size; `keep_outside` then restores pixels outside the region.

    Args:
        canvas, target: RGB uint8 (H, W, 3).
        mask: the region, bool (H, W).
        before, rendered, decoded_target: old canvas, new canvas and target at network size,
            decoded from latents, float32 (h, w, 3) in [0, 255].
        edge_radius_px: distance that a boundary may move to an edge of the picture, at full size.
        opaque: `DetailConfig.opaque`.

    Returns:
        float32 (H, W, 3) in [0, 255].
    """
    inside = _downscaled(mask, before.shape[:2])
    alpha, residual = interpolation_weight_and_residual(before, rendered, decoded_target, inside)
    height, width = canvas.shape[:2]
    alpha = guided_upsampling(_extended_outside(alpha, inside), target, edge_radius_px)
    alpha = ((alpha - opaque[0]) / (opaque[1] - opaque[0])).clip(0, 1)[..., None]
    residual = cv2.resize(residual, (width, height), interpolation=cv2.INTER_LINEAR)
    old, new = canvas.astype(np.float32), target.astype(np.float32)
    return (old + alpha * (new - old) + residual).clip(0, 255)


def interpolation_weight_and_residual(
    before: np.ndarray, rendered: np.ndarray, decoded_target: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """The rendered canvas as an interpolation between old canvas and target, and the residual.

    The weight alpha is the regularised projection of the change on the difference between target
    and old canvas. Where that difference is small, alpha tends to `inside`: 1 inside the region and
    0 outside.

    Returns:
        alpha, float32 (h, w) in [0, 1], and the residual, float32 (h, w, 3), so that
        ``rendered == before + alpha * (decoded_target - before) + residual``.
    """
    remaining, change = decoded_target - before, rendered - before
    prior = SIMILAR_COLOUR_DISTANCE**2 * inside
    projection = (change * remaining).sum(axis=2) + prior
    squared = (remaining * remaining).sum(axis=2)
    alpha = (projection / (squared + SIMILAR_COLOUR_DISTANCE**2)).clip(0, 1)
    return alpha, change - alpha[..., None] * remaining


def keep_outside(
    canvas: np.ndarray, painted: np.ndarray, mask: np.ndarray, feather_px: int
) -> np.ndarray:
    """The painted canvas inside the region and `canvas` outside, to the bit: uint8 (H, W, 3).

    Args:
        painted: float32 (H, W, 3) in [0, 255].
        feather_px: width of the soft edge inside the region, over which paint fades in.
    """
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    weight = np.minimum(depth / feather_px, 1.0)[..., None]
    mixed = canvas + weight * (painted - canvas)
    return np.where(mask[..., None], np.rint(mixed).clip(0, 255), canvas).astype(np.uint8)


def _extended_outside(alpha: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """`alpha` with values of the region continued beyond its edge, so that unchanged pixels outside
    do not lower it along the inner edge when it is upsampled."""
    weight = cv2.GaussianBlur(inside, (0, 0), CELL_PX)
    around = cv2.GaussianBlur(alpha * inside, (0, 0), CELL_PX) / np.maximum(weight, 1e-3)
    share = np.clip(2 * inside - 1, 0, 1)
    return share * alpha + (1 - share) * around * (weight > 1e-3)


def _downscaled(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA)
