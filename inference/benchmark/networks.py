"""Builds painters of random weights: the paper's architecture, small or full, and the pocket
preset."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import nn

from training.networks.presets import PAPER, POCKET, Preset, TowerSize, UNetSize
from training.networks.towers import build_tokenizer
from training.painter.folder import ALL_PARTS, PainterSettings
from training.painter.painter import Painter
from training.painter.parts import build_part

SMALL_SIZE = UNetSize(
    channels=(64, 128, 256, 256),
    attention=(True, True, True, False),
    layers_per_block=2,
    heads=2,
    norm_groups=32,
)
"""SD 1.5's shape at a fifth of its width; heads of 32, 64 and 128, about as wide as its own."""


def small_preset() -> Preset:
    """The paper's preset for canvases of 256 px: the deepest level is 4 x 5, half of the published
    one. With smaller canvases, reading the weights would take most of the time."""
    tower = TowerSize(width=96, layers=3, heads=4, feed_forward=192)
    return PAPER.model_copy(
        update={
            "image_side_px": 256, "unet": SMALL_SIZE, "mask_unet": SMALL_SIZE, "token_width": 96,
            "time_hidden": (32, 64), "next_image_hidden": (64, 32), "image_tower": tower,
            "text_tower": tower, "canvas_channels": (3, 8, 16, 32, 64),
        }
    )  # fmt: skip


def small_vae() -> Any:
    """SD's VAE at a sixteenth of its width."""
    # diffusers annotates tuples of one element where it takes any number.
    return cast(Any, AutoencoderKL)(
        block_out_channels=(8, 16, 16, 16), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, layers_per_block=1, norm_num_groups=8,
    )  # fmt: skip


def small_painter() -> Painter:
    """A small painter of the paper's architecture on the CPU, float32; the same weights in each
    call."""
    torch.manual_seed(0)
    return _painter(small_preset(), {"vae": small_vae()})


def pocket_painter() -> Painter:
    """The pocket preset on the CPU, with random weights."""
    return _painter(POCKET, {})


def paper_painter(device: torch.device, dtype: torch.dtype) -> Painter:
    """A painter of the published sizes with random weights, created on the device to save time."""
    with device:
        return _painter(PAPER, {}).to(device, dtype)


def image_of(seed: int, size: tuple[int, int] = (256, 320)) -> np.ndarray:
    """A smooth random picture, RGB uint8 (H, W, 3)."""
    generator = torch.Generator().manual_seed(seed)
    coarse = torch.rand(1, 3, 8, 10, generator=generator)
    image = nn.functional.interpolate(coarse, size=size, mode="bicubic").clamp(0, 1)
    return (image[0].permute(1, 2, 0) * 255).byte().numpy()


def _painter(preset: Preset, given: dict[str, Any]) -> Painter:
    torch.manual_seed(0)
    names = [n for n in ALL_PARTS if not n.startswith("instruction") and n != "tokenizer"]
    parts = {n: given[n] if n in given else build_part(n, preset) for n in names}
    # Its output starts at zero; random weights give the canvas an effect.
    nn.init.normal_(parts["canvas_encoder"].final_proj.weight, std=0.05)
    parts["tokenizer"] = build_tokenizer(preset)
    for part in parts.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    return Painter(parts, PainterSettings(preset=preset, num_steps=25, guidance=preset.guidance))
