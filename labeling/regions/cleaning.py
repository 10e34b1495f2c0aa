"""Optional clean-up of region masks: drops small components, compensates illumination.

The paper has no clean-up, so it is off by default.
"""

from __future__ import annotations

import cv2
import numpy as np

MIN_UNCHANGED_AREA = 0.05
"""Smallest share of usable pixels from which the illumination gain is estimated."""
MAX_GAIN = 1.5
"""Largest gain of a channel, and the inverse of the smallest; a larger change is paint."""
MIN_USABLE_VALUE = 8
"""Pixels with a channel up to this value are too dark to estimate the gain from."""
MAX_USABLE_VALUE = 250
"""Pixels with a channel from this value on are too close to saturation."""


def drop_small(mask: np.ndarray, min_area: float) -> np.ndarray:
    """Drop the small connected components of a mask, bool (H, W).

    Args:
        min_area: share of the canvas below which a component is dropped.
    """
    if min_area <= 0:
        return mask
    number, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    large = stats[:, cv2.CC_STAT_AREA] >= min_area * mask.size
    large[0] = False  # label 0 is the background
    return large[np.asarray(labels, np.intp)] if number > 1 else mask


def match_illumination(image: np.ndarray, reference: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """Scale the channels of `image` to the illumination of `reference`.

    The gain of a channel is the median ratio of the two images over the unchanged pixels.

    Args:
        image, reference: RGB uint8 (H, W, 3).
        changed: pixels that were painted between the two, bool (H, W).

    Returns:
        RGB uint8 (H, W, 3); `image` itself if too few pixels are unchanged.
    """
    is_usable = (
        ~changed & (image.min(axis=2) > MIN_USABLE_VALUE) & (image.max(axis=2) < MAX_USABLE_VALUE)
    )
    if is_usable.mean() < MIN_UNCHANGED_AREA:
        return image
    ratios = reference[is_usable].astype(np.float32) / image[is_usable].astype(np.float32)
    gains = np.median(ratios, axis=0).clip(1 / MAX_GAIN, MAX_GAIN)
    return np.rint(image * gains).clip(0, 255).astype(np.uint8)
