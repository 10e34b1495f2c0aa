"""Upsamples a coarse map along the edges of an image by a guided filter.

Masks of the networks come in blocks of several pixels; regions should end at edges of the picture.
The filter is that of He et al. 2010, equations 11 to 16, with a colour guide.
"""

from __future__ import annotations

import cv2
import numpy as np

RADIUS_PER_GUIDE_SIGMA = 9.0
"""Radius of the filter divided by the standard deviation of the Gaussian blur of its guide."""


def guided_upsampling(
    coarse: np.ndarray, guide: np.ndarray, radius_px: int, smoothness: float = 4e-3
) -> np.ndarray:
    """A coarse map at the guide's size, its boundaries moved to edges of the guide.

    Args:
        coarse: float (h, w), any range.
        guide: RGB uint8 (H, W, 3).
        radius_px: how far a boundary may move; one to two cells of the coarse map.
        smoothness: variance of colour in [0, 1] squared below which a place counts as flat.

    Returns:
        float32 (H, W).
    """
    height, width = guide.shape[:2]
    values = cv2.resize(coarse.astype(np.float32), (width, height), interpolation=cv2.INTER_LINEAR)
    # Blurred, so that texture much finer than the radius (canvas weave) does not count as an edge.
    softened = cv2.GaussianBlur(guide, (0, 0), max(0.3, radius_px / RADIUS_PER_GUIDE_SIGMA))
    colours = softened.astype(np.float32) / 255
    mean_value, mean_colour = _mean(values, radius_px), _mean(colours, radius_px)
    covariance = _mean(colours * values[..., None], radius_px) - mean_colour * mean_value[..., None]
    slope = _solve(_colour_covariance(colours, mean_colour, radius_px, smoothness), covariance)
    offset = mean_value - (slope * mean_colour).sum(axis=2)
    return (_mean(slope, radius_px) * colours).sum(axis=2) + _mean(offset, radius_px)


def dilate_map(map: np.ndarray, radius_px: int) -> np.ndarray:
    """The largest value within `radius_px` of each pixel, float32 (H, W)."""
    side = 2 * radius_px + 1
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (side, side))
    return cv2.dilate(map.astype(np.float32), disc)


def _mean(image: np.ndarray, radius_px: int) -> np.ndarray:
    side = 2 * radius_px + 1
    return cv2.blur(image, (side, side), borderType=cv2.BORDER_REFLECT)


def _colour_covariance(
    colours: np.ndarray, mean: np.ndarray, radius_px: int, smoothness: float
) -> dict[str, np.ndarray]:
    """The six entries of the regularised 3 x 3 covariance of colour around each pixel."""
    entries = {}
    for first in range(3):
        for second in range(first, 3):
            product = _mean(colours[..., first] * colours[..., second], radius_px)
            entry = product - mean[..., first] * mean[..., second]
            entries[f"{first}{second}"] = entry + smoothness * (first == second)
    return entries


def _solve(matrix: dict[str, np.ndarray], right: np.ndarray) -> np.ndarray:
    """Solve the symmetric 3 x 3 system of every pixel by its adjugate: (H, W, 3)."""
    a, b, c = matrix["00"], matrix["01"], matrix["02"]
    d, e, f = matrix["11"], matrix["12"], matrix["22"]
    adjugate = [
        [d * f - e * e, c * e - b * f, b * e - c * d],
        [c * e - b * f, a * f - c * c, b * c - a * e],
        [b * e - c * d, b * c - a * e, a * d - b * b],
    ]
    determinant = a * adjugate[0][0] + b * adjugate[1][0] + c * adjugate[2][0]
    rows = [sum(row[i] * right[..., i] for i in range(3)) for row in adjugate]
    return np.stack(rows, axis=2) / determinant[..., None]
