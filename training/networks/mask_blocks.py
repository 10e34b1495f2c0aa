"""Scales masks between image size and latent size (an eighth)."""

from __future__ import annotations

from typing import Literal

from torch import Tensor
from torch.nn import functional

BLOCK_PX = 8
"""Side in px of the image block that one latent pixel stands for."""


def downscale_mask(mask: Tensor, method: Literal["nearest", "area"]) -> Tensor:
    """(P, 1, H, W), 0/1, to (P, 1, H / 8, W / 8) in float32.

    nearest takes the top left pixel of each block (the published rule); area takes the share of
    mask pixels in the block, in [0, 1].
    """
    if method == "nearest":
        return mask[..., ::BLOCK_PX, ::BLOCK_PX].float()
    return functional.avg_pool2d(mask.float(), BLOCK_PX)


def upscale_mask(mask: Tensor) -> Tensor:
    """(P, 1, h, w) to (P, 1, 8h, 8w): every latent pixel becomes a block."""
    return mask.repeat_interleave(BLOCK_PX, dim=-2).repeat_interleave(BLOCK_PX, dim=-1)


def blockwise_mask(mask: Tensor) -> Tensor:
    """A mask (P, 1, H, W) rounded to blocks of 8 px, as the mask generator gives masks: 0/1."""
    return upscale_mask((downscale_mask(mask, "area") >= 0.5).float())
