"""Resizes images and masks to the preset's short side and pads them at right and bottom."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.format.images import resize_short_side
from training.networks.presets import Preset


def resize_and_pad(image: np.ndarray, preset: Preset) -> np.ndarray:
    """RGB uint8 (H, W, 3) of any size, scaled to the preset's short side and padded."""
    return _padded(resize_short_side(image, preset.image_side_px), preset)


def resize_and_pad_mask(mask: np.ndarray, preset: Preset) -> np.ndarray:
    """bool (H, W), scaled and padded as by `resize_and_pad`; a pixel is True if half of it is."""
    scaled = mask
    if min(mask.shape) != preset.image_side_px:
        grey = mask.astype(np.uint8) * 255
        scaled = resize_short_side(grey, preset.image_side_px) >= 128
    # Padding is False in every mask, whatever padded images show.
    bottom, right = padding_px(scaled.shape[0], scaled.shape[1], preset)
    return np.pad(scaled, ((0, bottom), (0, right))) if bottom or right else scaled


def padding_px(height: int, width: int, preset: Preset) -> tuple[int, int]:
    """Number of rows at the bottom and columns at the right that pad to the preset's multiple."""
    return -height % preset.pad_multiple_px, -width % preset.pad_multiple_px


def _padded(image: np.ndarray, preset: Preset) -> np.ndarray:
    bottom, right = padding_px(image.shape[0], image.shape[1], preset)
    if not bottom and not right:
        return image
    kind = cv2.BORDER_CONSTANT if preset.padding == "black" else cv2.BORDER_REPLICATE
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, kind, value=(0, 0, 0))
