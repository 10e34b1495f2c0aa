"""Converts canvases and masks between full size and the padded tensors that the networks take."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ingest.format.images import resize_short_side
from training.networks.mask_blocks import BLOCK_PX, blockwise_mask
from training.networks.presets import Preset
from training.streaming.resizing import resize_and_pad, resize_and_pad_mask


class CanvasTransform:
    """Converts canvases of one painting, H x W, to network size h x w, padded to hp x wp, and back.

    The short side is scaled to the preset's. Padding is at the right and at the bottom, as in
    training, and is cut off before anything is measured.
    """

    def __init__(self, canvas_size: tuple[int, int], preset: Preset) -> None:
        self.preset = preset
        blank = np.zeros((*canvas_size, 3), np.uint8)
        height, width = self.scaled(blank).shape[:2]
        self.size = (height, width)

    def scaled(self, canvas: np.ndarray) -> np.ndarray:
        """A canvas (H, W, 3) at the networks' size, without padding: uint8 (h, w, 3)."""
        return resize_short_side(canvas, self.preset.image_side_px)

    def tensor(self, canvas: np.ndarray) -> Tensor:
        """A canvas (H, W, 3) as network input: float32 (1, 3, hp, wp) in [-1, 1]."""
        framed = torch.from_numpy(np.ascontiguousarray(resize_and_pad(canvas, self.preset)))
        return framed.permute(2, 0, 1)[None].float() / 127.5 - 1

    def mask_tensor(self, mask: np.ndarray) -> Tensor:
        """A bool mask (H, W) as float32 0/1 (1, 1, hp, wp)."""
        return torch.from_numpy(resize_and_pad_mask(mask, self.preset))[None, None].float()

    def region_tensor(self, mask: np.ndarray) -> Tensor:
        """A region as renderer input: as `mask_tensor`, in blocks of 8 px if it was trained with
        them."""
        framed = self.mask_tensor(mask)
        return blockwise_mask(framed) if self.preset.mask_blocks else framed

    def image(self, rgb: Tensor) -> np.ndarray:
        """A tensor (1, 3, hp, wp) in [-1, 1] as float32 (h, w, 3) in [0, 255], padding cut off."""
        height, width = self.size
        inner = rgb[0, :, :height, :width].float().clamp(-1, 1)
        return ((inner + 1) * 127.5).permute(1, 2, 0).cpu().numpy()

    def blocks(self, map: Tensor) -> np.ndarray:
        """A map at latent size (1, 1, hp / 8, wp / 8) in blocks of 8 px: float32 (h, w)."""
        height, width = self.size
        coarse = map[0, 0].float().cpu().numpy()
        return coarse.repeat(BLOCK_PX, 0).repeat(BLOCK_PX, 1)[:height, :width]
