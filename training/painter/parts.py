"""Builds every painter part with random weights."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL

from training.networks.canvas_encoder import CanvasEncoder
from training.networks.diffusion import build_scheduler
from training.networks.next_image import NextImageAdapter
from training.networks.pixel_codec import PixelCodec
from training.networks.presets import Preset
from training.networks.time_encoder import TimeEncoder
from training.networks.towers import build_image_encoder, build_text_encoder, build_tokenizer
from training.networks.unet import (
    as_denoising_unet,
    as_mask_unet,
    as_reference_unet,
    build_denoising_unet,
    build_mask_unet,
    build_reference_unet,
)


def build_part(name: str, preset: Preset) -> Any:
    """One part with random weights (torch's global generator)."""
    builders: dict[str, Callable[[], Any]] = {
        "scheduler": lambda: build_scheduler(preset.prediction_type),
        "vae": lambda: build_codec(preset),
        "unet": lambda: build_denoising_unet(preset),
        "reference_unet": lambda: build_reference_unet(preset),
        "canvas_encoder": lambda: CanvasEncoder(
            in_channels=7 if preset.sees_target else 4,
            channels=preset.canvas_channels,
            out_channels=preset.unet.channels[0],
        ),
        "next_image_adapter": lambda: NextImageAdapter(
            preset.image_tower.width, preset.next_image_hidden, preset.token_width
        ),
        "time_encoder": lambda: TimeEncoder(preset.time_hidden, preset.token_width),
        "image_encoder": lambda: build_image_encoder(preset),
        "text_encoder": lambda: build_text_encoder(preset, build_tokenizer(preset)),
        "tokenizer": lambda: build_tokenizer(preset),
        "mask_unet": lambda: build_mask_unet(preset),
        "mask_time_encoder": lambda: TimeEncoder(preset.time_hidden, preset.token_width),
    }
    return builders[name]()


def build_codec(preset: Preset) -> AutoencoderKL | PixelCodec:
    """The image encoder E_I with its decoder: `PixelCodec`, or a VAE of Stable Diffusion 1.5's
    sizes."""
    if preset.codec == "pixels":
        return PixelCodec(latent_channels=preset.latent_channels)
    vae = AutoencoderKL.from_config(
        {
            "block_out_channels": (128, 256, 512, 512),
            "down_block_types": ("DownEncoderBlock2D",) * 4,
            "up_block_types": ("UpDecoderBlock2D",) * 4,
            "layers_per_block": 2,
            "latent_channels": preset.latent_channels,
            "scaling_factor": 0.18215,
        }
    )
    assert isinstance(vae, AutoencoderKL)
    return vae.requires_grad_(False)


def prepare_part(name: str, part: Any) -> Any:
    """Replace layers of a loaded UNet in place (`training.networks.unet`); other parts need
    nothing."""
    prepare = {
        "unet": as_denoising_unet,
        "reference_unet": as_reference_unet,
        "mask_unet": as_mask_unet,
    }.get(name)
    return prepare(part) if prepare else part
