"""Reads the two checkpoint files of the release, part by part.

Tensors are memory-mapped from the file. Only tensors and plain values are unpickled, so a
checkpoint cannot run code.
"""

from __future__ import annotations

import pickle
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import yaml
from torch import Tensor, nn

from inference.official.sizes import (
    canvas_encoder_of,
    next_image_adapter_of,
    time_encoder_of,
    token_width,
    unet_size,
)
from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers
from training.networks.unet import build_unet

State = Mapping[str, Tensor]
"""A state dict: tensors by name."""
MAX_NAMES = 200
"""Number of tensor names at most that an error lists."""


@dataclass(frozen=True)
class TimeRule:
    """Settings of the time encoder in the release's config.yaml."""

    step_s: float = 5.0
    cap_s: float = 100.0


def read_checkpoint(path: Path) -> dict[str, Any]:
    """The dict of a checkpoint file, weights only, tensors mapped from the disk.

    Raises:
        UserError: it is missing, no checkpoint, or holds more than tensors and plain values.
    """
    if not path.is_file():
        raise UserError(f"checkpoint {path} is not there: give the .ckpt file of the release")
    refuse_pointers(path)
    try:
        content = torch.load(path, map_location="cpu", mmap=True, weights_only=True)
    except pickle.UnpicklingError as error:
        raise UserError(
            f"{path} holds more than tensors ({_short(error)}) and was not opened: get the file "
            "from the authors again"
        ) from error
    except (RuntimeError, ValueError, EOFError, OSError) as error:
        raise UserError(
            f"{path} is no whole checkpoint ({_short(error)}): fetch it again"
        ) from error
    if not isinstance(content, dict):
        raise UserError(f"{path} holds a {type(content).__name__}, expected a dict of state dicts")
    return content


def state_of(content: Mapping[str, Any], key: str, path: Path) -> State:
    """One state dict of a checkpoint. Raises UserError where there is none."""
    state = content.get(key)
    if not isinstance(state, Mapping) or not state:
        raise UserError(f"{path} has no {key!r} (it has {', '.join(map(repr, content))})")
    return state


def time_rule(checkpoint: Path) -> TimeRule:
    """The time rule of ``config.yaml`` one folder above the checkpoint's; the published one where
    there is no such file.

    Raises:
        UserError: the checkpoint was trained without a time encoder, or with another kind.
    """
    path = checkpoint.resolve().parent.parent / "config.yaml"
    if not path.is_file():
        return TimeRule()
    given = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
    if not given.get("use_PE", True) or given.get("PE_type", "abs") != "abs":
        raise UserError(
            f"{path}: use_PE {given.get('use_PE')}, PE_type {given.get('PE_type')!r}: only a time "
            "encoder of absolute seconds (use_PE true, PE_type abs) can be imported"
        )
    published = TimeRule()
    return TimeRule(
        float(given.get("PE_time_interval", published.step_s)),
        float(given.get("PE_time_max", published.cap_s)),
    )


def unet_of(state: State) -> nn.Module:
    """A UNet of the state's sizes on the meta device."""
    width = state.get("conv_out.weight")
    outputs = 4 if width is None else width.shape[0]
    with torch.device("meta"):
        return build_unet(
            unet_size(state), state["conv_in.weight"].shape[1], outputs, token_width(state)
        )


def renderer_parts(rule: TimeRule) -> dict[str, tuple[str, Callable[[State], nn.Module]]]:
    """Painter parts in the renderer file, by name: key of the state dict and builder of the
    network."""
    return {
        "unet": ("unet_state_dict", unet_of),
        "reference_unet": ("referencenet_state_dict", unet_of),
        "canvas_encoder": ("cur_image_guider_state_dict", canvas_encoder_of),
        "next_image_adapter": ("image_adpater_state_dict", next_image_adapter_of),
        "time_encoder": ("PE_state_dict", lambda s: time_encoder_of(s, rule.step_s, rule.cap_s)),
    }


def mask_parts(rule: TimeRule) -> dict[str, tuple[str, Callable[[State], nn.Module]]]:
    """Painter parts in the mask file, as in `renderer_parts`."""
    return {
        "mask_unet": ("RP_state_dict", unet_of),
        "mask_time_encoder": (
            "PE_state_dict",
            lambda s: time_encoder_of(s, rule.step_s, rule.cap_s),
        ),
    }


def unused_tensor_names(unet: nn.Module) -> set[str]:
    """Names of tensors that the published ReferenceNet lacks: all behind the last stored token."""
    paths = [n for n, _ in unet.named_modules() if n.endswith(".transformer_blocks.0")]
    last = max(path for path in paths if path.startswith("up_blocks"))
    outside = last.partition(".transformer_blocks")[0]
    kept = (f"{last}.norm1.", f"{outside}.norm.", f"{outside}.proj_in.")
    return {
        name
        for name in unet.state_dict()
        if name.startswith(("conv_norm_out.", "conv_out."))
        or (name.startswith(f"{outside}.") and not name.startswith(kept))
    }


def checked_state(part: str, network: nn.Module, state: State, where: str) -> dict[str, Tensor]:
    """The state dict to write for a part, every name and shape checked against the network.

    Raises:
        UserError: names every tensor that is missing, unexpected or of another shape.
    """
    wanted = network.state_dict()
    unused = unused_tensor_names(network) if part == "reference_unet" else set()
    # Older exports of transformers carry this buffer; it is an enumeration.
    given = {n: t for n, t in state.items() if not n.endswith("embeddings.position_ids")}
    faults = [f"missing {n}" for n in wanted if n not in given and n not in unused]
    faults += [f"unexpected {n}" for n in given if n not in wanted]
    faults += [
        f"{n} is {tuple(given[n].shape)}, expected {tuple(wanted[n].shape)}"
        for n in wanted
        if n in given and given[n].shape != wanted[n].shape
    ]
    if faults:
        more = f" and {len(faults) - MAX_NAMES} more" if len(faults) > MAX_NAMES else ""
        raise UserError(
            f"{where} does not fit {part} ({len(faults)} of {len(wanted)} tensors): "
            f"{'; '.join(faults[:MAX_NAMES])}{more}"
        )
    zeros = {n: torch.zeros(wanted[n].shape) for n in sorted(unused) if n not in given}
    return {**given, **zeros}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:160]
