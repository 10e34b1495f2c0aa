"""LoRA layers (peft) on a LLaVA's language model or on a UNet.

The adapted network keeps its class and its `forward`, so training and labeling code need no
change. `without_lora` returns the network with the LoRA layers merged into its weights.
"""

from __future__ import annotations

import copy
from typing import Any

from pydantic import Field
from torch import nn

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError


class LoraSettings(Config):
    """Low-rank adaptation of one network. Of a LLaVA the language model is adapted, the projector
    trained whole and the vision tower not at all, as LLaVA's own fine-tuning does."""

    rank: int = Field(default=0, ge=0)
    """Rank of the added matrices (paper: 128); 0 trains every weight of the network instead."""
    alpha: float = Field(default=256.0, gt=0)
    """The added product is scaled by alpha / rank (paper: 256)."""
    dropout: float = Field(default=0.05, ge=0, lt=1)
    """Of the input of the added matrices (LLaVA's default)."""
    targets: str = r".*language_model.*\.(q|k|v|o|gate|up|down)_proj"
    """Regular expression that the whole name of an adapted layer matches."""


PROJECTOR = "multi_modal_projector"
"""Part of the parameter names of a LLaVA's projector, which is trained whole."""
UNET_LORA = LoraSettings(targets=r".*attn[12]\.(to_q|to_k|to_v|to_out\.0)", alpha=128.0)
"""Default for UNets: the projections of all attention layers, as in diffusers' LoRA training."""


def add_lora(model: Any, settings: LoraSettings, key: str) -> None:
    """Add LoRA layers to `model` in place. Afterwards only they and a projector require a gradient;
    those parameters are float32 whatever the format of the others.

    Args:
        key: config key of `settings`, for the error message.

    Raises:
        UserError: no layer's name matches (names differ between releases of transformers).
    """
    from peft import LoraConfig, inject_adapter_in_model

    asked = LoraConfig(
        r=settings.rank,
        lora_alpha=settings.alpha,  # pyright: ignore[reportArgumentType]
        lora_dropout=settings.dropout,
        target_modules=settings.targets,
    )
    model.requires_grad_(False)
    try:
        inject_adapter_in_model(asked, model)
    except ValueError as error:
        layers = [name for name, part in model.named_modules() if isinstance(part, nn.Linear)]
        raise UserError(
            f"{key}.targets={settings.targets!r} matches none of the network's "
            f"{len(layers)} linear layers, {layers[-1]!r} for one: correct the expression"
        ) from error
    for name, parameter in model.named_parameters():
        if "lora_" in name or PROJECTOR in name:
            parameter.requires_grad_(True)
            parameter.data = parameter.data.float()


def without_lora(part: Any) -> Any:
    """A copy of a network with its LoRA layers merged into the weights; the part itself without
    any."""
    if not any(".lora_" in name for name in getattr(part, "state_dict", dict)()):
        return part
    from peft.tuners.lora import LoraLayer

    merged = copy.deepcopy(part)
    for name, part in list(merged.named_modules()):
        if isinstance(part, LoraLayer):
            part.merge(safe_merge=True)
            parent, _, child = name.rpartition(".")
            setattr(merged.get_submodule(parent), child, part.get_base_layer())
    merged.__dict__.pop("peft_config", None)
    return merged
