"""Decides from block correlation whether two aligned images show the same scene.

Paint and hands may differ.
"""

from __future__ import annotations

import cv2
import numpy as np

WORKING_SIDE_PX = 120
"""Short side of the images that are compared."""
BLOCK_PX = 10
"""Side of a block."""
TEXTURED_STD = 5.0
"""Standard deviation (grey levels of 255) above which a block has texture to compare."""
FLAT_GREY_STEP = 40.0
"""Difference of mean grey (levels of 255) below which two flat blocks look the same."""
SAME_STRUCTURE = 0.6
"""Correlation above which two textured blocks look the same."""
MIN_TEXTURED_BLOCKS = 8
"""Number of textured blocks from which texture decides; with fewer, mean grey decides."""
MIN_STRUCTURE_SHARE = 0.3
"""Least share of the textured blocks that must look the same."""
MIN_FLAT_SHARE = 0.5
"""Least share of all blocks that must look the same if mean grey decides."""


def comparison_grey(image: np.ndarray) -> np.ndarray:
    """Returns the small grey copy uint8 (h, w) of RGB uint8 (H, W, 3) that is compared."""
    factor = WORKING_SIDE_PX / min(image.shape[:2])
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def shows_same_scene(known: np.ndarray, seen: np.ndarray, valid: np.ndarray) -> bool:
    """Returns True if `seen` shows the scene of `known`, apart from new paint and occluders.

    Enough textured blocks of `known` must be similar in `seen`. If `known` has hardly any texture
    (a blank canvas fills the view), mean grey decides.

    Args:
        known, seen: grey uint8 (h, w) from `comparison_grey`, aligned.
        valid: bool (h, w), True where both have pixels.
    """
    a, b = _blocks(known), _blocks(seen)
    whole = _blocks(valid.astype(np.uint8) * 255).mean(axis=1) > 250
    if whole.mean() < 0.1:
        return False
    a, b = a[whole], b[whole]
    centred_a, centred_b = a - a.mean(1, keepdims=True), b - b.mean(1, keepdims=True)
    std_a, std_b = centred_a.std(axis=1), centred_b.std(axis=1)
    textured = std_a > TEXTURED_STD
    if textured.sum() >= MIN_TEXTURED_BLOCKS:
        correlation = (centred_a * centred_b).mean(axis=1) / np.maximum(std_a * std_b, 1e-3)
        return bool((correlation[textured] > SAME_STRUCTURE).mean() >= MIN_STRUCTURE_SHARE)
    near = np.abs(a.mean(axis=1) - b.mean(axis=1)) < FLAT_GREY_STEP
    return bool(near.mean() >= MIN_FLAT_SHARE)


def _blocks(grey: np.ndarray) -> np.ndarray:
    """Splits a grey image uint8 (h, w) into blocks: float32 (blocks, pixels of a block)."""
    rows, columns = grey.shape[0] // BLOCK_PX, grey.shape[1] // BLOCK_PX
    cut = grey[: rows * BLOCK_PX, : columns * BLOCK_PX].astype(np.float32)
    parts = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    return parts.reshape(rows * columns, BLOCK_PX * BLOCK_PX)
