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


def same_place(known: np.ndarray, seen: np.ndarray, valid: np.ndarray) -> bool:
    """Whether `seen` shows what `known` shows, up to new paint and things in front.

    Structure that was there has to be found again in enough blocks; only where the known picture
    has next to none (a blank canvas filling the view) do plain colours decide.

    Args:
        known, seen: RGB uint8 (H, W, 3), aligned.
        valid: bool (H, W), where both have pixels.
    """
    factor = WORKING_SIDE_PX / min(known.shape[:2])
    size = (round(known.shape[1] * factor), round(known.shape[0] * factor))
    a, b = _blocks(known, size), _blocks(seen, size)
    whole = _blocks(valid.astype(np.uint8) * 255, size).mean(axis=1) > 250
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


def _blocks(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """float32 (blocks, pixels) of the grey picture scaled to `size` (w, h)."""
    grey = image if image.ndim == 2 else cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    small = cv2.resize(grey, size, interpolation=cv2.INTER_AREA).astype(np.float32)
    rows, columns = small.shape[0] // BLOCK_PX, small.shape[1] // BLOCK_PX
    cut = small[: rows * BLOCK_PX, : columns * BLOCK_PX]
    parts = cut.reshape(rows, BLOCK_PX, columns, BLOCK_PX).swapaxes(1, 2)
    return parts.reshape(rows * columns, BLOCK_PX * BLOCK_PX)
