"""Builds the parts that an objective starts training with: pretrained from a folder or random,
frozen where the preset says so, with LoRA layers where only those are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import CLIPVisionModel

from ingest.conventions.errors import UserError
from training.networks.lora import LoraSettings, add_lora
from training.networks.presets import Preset
from training.painter.folder import parts_of
from training.painter.parts import build_part
from training.painter.pretrained import (
    initial_folder,
    mask_unet_from_unet,
    pretrained_part,
    source_of,
)

if TYPE_CHECKING:
    from training.settings import TrainingConfig

UNETS = ("unet", "reference_unet", "mask_unet")
"""Parts that LoRA layers are added to."""


def objective_parts(name: str, config: TrainingConfig, preset: Preset) -> dict[str, Any]:
    """The parts of `mask` or `renderer` as its config describes them, on the CPU.

    Raises:
        UserError: weights that are missing or of other sizes, or an ablation without this network.
    """
    if name == "mask" and "MG" in preset.without:
        raise UserError("training.without says MG, so there is no mask generator to train")
    objective_config: Any = getattr(config, name)
    names = parts_of(name, preset)
    parts = initial_parts(names, preset, config.seed, config.initial, config.image_encoder)
    if name == "mask" and config.mask.start == "unet":
        if not config.initial:
            raise UserError(
                "training.mask.start=unet needs training.initial, a Stable Diffusion folder"
            )
        folder = initial_folder(config.initial, (*names, "unet"), preset)
        parts["mask_unet"] = mask_unet_from_unet(folder, preset)
    if objective_config.lora.rank:
        _add_lora_to_unets(parts, objective_config.lora, config.initial, f"training.{name}.lora")
    return parts


def initial_parts(
    names: tuple[str, ...], preset: Preset, seed: int, initial: str, image_encoder: str
) -> dict[str, Any]:
    """The parts called `names`; frozen ones have `requires_grad` off.

    Args:
        seed: each part's random weights come from (seed, its name), so they do not depend on which
            other parts are built.
        initial: folder or hub name in diffusers layout (Stable Diffusion 1.5 or a painter); a part
            that it has is loaded, `reference_unet` falls back to its `unet`. Empty for none.
        image_encoder: folder or hub name of a CLIP vision model, or empty.

    Raises:
        UserError: the paper preset without pretrained VAE, text or image encoder.
    """
    folder = initial_folder(initial, names, preset) if initial else None
    for name in names:
        if folder is None or not source_of(name, folder).is_dir():
            _refuse_random(name, preset, image_encoder)
    parts: dict[str, Any] = {}
    for name in names:
        part = pretrained_part(name, folder, preset) if folder else None
        if part is None and name == "image_encoder" and image_encoder:
            part = CLIPVisionModel.from_pretrained(image_encoder)
        parts[name] = part if part is not None else _random_part(name, preset, seed)
        frozen = name in ("vae", "text_encoder") or (
            name == "image_encoder" and not preset.train_image_tower
        )
        if frozen and isinstance(parts[name], nn.Module):
            parts[name].requires_grad_(False)
    return parts


def _random_part(name: str, preset: Preset, seed: int) -> Any:
    """A part whose random weights depend on the seed and its name alone."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed * 1000 + sum(name.encode()))
        return build_part(name, preset)


def _add_lora_to_unets(parts: dict[str, Any], lora: LoraSettings, initial: str, key: str) -> None:
    """Add LoRA layers to the UNets, in place; the small encoders are trained whole."""
    if not initial:
        raise UserError(
            f"{key}.rank adapts trained networks, but training.initial is empty: name a painter "
            "or a Stable Diffusion folder there, or set the rank to 0"
        )
    for name in UNETS:
        if name in parts:
            add_lora(parts[name], lora, key)


def _refuse_random(name: str, preset: Preset, image_encoder: str) -> None:
    """Raises UserError for a part that the paper preset needs pretrained."""
    needed = ("vae", "text_encoder", "tokenizer", *(() if image_encoder else ("image_encoder",)))
    if preset.name == "paper" and name in needed:
        raise UserError(
            f"the paper preset needs a pretrained {name}: give a Stable Diffusion 1.5 folder with "
            "--set training.initial=FOLDER (and --set training.image_encoder="
            "openai/clip-vit-base-patch32), or train the pocket preset"
        )
