"""Building every painter part: with random weights, or from a folder that has them.

Parts that a preset freezes come out with `requires_grad` off.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from torch import nn
from transformers import AutoTokenizer, CLIPTextModel, CLIPVisionModel

from ingest.errors import UserError
from training.diffusion import build_scheduler
from training.networks.canvas_encoder import CanvasEncoder
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
    """E_I and its decoder. The VAE has the sizes of Stable Diffusion 1.5."""
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
    """What a part needs after it was loaded by its own class."""
    prepare = {
        "unet": as_denoising_unet,
        "reference_unet": as_reference_unet,
        "mask_unet": as_mask_unet,
    }.get(name)
    return prepare(part) if prepare else part


def starting_parts(
    names: tuple[str, ...], preset: Preset, seed: int, initial: str, image_encoder: str
) -> dict[str, Any]:
    """The parts that an objective begins with.

    Args:
        seed: each part's random weights come from (seed, its name), so they do not depend on which
            other parts are built.
        initial: folder in diffusers layout (Stable Diffusion 1.5 or a painter); a part that it has
            is loaded, `reference_unet` falls back to its `unet`. Empty for none.
        image_encoder: folder or hub name of a CLIP vision model, or empty.

    Raises:
        UserError: the paper preset without pretrained VAE, text or image encoder.
    """
    for name in names:
        if not (initial and _source(name, Path(initial)).is_dir()):
            _refuse_random(name, preset, image_encoder)
    parts: dict[str, Any] = {}
    for name in names:
        part = _pretrained(name, Path(initial), preset) if initial else None
        if part is None and name == "image_encoder" and image_encoder:
            part = CLIPVisionModel.from_pretrained(image_encoder)
        if part is None:
            with torch.random.fork_rng(devices=[]):
                torch.manual_seed(seed * 1000 + sum(name.encode()))
                part = build_part(name, preset)
        frozen = name in ("vae", "text_encoder") or (
            name == "image_encoder" and not preset.train_image_tower
        )
        if frozen and isinstance(part, nn.Module):
            part.requires_grad_(False)
        parts[name] = part
    return parts


def _pretrained(name: str, folder: Path, preset: Preset) -> Any:
    """The part from `folder`, or None when the folder has none of that kind."""
    source = _source(name, folder)
    if not source.is_dir() or name == "scheduler":
        return None
    loaders: dict[str, Any] = {
        "tokenizer": AutoTokenizer,
        "text_encoder": CLIPTextModel,
        "image_encoder": CLIPVisionModel,
    }
    with torch.device("meta"):
        # Only its class is wanted: our own modules save themselves under their own names.
        loader = loaders.get(name) or type(build_part(name, preset))
    try:
        part = loader.from_pretrained(source)
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{source} does not load as {loader.__name__} "
            f"({' '.join(str(error).split())[:200]}): is it of the {preset.name} preset?"
        ) from error
    return prepare_part(name, part)


def _source(name: str, folder: Path) -> Path:
    """Sub-folder of a part; a ReferenceNet may begin as a copy of the UNet."""
    is_copy = name == "reference_unet" and not (folder / name).is_dir()
    return folder / ("unet" if is_copy else name)


def _refuse_random(name: str, preset: Preset, image_encoder: str) -> None:
    needed = ("vae", "text_encoder", "tokenizer", *(() if image_encoder else ("image_encoder",)))
    if preset.name == "paper" and name in needed:
        raise UserError(
            f"the paper preset needs a pretrained {name}: give a Stable Diffusion 1.5 folder with "
            "--set training.initial=FOLDER (and --set training.image_encoder="
            "openai/clip-vit-base-patch32), or train the pocket preset"
        )
