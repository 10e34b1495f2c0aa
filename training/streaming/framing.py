"""Pictures at the size that the networks see: short side scaled, right and bottom padded."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.format.images import resize_short_side
from training.networks.presets import Preset


def frame_image(image: np.ndarray, preset: Preset) -> np.ndarray:
    """RGB uint8 (H, W, 3) of any size to one with the preset's short side, padded."""
    return _padded(resize_short_side(image, preset.image_side_px), preset)


def frame_mask(mask: np.ndarray, preset: Preset) -> np.ndarray:
    """bool (H, W) to bool, scaled as `frame_image` scales (a pixel is in when half of it is)."""
    scaled = mask
    if min(mask.shape) != preset.image_side_px:
        grey = mask.astype(np.uint8) * 255
        scaled = resize_short_side(grey, preset.image_side_px) >= 128
    # Padding is never painted, whatever it shows.
    bottom, right = padding_px(scaled.shape[0], scaled.shape[1], preset)
    return np.pad(scaled, ((0, bottom), (0, right))) if bottom or right else scaled


def padding_px(height: int, width: int, preset: Preset) -> tuple[int, int]:
    """Rows at the bottom and columns at the right that fill a multiple of the preset's."""
    return -height % preset.pad_multiple_px, -width % preset.pad_multiple_px


def _padded(image: np.ndarray, preset: Preset) -> np.ndarray:
    bottom, right = padding_px(image.shape[0], image.shape[1], preset)
    if not bottom and not right:
        return image
    kind = cv2.BORDER_CONSTANT if preset.padding == "black" else cv2.BORDER_REPLICATE
    return cv2.copyMakeBorder(image, 0, bottom, 0, right, kind, value=(0, 0, 0))
