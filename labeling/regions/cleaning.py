"""Optional clean-up of region masks; the paper has none, so all of it is off by default."""

from __future__ import annotations

import cv2
import numpy as np

LEAST_UNCHANGED = 0.05
"""Share of the canvas that must lie outside the mask for its light to be told."""
STRONGEST_GAIN = 1.5
"""Light does not drift further between two keyframes; more is paint."""


def drop_small(mask: np.ndarray, min_area: float) -> np.ndarray:
    """A mask, bool (H, W), without connected parts below `min_area` (share of the canvas)."""
    if min_area <= 0:
        return mask
    number, labels, stats, _ = cv2.connectedComponentsWithStats(
        mask.astype(np.uint8), connectivity=8
    )
    large = stats[:, cv2.CC_STAT_AREA] >= min_area * mask.size
    large[0] = False  # what is not in the mask
    return large[np.asarray(labels, np.intp)] if number > 1 else mask


def level_light(image: np.ndarray, like: np.ndarray, changed: np.ndarray) -> np.ndarray:
    """`image` in the light of `like`: one gain a channel, the middle one of all places that are
    painted in neither.

    Args:
        image, like: RGB uint8 (H, W, 3).
        changed: bool (H, W), where something was painted between them.

    Returns:
        RGB uint8 (H, W, 3); `image` itself where too little is unchanged to tell.
    """
    calm = ~changed & (image.min(axis=2) > 8) & (image.max(axis=2) < 250)
    if calm.mean() < LEAST_UNCHANGED:
        return image
    gains = np.median(like[calm].astype(np.float32) / image[calm].astype(np.float32), axis=0).clip(
        1 / STRONGEST_GAIN, STRONGEST_GAIN
    )
    return np.rint(image * gains).clip(0, 255).astype(np.uint8)
