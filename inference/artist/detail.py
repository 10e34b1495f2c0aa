"""Full resolution from the target itself: small networks decide what changes, not every hair of it.

The renderer answers at its own size. There each place of the new canvas lies somewhere on the way
from the old canvas to the target: how far is its *arrival* (0: as before, 1: the target). At full
size the same way is gone between the sharp canvas and the sharp target, so that a place that has
arrived carries the target's own detail and a place left alone keeps every pixel. What the renderer
painted off that line (an underpainting in another colour) is added as it is.
"""

from __future__ import annotations

from typing import Literal

import cv2
import numpy as np
from pydantic import Field

from inference.artist.edges import spread_along_edges
from ingest.conventions.config import Config

CELL_PX = 8.0
"""Side of one latent cell at the networks' size."""

NOTHING_LEFT = 12.0
"""Colour distance (of 255, root of the summed squares) below which canvas and target count as
alike at the networks' size, so that a painted place takes the target's detail."""


class DetailConfig(Config):
    """How a rendered canvas becomes a canvas of full size."""

    carry_detail: bool | None = None
    """Take fine detail from the target where the canvas has arrived; null: as the painter's preset
    needs it (pocket yes, paper no, its canvases have the networks' size)."""
    keep_outside_mask: bool | None = None
    """Pixels outside the region stay exactly as they were; null: pocket yes, paper no (published:
    the renderer repaints everything)."""
    opaque: tuple[float, float] = (0.1, 0.75)
    """Arrivals up to the first number count as none, from the second on as whole: paint covers, but
    a network that is not sure says the mean of covered and bare. (0, 1) takes its word."""
    feather_share: float = Field(default=0.006, ge=0, le=0.1)
    """Width of the region's soft edge as a share of the short side; it lies inside the region."""
    region_edges: Literal["picture", "blocks"] | None = None
    """picture: regions follow the target's edges; blocks: as the network gives them, in blocks of
    8 px (published); null: pocket picture, paper blocks."""


def full_size_canvas(
    canvas: np.ndarray,
    target: np.ndarray,
    mask: np.ndarray,
    before: np.ndarray,
    rendered: np.ndarray,
    goal: np.ndarray,
    reach_px: int,
    opaque: tuple[float, float] = (0.0, 1.0),
) -> np.ndarray:
    """The new canvas at full size, before the region's outside is kept.

    Args:
        canvas, target: RGB uint8 (H, W, 3).
        mask: the region, bool (H, W).
        before, rendered, goal: old canvas, new canvas and target at the networks' size as their
            codec shows them, float32 (h, w, 3) in [0, 255].
        reach_px: how far a boundary may move to an edge of the picture, at full size.
        opaque: `DetailConfig.opaque`.

    Returns:
        float32 (H, W, 3) in [0, 255].
    """
    inside = _shrunk(mask, before.shape[:2])
    arrival, aside = arrival_and_rest(before, rendered, goal, inside)
    height, width = canvas.shape[:2]
    way = spread_along_edges(_continued(arrival, inside), target, reach_px)
    way = ((way - opaque[0]) / (opaque[1] - opaque[0])).clip(0, 1)[..., None]
    aside = cv2.resize(aside, (width, height), interpolation=cv2.INTER_LINEAR)
    old, new = canvas.astype(np.float32), target.astype(np.float32)
    return (old + way * (new - old) + aside).clip(0, 255)


def arrival_and_rest(
    before: np.ndarray, rendered: np.ndarray, goal: np.ndarray, inside: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    """How far each place went from the old canvas to the target, and what it did beside that.

    The arrival is the projection of the change on the way, regularised: where no way is left to go
    it tends to 1 inside the region and 0 outside.

    Returns:
        Arrival float32 (h, w) in [0, 1]; the rest float32 (h, w, 3), so that
        ``rendered == before + arrival * (goal - before) + rest``.
    """
    way, moved = goal - before, rendered - before
    weight = NOTHING_LEFT**2 * inside
    along = (moved * way).sum(axis=2) + weight
    arrival = (along / ((way * way).sum(axis=2) + NOTHING_LEFT**2)).clip(0, 1)
    return arrival, moved - arrival[..., None] * way


def keep_outside(
    canvas: np.ndarray, painted: np.ndarray, mask: np.ndarray, feather_px: int
) -> np.ndarray:
    """Paint inside the region only: uint8 (H, W, 3); outside, `canvas` stays to the bit.

    Args:
        painted: float32 (H, W, 3) in [0, 255].
        feather_px: distance from the region's edge, inside it, over which paint fades in.
    """
    depth = cv2.distanceTransform(mask.astype(np.uint8), cv2.DIST_L2, 3)
    weight = np.minimum(depth / feather_px, 1.0)[..., None]
    mixed = canvas + weight * (painted - canvas)
    return np.where(mask[..., None], np.rint(mixed).clip(0, 255), canvas).astype(np.uint8)


def _continued(arrival: np.ndarray, inside: np.ndarray) -> np.ndarray:
    """Arrivals of the region carried on beyond its edge: what the renderer left alone out there
    must not thin the paint along the region's inner edge."""
    weight = cv2.GaussianBlur(inside, (0, 0), CELL_PX)
    around = cv2.GaussianBlur(arrival * inside, (0, 0), CELL_PX) / np.maximum(weight, 1e-3)
    share = np.clip(2 * inside - 1, 0, 1)
    return share * arrival + (1 - share) * around * (weight > 1e-3)


def _shrunk(mask: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    return cv2.resize(mask.astype(np.float32), (size[1], size[0]), interpolation=cv2.INTER_AREA)
