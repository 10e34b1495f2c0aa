"""Infers the network sizes of a release checkpoint from the shapes of its tensors.

Numbers of heads (8) and norm groups (32) cannot be inferred; they are the published ones.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor

from ingest.conventions.errors import UserError
from training.networks.canvas_encoder import CanvasEncoder
from training.networks.next_image import NextImageAdapter
from training.networks.presets import PAPER, UNetSize
from training.networks.time_encoder import TimeEncoder

State = Mapping[str, Tensor]
"""A state dict: tensors by name."""


def unet_size(state: State) -> UNetSize:
    """Channels, attention and depth of a UNet's state.

    Raises:
        UserError: these are no tensors of a Stable Diffusion UNet.
    """
    channels: list[int] = []
    attention: list[bool] = []
    while (name := f"down_blocks.{len(channels)}.resnets.0.conv1.weight") in state:
        attention.append(f"down_blocks.{len(channels)}.attentions.0.norm.weight" in state)
        channels.append(state[name].shape[0])
    if not channels:
        raise UserError(
            f"{len(state)} tensors, {next(iter(state), 'none')!r} first, are no UNet's: expected "
            "names such as 'down_blocks.0.resnets.0.conv1.weight'"
        )
    layers = 0
    while f"down_blocks.0.resnets.{layers}.conv1.weight" in state:
        layers += 1
    return UNetSize(
        channels=tuple(channels),
        attention=tuple(attention),
        layers_per_block=layers,
        heads=PAPER.unet.heads,
        norm_groups=PAPER.unet.norm_groups,
    )


def token_width(state: State) -> int:
    """Width of the tokens that a UNet's cross attention reads."""
    names = (name for name in state if name.endswith("attn2.to_k.weight"))
    return state[next(names)].shape[1]


def canvas_encoder_of(state: State) -> CanvasEncoder:
    """A canvas encoder (g_f) of the state's sizes, on the meta device."""
    convolutions = [state[f"conv_layers.{index}.weight"] for index in range(0, 16, 2)]
    first, half, _, quarter, _, eighth, _, last = (w.shape[0] for w in convolutions)
    with torch.device("meta"):
        return CanvasEncoder(
            in_channels=convolutions[0].shape[1],
            channels=(first, half, quarter, eighth, last),
            out_channels=state["final_proj.weight"].shape[0],
        )


def next_image_adapter_of(state: State) -> NextImageAdapter:
    """A next-image adapter (g_c) of the state's sizes, on the meta device."""
    first, second, third = (state[f"fc{n}.weight"].shape for n in (1, 2, 3))
    with torch.device("meta"):
        return NextImageAdapter(first[1] // 2, (first[0], second[0]), third[0])


def time_encoder_of(state: State, step_s: float = 5.0, cap_s: float = 100.0) -> TimeEncoder:
    """A time encoder (g_t) of the state's sizes, on the meta device."""
    first, second, third = (state[f"fc{n}.weight"].shape[0] for n in (1, 2, 3))
    with torch.device("meta"):
        return TimeEncoder((first, second), third, step_s, cap_s)
