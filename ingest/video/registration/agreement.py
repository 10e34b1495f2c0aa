"""Do two aligned pictures show the same place? Paint and hands may differ, the place may not."""

from __future__ import annotations

import cv2
import numpy as np

WORKING_SIDE_PX, BLOCK_PX = 120, 10
TEXTURED_STD, FLAT_COLOUR_STEP = 5.0, 40.0
"""Grey levels of 255: a block with more spread has structure to compare; flat blocks further apart
than the step are different things (or another light)."""
SAME_STRUCTURE = 0.6
MIN_TEXTURED_BLOCKS, MIN_STRUCTURE_SHARE, MIN_FLAT_SHARE = 8, 0.3, 0.5


def coarse_grey(image: np.ndarray) -> np.ndarray:
    """The grey uint8 (h, w) of RGB uint8 (H, W, 3) at which places are compared."""
    factor = WORKING_SIDE_PX / min(image.shape[:2])
    size = (round(image.shape[1] * factor), round(image.shape[0] * factor))
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
    return cv2.cvtColor(small, cv2.COLOR_RGB2GRAY)


def same_place(known: np.ndarray, seen: np.ndarray, valid: np.ndarray) -> bool:
    """Whether `seen` shows what `known` shows, up to new paint and things in front.

    Structure that was there has to be found again in enough blocks; only where the known picture
    has next to none (a blank canvas filling the view) do plain colours decide.

    Args:
        known, seen: grey uint8 (h, w) as `coarse_grey` gives them, aligned.
        valid: bool (h, w), where both have pixels.
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
    near = np.abs(a.mean(axis=1) - b.mean(axis=1)) < FLAT_COLOUR_STEP
    return bool(near.mean() >= MIN_FLAT_SHARE)


def _blocks(grey: np.ndarray) -> np.ndarray:
    """float32 (blocks, pixels) of a grey picture."""
    rows, columns = grey.shape[0] // BLOCK_PX, grey.shape[1] // BLOCK_PX
    cut = grey[: rows * BLOCK_PX, : columns * BLOCK_PX].astype(np.float32)
    parts = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    return parts.reshape(rows * columns, BLOCK_PX * BLOCK_PX)
