"""Chooses the next region from a predicted probability map (paper_facts sections 5 and 8)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config

PUBLISHED_THRESHOLDS = (0.5, 0.4, 0.3, 0.2, 0.1)
"""Thresholds on the probability, in the order in which they are tried."""

VISIBLE_CHANGE = 16
"""Difference to the target in a channel, in [0, 255], above which a pixel is unfinished."""
UNFINISHED_SHARE = 0.25
"""Share of unfinished pixels around a pixel from which on it counts as unfinished: single pixels of
canvas that happen to have the target's colour are not finished."""


class RegionConfig(Config):
    """The published sequence of thresholds (in the release, not in the paper), and two rules for
    painters whose probabilities are less certain."""

    thresholds: tuple[float, ...] | None = Field(default=None, min_length=1)
    """Thresholds tried in this order on one probability map; the first canvas update takes the
    first. null takes the painter's own (published: 0.5, 0.4, 0.3, 0.2, 0.1)."""
    smallest_area: float = Field(default=0.05, ge=0, le=1)
    """Share of the canvas that a region must cover."""
    largest_overlap: float = Field(default=0.8, ge=0, le=1)
    """Intersection over union with the region before must stay below this."""
    largest_area: float | None = Field(default=None, gt=0, le=1)
    """Largest share of the canvas in a region; of a larger region the most probable pixels are
    kept, so that an unsure network does not paint everything at once. null: pocket 0.4, paper 1
    (published)."""
    only_unfinished: bool | None = None
    """Regions lie where the canvas still differs visibly from the target, and a region is never
    empty while it does; null: pocket yes, paper no (published; a painter may repeat a region)."""
    look_again: bool | None = None
    """Run the whole mask generator again for every threshold, as the release does; its VAE samples
    differ each time. null: only with `inference.quirks` official."""


@dataclass(frozen=True, eq=False)
class Region:
    """The region of one step."""

    mask: np.ndarray
    """bool (H, W)."""
    threshold: float
    """Probability above which a pixel belongs to the region: one of the config, or another if
    `largest_area` or `only_unfinished` changed the region."""

    @property
    def area(self) -> float:
        """Share of the canvas in [0, 1]."""
        return float(self.mask.mean())


def choose_region(
    predict: Callable[[], np.ndarray],
    previous: np.ndarray | None,
    config: RegionConfig,
    unfinished: np.ndarray | None = None,
) -> Region:
    """The region of the first threshold that is large enough and overlaps the previous region
    little enough; that of the last threshold if none is.

    Args:
        predict: runs the network: float (H, W) in [0, 1]. Called once, or with `look_again` once
            for every threshold tried.
        previous: bool (H, W), the region of the update before; None at the first update, which
            always takes the first threshold.
        unfinished: bool (H, W), pixels that regions may contain; None for all. If every threshold
            gives too small a region, the most probable pixels of twice the smallest area are taken.
    """
    if config.look_again:
        return _first_acceptable_threshold(predict, previous, config)
    probability = predict()
    if unfinished is not None:
        probability = np.where(unfinished, probability, 0)
    region = _first_acceptable_threshold(lambda: probability, previous, config)
    if unfinished is not None and region.area < config.smallest_area and unfinished.any():
        share = min(2 * config.smallest_area, float(unfinished.mean()))
        # Above zero, so that only unfinished pixels are among the most probable ones.
        region = _most_probable_share(np.where(unfinished, probability + 1e-6, 0), share)
    if region.area > (config.largest_area or 1.0):
        region = _most_probable_share(probability, config.largest_area or 1.0)
    return region


def unfinished_area(canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
    """bool (H, W), pixels in which the canvas still differs visibly from the target; both RGB uint8
    (H, W, 3)."""
    change = np.abs(canvas.astype(np.int16) - target).max(axis=2) > VISIBLE_CHANGE
    side = 1 + 2 * round(0.008 * min(change.shape))
    return cv2.blur(change.astype(np.float32), (side, side)) >= UNFINISHED_SHARE


def overlap(first: np.ndarray, second: np.ndarray) -> float:
    """Intersection over union of two bool masks; 1 for two empty ones."""
    union = int((first | second).sum())
    return int((first & second).sum()) / union if union else 1.0


def _first_acceptable_threshold(
    predict: Callable[[], np.ndarray], previous: np.ndarray | None, config: RegionConfig
) -> Region:
    thresholds = config.thresholds or PUBLISHED_THRESHOLDS
    region = Region(predict() > thresholds[0], thresholds[0])
    smallest_px = int(config.smallest_area * region.mask.size)
    for threshold in thresholds[1:]:
        is_large = int(region.mask.sum()) >= smallest_px
        if previous is None or (
            is_large and overlap(region.mask, previous) < config.largest_overlap
        ):
            break
        region = Region(predict() > threshold, threshold)
    return region


def _most_probable_share(probability: np.ndarray, share: float) -> Region:
    """The region of the `share` of the canvas with the highest probabilities; larger if many are
    equal."""
    threshold = float(np.quantile(probability, 1 - share))
    mask = probability > threshold
    return Region(mask if mask.any() else probability >= threshold, threshold)
