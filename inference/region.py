"""Which part of a predicted probability map is painted next (paper_facts sections 5 and 8)."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from ingest.config import Config

PUBLISHED_THRESHOLDS = (0.5, 0.4, 0.3, 0.2, 0.1)


class RegionConfig(Config):
    """The published fallback over thresholds; it is not in the paper, only in the release."""

    thresholds: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Tried in this order on one probability map, the first canvas update takes the first; null
    takes the painter's own (published: 0.5, 0.4, 0.3, 0.2, 0.1)."""
    smallest_area: float = Field(default=0.05, ge=0, le=1)
    """Share of the canvas that a region must cover."""
    largest_overlap: float = Field(default=0.8, ge=0, le=1)
    """Intersection over union with the region before must stay below this."""


@dataclass(frozen=True, eq=False)
class Region:
    """The region of one step."""

    mask: np.ndarray
    """bool (H, W)."""
    threshold: float
    """The probability above which a pixel belongs to it."""

    @property
    def area(self) -> float:
        """Share of the canvas in [0, 1]."""
        return float(self.mask.mean())


def choose_region(
    probability: np.ndarray, previous: np.ndarray | None, config: RegionConfig
) -> Region:
    """The first threshold whose region is large enough and new enough; the last if none is.

    Args:
        probability: float (H, W) in [0, 1], without padding.
        previous: bool (H, W), the region of the update before; None at the first update, which
            takes the first threshold whatever comes.
    """
    thresholds = config.thresholds or PUBLISHED_THRESHOLDS
    region = Region(probability > thresholds[0], thresholds[0])
    if previous is None:
        return region
    smallest_px = int(config.smallest_area * probability.size)
    for threshold in thresholds:
        region = Region(probability > threshold, threshold)
        is_large = int(region.mask.sum()) >= smallest_px
        if is_large and overlap(region.mask, previous) < config.largest_overlap:
            return region
    return region


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two bool masks; two empty ones overlap wholly."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0
