"""A codec without weights: the latents are the image itself at an eighth of its size.

It has the interface of `AutoencoderKL`, so a system that is trained from random weights needs no
VAE. It loses detail; inference takes that from the target.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from diffusers.configuration_utils import ConfigMixin, register_to_config
from diffusers.models.modeling_utils import ModelMixin
from torch import Tensor, nn
from torch.nn import functional


@dataclass(frozen=True, eq=False)
class PixelLatents:
    """A distribution of latents with the interface of diffusers' posterior; it is a single
    point."""

    mean: Tensor

    def mode(self) -> Tensor:
        return self.mean

    def sample(self, generator: torch.Generator | None = None) -> Tensor:
        """The same as `mode`; nothing is drawn from the generator."""
        return self.mean


@dataclass(frozen=True, eq=False)
class Encoded:
    """Result of `encode`, with diffusers' field name."""

    latent_dist: PixelLatents


@dataclass(frozen=True, eq=False)
class Decoded:
    """Result of `decode`, with diffusers' field name."""

    sample: Tensor


class PixelCodec(ModelMixin, ConfigMixin):
    """Encodes RGB in [-1, 1] to averages over squares of `block_px`; decodes by interpolation."""

    @register_to_config
    def __init__(
        self, block_px: int = 8, latent_channels: int = 3, scaling_factor: float = 1.0
    ) -> None:
        super().__init__()
        self.block_px = block_px
        # ModelMixin finds its device and dtype through a tensor; it holds no value.
        self.register_buffer("anchor", torch.zeros(1))
        self.anchor: Tensor | nn.Module

    def encode(self, images: Tensor) -> Encoded:
        """(P, 3, H, W) to (P, 3, H / block, W / block)."""
        return Encoded(PixelLatents(functional.avg_pool2d(images, self.block_px)))

    def decode(self, latents: Tensor) -> Decoded:
        """(P, 3, h, w) to (P, 3, h * block, w * block), bicubic; values may overshoot [-1, 1]."""
        return Decoded(
            functional.interpolate(latents, scale_factor=float(self.block_px), mode="bicubic")
        )
