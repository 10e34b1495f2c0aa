"""Weights by which the authors' networks were run for `shared/baselines`: a hash of their names'
order, the same on every machine."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from safetensors.torch import load_file
from torch import Tensor, from_numpy, nn

BASELINES = Path(__file__).resolve().parents[4] / "shared" / "baselines"


def fixture_tensors(name: str, *files: str) -> dict[str, Tensor]:
    """Tensors of a baseline's files; skips the test where the folder is not."""
    if not (BASELINES / name).is_dir():
        pytest.skip(f"{BASELINES / name} is not there")
    found = [load_file(BASELINES / name / f"{file}.safetensors") for file in files]
    return {key: value for part in found for key, value in part.items()}


def unit_hash(position: int, count: int) -> np.ndarray:
    """Numbers in [0, 1), float64 (count,), of the tensor at a position of the sorted names."""
    x = (np.arange(count, dtype=np.uint64) + 0x9E3779B9 * (position + 1)) & 0xFFFFFFFF
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    x ^= x >> 16
    return x / 2.0**32


def filled(network: nn.Module, gain: float = 1.0) -> dict[str, Tensor]:
    """A state dict of filled weights."""
    state = network.state_dict()
    for position, name in enumerate(sorted(state)):
        shape = state[name].shape
        unit = unit_hash(position, state[name].numel()).reshape(tuple(shape))
        signed = 2 * unit - 1
        if name.endswith("num_batches_tracked"):
            value = 0 * unit
        elif name.endswith("running_mean"):
            value = 0.1 * signed
        elif name.endswith("running_var"):
            value = 1 + 0.5 * unit
        elif name.endswith("weight_g"):
            value = gain * (1 + 0.2 * signed)
        elif len(shape) <= 1:
            value = 1 + 0.2 * signed if name.endswith("weight") else 0.1 * signed
        else:
            value = gain * np.sqrt(3 / np.prod(shape[1:])) * signed
        state[name] = from_numpy(np.asarray(value)).to(state[name].dtype)
    return state
