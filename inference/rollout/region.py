"""Which part of a predicted probability map is painted next (paper_facts sections 5 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config

PUBLISHED_THRESHOLDS = (0.5, 0.4, 0.3, 0.2, 0.1)

VISIBLE_CHANGE = 16
"""A pixel is unfinished where a channel is further than this from the target."""
UNFINISHED_SHARE = 0.25
"""... and so is a place with at least this share of unfinished pixels around it: a few grains of
canvas that happen to have the target's colour are not finished."""


class RegionConfig(Config):
    """The published fallback over thresholds (in the release, not in the paper), and two rules for
    painters that are less sure than the published one."""

    thresholds: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Tried in this order on one probability map, the first canvas update takes the first; null
    takes the painter's own (published: 0.5, 0.4, 0.3, 0.2, 0.1)."""
    smallest_area: float = Field(default=0.05, ge=0, le=1)
    """Share of the canvas that a region must cover."""
    largest_overlap: float = Field(default=0.8, ge=0, le=1)
    """Intersection over union with the region before must stay below this."""
    largest_area: float | None = Field(default=None, gt=0, le=1)
    """A region that covers more of the canvas keeps only its likeliest part of this share, so that
    an unsure network does not paint everything at once; null: pocket 0.4, paper 1 (published)."""
    only_unfinished: bool | None = None
    """Regions lie where the canvas still differs visibly from the target, and there is always one
    while it does; null: pocket yes, paper no (published, where a painter may stay on one place)."""
    look_again: bool | None = None
    """Run the whole mask generator anew for every threshold, as the release does; its VAE samples
    differ each time. null: only with `inference.quirks` official."""


@dataclass(frozen=True, eq=False)
class Region:
    """The region of one step."""

    mask: np.ndarray
    """bool (H, W)."""
    threshold: float
    """The probability above which a pixel belongs to it: a published one, or another where
    `largest_area` or `only_unfinished` had their say."""

    @property
    def area(self) -> float:
        """Share of the canvas in [0, 1]."""
        return float(self.mask.mean())


def choose_region(
    look: Callable[[], np.ndarray],
    previous: np.ndarray | None,
    config: RegionConfig,
    unfinished: np.ndarray | None = None,
) -> Region:
    """The first threshold whose region is large enough and new enough; the last if none is.

    Args:
        look: asks the network: float (H, W) in [0, 1]. Once, or with `look_again` once for every
            threshold tried.
        previous: bool (H, W), the region of the update before; None at the first update, which
            takes the first threshold whatever comes.
        unfinished: bool (H, W), where regions may lie; None for everywhere. If the thresholds leave
            too little of it, its likeliest part of twice the smallest area is taken.
    """
    if config.look_again:
        return _published_choice(look, previous, config)
    probability = look()
    if unfinished is not None:
        probability = np.where(unfinished, probability, 0)
    region = _published_choice(lambda: probability, previous, config)
    if unfinished is not None and region.area < config.smallest_area and unfinished.any():
        share = min(2 * config.smallest_area, float(unfinished.mean()))
        # A hair above zero, so that the likeliest part is sought among unfinished pixels only.
        region = _likeliest(np.where(unfinished, probability + 1e-6, 0), share)
    if region.area > (config.largest_area or 1.0):
        region = _likeliest(probability, config.largest_area or 1.0)
    return region


def unfinished_area(canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
    """bool (H, W): where the canvas still differs visibly from the target, RGB uint8 (H, W, 3)."""
    change = np.abs(canvas.astype(np.int16) - target).max(axis=2) > VISIBLE_CHANGE
    side = 1 + 2 * round(0.008 * min(change.shape))
    return cv2.blur(change.astype(np.float32), (side, side)) >= UNFINISHED_SHARE


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two bool masks; two empty ones overlap wholly."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def _published_choice(
    look: Callable[[], np.ndarray], previous: np.ndarray | None, config: RegionConfig
) -> Region:
    thresholds = config.thresholds or PUBLISHED_THRESHOLDS
    region = Region(look() > thresholds[0], thresholds[0])
    smallest_px = int(config.smallest_area * region.mask.size)
    for threshold in thresholds[1:]:
        is_large = int(region.mask.sum()) >= smallest_px
        if previous is None or (
            is_large and overlap(region.mask, previous) < config.largest_overlap
        ):
            break
        region = Region(look() > threshold, threshold)
    return region


def _likeliest(probability: np.ndarray, share: float) -> Region:
    """The `share` of the canvas with the highest probabilities; more where many are equal."""
    threshold = float(np.quantile(probability, 1 - share))
    mask = probability > threshold
    return Region(mask if mask.any() else probability >= threshold, threshold)
