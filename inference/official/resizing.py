"""Resizes as the release does: scaled short edge, black padding, crop by the original size."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

MULTIPLE_PX = 16
"""Padded sides are multiples of it."""

LOCK_REFUSAL = (
    "nothing can be locked with inference.quirks official, which scales the whole canvas at every "
    "step: leave quirks at fixed, or lock nothing"
)
"""The line that refuses locks."""


def scaled_size(height: int, width: int, short_edge_px: int = 512) -> tuple[int, int]:
    """Height and width with the short edge scaled; the long edge is truncated to an integer."""
    if height < width:
        return short_edge_px, int(short_edge_px * width / height)
    return int(short_edge_px * height / width), short_edge_px


def padded_size(height: int, width: int, short_edge_px: int = 512) -> tuple[int, int]:
    """`scaled_size`, padded to multiples of 16."""
    height, width = scaled_size(height, width, short_edge_px)
    return height + -height % MULTIPLE_PX, width + -width % MULTIPLE_PX


def padded_image(image: np.ndarray, short_edge_px: int = 512) -> np.ndarray:
    """An image as the renderer resizes it, RGB uint8 (H, W, 3): bilinear on 8 bit, zero padding at
    right and bottom."""
    height, width = scaled_size(image.shape[0], image.shape[1], short_edge_px)
    scaled = cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR)
    bottom, right = -height % MULTIPLE_PX, -width % MULTIPLE_PX
    return cv2.copyMakeBorder(scaled, 0, bottom, 0, right, cv2.BORDER_CONSTANT, value=(0, 0, 0))


def padded_tensor(image: np.ndarray, short_edge_px: int = 512) -> Tensor:
    """An image as the mask generator resizes it: float32 (1, 3, hp, wp) in [0, 1], bilinear on
    floats without antialias, zero padding at right and bottom."""
    size = scaled_size(image.shape[0], image.shape[1], short_edge_px)
    values = torch.from_numpy(np.ascontiguousarray(image)).permute(2, 0, 1)[None].float() / 255
    scaled = functional.interpolate(values, size=size, mode="bilinear", align_corners=False)
    height, width = size
    return functional.pad(scaled, (0, -width % MULTIPLE_PX, 0, -height % MULTIPLE_PX))


def signed(values: Tensor) -> Tensor:
    """[0, 1] to [-1, 1] by the release's arithmetic: subtract 0.5, divide by 0.5."""
    return (values - 0.5) / 0.5


def cropped(canvas: np.ndarray, original_size: tuple[int, int]) -> np.ndarray:
    """A padded canvas cropped to the picture's ORIGINAL height and width (quirk 8). This is correct
    only if the picture has the networks' short edge; else padding stays or content is lost."""
    return canvas[: original_size[0], : original_size[1]]
