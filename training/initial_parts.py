"""Builds the parts that an objective starts training with: pretrained from a folder or random,
frozen where the preset says so, with LoRA layers where only those are trained."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import nn
from transformers import CLIPVisionModel

from ingest.conventions.errors import UserError
from training.networks.lora import add_lora
from training.networks.presets import Preset
from training.painter.folder import PARTS_OF, parts_of
from training.painter.parts import build_part
from training.painter.pretrained import (
    fetched_parts,
    initial_folder,
    mask_unet_from_unet,
    pretrained_part,
    source_of,
)

if TYPE_CHECKING:
    from training.settings import TrainingConfig

UNETS = ("unet", "reference_unet", "mask_unet")
"""Parts that LoRA layers are added to."""


def text_start(config: TrainingConfig, preset: Preset) -> str:
    """Folder or hub name that the instruction model starts from: `training.initial` if it has one
    (a painter or a text run), else `training.text.base`; empty: none.

    Raises:
        UserError: neither folder nor reachable repository, or a painter of another preset.
    """
    if config.initial:
        folder = fetched_parts(config.initial, PARTS_OF["text"])
        if (folder / "instruction_model").is_dir():
            return str(initial_folder(config.initial, PARTS_OF["text"], preset))
    return config.text.base


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
        if not (folder / "mask_unet").is_dir():
            parts["mask_unet"] = mask_unet_from_unet(folder, preset)
    if objective_config.lora.rank:
        trained = random_unets(name, config, preset)
        if trained:
            raise UserError(
                f"training.{name}.lora.rank adapts trained networks, but {trained[0]} starts from "
                "random weights: name a painter or a Stable Diffusion folder that has it in "
                "training.initial, or set the rank to 0"
            )
        for part in UNETS:
            if part in parts:
                add_lora(parts[part], objective_config.lora, f"training.{name}.lora")
    return parts


def random_unets(name: str, config: TrainingConfig, preset: Preset) -> list[str]:
    """The UNets of `mask` or `renderer` that start from random weights."""
    names = parts_of(name, preset)
    unets = [part for part in names if part in UNETS]
    if not config.initial:
        return unets
    folder = initial_folder(config.initial, names, preset)
    missing = [part for part in unets if not source_of(part, folder).is_dir()]
    return [part for part in missing if part != "mask_unet" or config.mask.start == "random"]


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


def _refuse_random(name: str, preset: Preset, image_encoder: str) -> None:
    """Raises UserError for a part that the paper preset needs pretrained."""
    needed = ("vae", "text_encoder", "tokenizer", *(() if image_encoder else ("image_encoder",)))
    if preset.name == "paper" and name in needed:
        raise UserError(
            f"the paper preset needs a pretrained {name}: give a Stable Diffusion 1.5 folder with "
            "--set training.initial=FOLDER (and --set training.image_encoder="
            "openai/clip-vit-base-patch32), or train the pocket preset"
        )
