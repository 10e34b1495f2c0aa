"""Colours of a region, continued to where other things hide it."""

from __future__ import annotations

import cv2
import numpy as np


def region_colours(picture: np.ndarray, region: np.ndarray, sigma_px: float) -> np.ndarray:
    """The picture blurred inside `region` only, and continued beyond it: float32 (H, W, 3).

    Every pixel is the mean of pixels of the region, weighted by a Gaussian around it. So no colour
    of a neighbour comes in, and what a later thing hides gets the colours of what surrounds it.

    Args:
        picture: RGB uint8 (H, W, 3).
        region: bool (H, W), with at least one pixel.
        sigma_px: standard deviation of the blur inside the region.
    """
    weight = region.astype(np.float32)
    colours = picture.astype(np.float32) * weight[..., None]
    filled, known = np.zeros_like(colours), np.zeros_like(weight)
    sigma, height, width = sigma_px, *region.shape
    while True:
        step = max(1, int(sigma / 2))
        size = (max(1, width // step), max(1, height // step))
        small = cv2.resize(np.dstack([colours, weight]), size, interpolation=cv2.INTER_AREA)
        small = cv2.GaussianBlur(small, (0, 0), max(sigma / step, 0.5))
        blurred = cv2.resize(small, (width, height), interpolation=cv2.INTER_LINEAR)
        share = np.minimum(blurred[..., 3] / 0.05, 1.0) * (1 - known)
        filled += (share / np.maximum(blurred[..., 3], 1e-9))[..., None] * blurred[..., :3]
        known += share
        if known.min() > 0.999 or sigma > 4 * max(height, width):
            return filled / np.maximum(known, 1e-9)[..., None]
        sigma *= 2.5
