"""Loads initial weights from a folder in diffusers layout: Stable Diffusion 1.5 or a painter.

A diffusers folder holds one sub-folder per part. The ReferenceNet starts as a copy of the UNet if
the folder has no ReferenceNet; the mask UNet may start from the UNet too.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import torch
from torch import nn
from transformers import AutoTokenizer, CLIPTextModel, CLIPVisionModel

from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers
from training.networks.presets import Preset
from training.networks.unet import build_mask_unet
from training.painter.folder import without_code
from training.painter.parts import build_part, prepare_part

UNUSED_FILES = ("*.ckpt", "*.bin", "*.msgpack", "*fp16*", "*non_ema*", "*.onnx*")
"""Patterns of files in hub repositories that hold the same weights in other formats."""
SIZED_BY_OWN_CONFIG = ("vae", "text_encoder", "image_encoder", "tokenizer", "scheduler")
"""Parts whose sizes come from their own config files, not from the preset."""
FIELDS_WITHOUT_WEIGHTS = {"image_side_px", "num_steps", "guidance", "without", "sees_target"}
"""Fields of a preset that do not affect the shape of weights; they may differ from those of the
painter that weights come from."""


def local_parts(initial: str) -> Path:
    """The folder whose sub-folders are parts: that of a painter, or ``parts/`` of a finished run.
    It does not exist if `initial` is a name on the hub."""
    parts = Path(initial) / "parts"
    return parts if (parts / "model_index.json").is_file() else Path(initial)


def fetched_parts(initial: str, names: tuple[str, ...]) -> Path:
    """`local_parts`, fetched from the hub if `initial` is a name there. Raises UserError if it is
    neither."""
    folder = local_parts(initial)
    return folder if folder.is_dir() else _fetched(initial, names)


def initial_folder(initial: str, names: tuple[str, ...], preset: Preset) -> Path:
    """A local folder in diffusers layout, fetched from the hub if `initial` is a name there; of a
    finished run its ``parts/``.

    Raises:
        UserError: neither folder nor reachable repository, or a painter of another preset.
    """
    folder = fetched_parts(initial, names)
    if not any((folder / name).is_dir() for name in names):
        raise UserError(
            f"{initial} has none of the parts {', '.join(names)}: training.initial takes a folder "
            "or hub name in diffusers layout (one sub-folder a part), a painter folder, or the "
            "folder of a finished run"
        )
    painter = folder / "painter.json"
    if painter.is_file():
        found = Preset.model_validate(json.loads(painter.read_text(encoding="utf-8"))["preset"])
        if found.model_dump(exclude=FIELDS_WITHOUT_WEIGHTS) != preset.model_dump(
            exclude=FIELDS_WITHOUT_WEIGHTS
        ):
            raise UserError(
                f"{initial} is a painter of the {found.name} preset, training.preset is "
                f"{preset.name}: its networks have other sizes. Set training.preset={found.name}"
            )
    return folder


def pretrained_part(name: str, folder: Path, preset: Preset) -> Any:
    """The part from `folder`, ready for use, or None if the folder has none of that name.

    Raises:
        UserError: the part does not load, or its tensors do not fit the preset.
    """
    source = source_of(name, folder)
    if not source.is_dir() or name == "scheduler":
        return None
    loaders: dict[str, Any] = {
        "tokenizer": AutoTokenizer,
        "text_encoder": CLIPTextModel,
        "image_encoder": CLIPVisionModel,
    }
    with torch.device("meta"):
        # Built for its class and tensor shapes only.
        model: Any = None if name in loaders else build_part(name, preset)
    loader: Any = loaders.get(name) or type(model)
    refuse_pointers(source)
    try:
        part = loader.from_pretrained(source, **without_code(loader))
    except (OSError, ValueError, RuntimeError) as error:
        raise UserError(
            f"{source} does not load as {loader.__name__} "
            f"({' '.join(str(error).split())[:200]}): is it of the {preset.name} preset?"
        ) from error
    if isinstance(model, nn.Module) and name not in SIZED_BY_OWN_CONFIG:
        _check_shapes(part, model, source, preset)
    return prepare_part(name, part)


def mask_unet_from_unet(folder: Path, preset: Preset) -> Any:
    """A mask UNet with the weights of the folder's Stable Diffusion UNet wherever shapes agree.

    The input filters for canvas and target latents are the UNet's, halved; those for M_d are zero.
    The output starts at zero logits (the paper: "based on the Stable Diffusion UNet").
    """
    unet = pretrained_part("unet", folder, preset)
    if unet is None:
        raise UserError(
            f"{folder} has no unet/: training.mask.start=unet takes its weights from there; give a "
            "Stable Diffusion folder as training.initial, or set training.mask.start=random"
        )
    mask_unet = build_mask_unet(preset)
    source_state, own_state = unet.state_dict(), mask_unet.state_dict()
    copied = {
        n: t for n, t in source_state.items() if n in own_state and own_state[n].shape == t.shape
    }
    latents = source_state["conv_in.weight"]
    copied["conv_in.weight"] = torch.cat([latents / 2, latents / 2, latents[:, :1] * 0], dim=1)
    copied["conv_out.weight"] = torch.zeros_like(own_state["conv_out.weight"])
    copied["conv_out.bias"] = torch.zeros_like(own_state["conv_out.bias"])
    wrong = sorted(set(own_state) - set(copied))
    if wrong:
        raise UserError(
            f"{folder}/unet differs from the {preset.name} preset's mask UNet in {wrong[0]} and "
            f"{len(wrong) - 1} more tensors: set training.mask.start=random"
        )
    mask_unet.load_state_dict(copied)
    return mask_unet


def source_of(name: str, folder: Path) -> Path:
    """Sub-folder of a part; that of the UNet for a ReferenceNet that the folder lacks."""
    is_copy = name == "reference_unet" and not (folder / name).is_dir()
    return folder / ("unet" if is_copy else name)


def _check_shapes(part: nn.Module, model: nn.Module, source: Path, preset: Preset) -> None:
    found = {name: tuple(t.shape) for name, t in part.state_dict().items()}
    wanted = {name: tuple(t.shape) for name, t in model.state_dict().items()}
    wrong = sorted(name for name in found | wanted if found.get(name) != wanted.get(name))
    if wrong:
        raise UserError(
            f"{source} is not of the {preset.name} preset: {wrong[0]} is {found.get(wrong[0])} "
            f"there, expected {wanted.get(wrong[0])} ({len(wrong)} tensors differ)"
        )


def _fetched(name: str, names: tuple[str, ...]) -> Path:
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(
            f"training.initial={name!r} not found: give a folder in diffusers layout or a hub name "
            "such as stable-diffusion-v1-5/stable-diffusion-v1-5"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    # ReferenceNet and mask UNet may start as the UNet.
    also = {"unet"} if {"reference_unet", "mask_unet"} & {*names} else set[str]()
    wanted = [f"{part}/*" for part in {*names, *also}] + ["*.json"]
    try:
        fetched = snapshot_download(name, allow_patterns=wanted, ignore_patterns=list(UNUSED_FILES))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"training.initial={name!r} is no folder here and could not be fetched from the hub "
            f"({type(error).__name__}): check the name and the network"
        ) from error
    return Path(fetched)
