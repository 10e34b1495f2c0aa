"""Builds AdamW with 32-bit or 8-bit moments, and converts its state for checkpoints."""

from __future__ import annotations

import importlib.util
import itertools
from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from ingest.conventions.errors import UserError
from training.loop.config import LoopConfig, learning_rate

NESTED_SEPARATOR = "|"
"""Separates the names of a nested quantity in checkpoint keys."""


def build_optimizer(
    parameters: dict[str, nn.Parameter], config: LoopConfig, device: torch.device
) -> torch.optim.Optimizer:
    """AdamW with the published betas (0.9, 0.999) and eps 1e-8; neighbouring parameters of equal
    learning rate are one group.

    Raises:
        UserError: 8-bit moments without a CUDA device or without bitsandbytes; a learning rate for
            parameters that are not there.
    """
    for part in config.other_rates:
        if not any(part in name for name in parameters):
            raise UserError(
                f"loop.other_rates names {part!r}, which is part of no trained parameter's name "
                f"({next(iter(parameters))!r} for one): correct or leave it out"
            )
    groups = _rate_groups(parameters, config)
    if config.optimizer == "adamw":
        fused = device.type == "cuda"
        return torch.optim.AdamW(groups, weight_decay=config.weight_decay, fused=fused or None)
    if device.type != "cuda":
        raise UserError(
            f"optimizer adamw_8bit needs a CUDA GPU, training runs on {device}: set "
            "training.NAME.loop.optimizer=adamw, or training.device=cuda"
        )
    return _eight_bit(groups, config)


def set_rates(optimizer: torch.optim.Optimizer, config: LoopConfig, step: int) -> None:
    """Set the learning rate of every group at `step`."""
    for group in optimizer.param_groups:
        group["lr"] = learning_rate(config, step) * group["share"]


def optimizer_tensors(optimizer: torch.optim.Optimizer, names: list[str]) -> dict[str, Tensor]:
    """The optimiser's state as ``<parameter name>/<quantity>``; `names` in the optimiser's order.

    Learning rates are not kept: they follow from the step. Plain integers (the step count of 8-bit
    AdamW) become ``<parameter name>/<quantity>#`` of no dimension.
    """
    state = optimizer.state_dict()["state"]
    found: dict[str, Tensor] = {}
    for index, values in state.items():
        for quantity, value in _flat(values):
            if isinstance(value, Tensor):
                found[f"{names[index]}/{quantity}"] = value
            else:
                found[f"{names[index]}/{quantity}#"] = torch.tensor(value, dtype=torch.int64)
    return found


def restore_optimizer(
    optimizer: torch.optim.Optimizer, names: list[str], tensors: Mapping[str, Tensor]
) -> None:
    """Load the state that `optimizer_tensors` returned into the optimiser."""
    index_of = {name: index for index, name in enumerate(names)}
    state: dict[int, dict[str, Any]] = {}
    for key, value in tensors.items():
        name, _, quantity = key.rpartition("/")
        group, nested, inner = quantity.removesuffix("#").partition(NESTED_SEPARATOR)
        place = state.setdefault(index_of[name], {})
        if nested:
            place = place.setdefault(group, {})
        place[inner if nested else group] = int(value) if quantity.endswith("#") else value
    groups = optimizer.state_dict()["param_groups"]
    optimizer.load_state_dict({"state": state, "param_groups": groups})


def _flat(values: dict[str, Any]) -> Iterator[tuple[str, Any]]:
    """Name and value pairs, nested dicts flattened: 8-bit AdamW keeps its scales in one."""
    for quantity, value in values.items():
        if isinstance(value, dict):
            yield from ((f"{quantity}{NESTED_SEPARATOR}{inner}", v) for inner, v in value.items())
        else:
            yield quantity, value


def _eight_bit(groups: list[dict[str, Any]], config: LoopConfig) -> torch.optim.Optimizer:
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            "optimizer adamw_8bit needs bitsandbytes, which is not installed: pip install "
            "'bitsandbytes>=0.45', or set training.NAME.loop.optimizer=adamw"
        )
    import bitsandbytes  # pyright: ignore[reportMissingImports]

    return bitsandbytes.optim.AdamW8bit(groups, weight_decay=config.weight_decay)


def _rate_groups(parameters: dict[str, nn.Parameter], config: LoopConfig) -> list[dict[str, Any]]:
    """Parameter groups in the order of `parameters`, by which checkpoints identify the state."""

    def rate(name: str) -> float:
        found = [value for part, value in config.other_rates.items() if part in name]
        return found[0] if found else config.learning_rate

    return [
        {
            "params": [parameters[name] for name in names],
            "lr": own,
            "share": own / config.learning_rate,
        }
        for own, names in itertools.groupby(parameters, key=rate)
    ]
