"""A mode that fails on mixed devices, also where `meta` tensors would let it pass."""

from __future__ import annotations

from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._pytree import tree_leaves

MOVES = ("to", "copy_", "cpu", "device", "__get__", "set_data")
"""Functions that take tensors of two devices, or that make none."""


class OneDevice(TorchFunctionMode):
    """Fails at a function that gets tensors of several devices; single numbers may be on the CPU,
    as PyTorch allows."""

    def __torch_function__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        given = [x for x in tree_leaves((args, kwargs)) if isinstance(x, torch.Tensor) and x.ndim]
        devices = {tensor.device.type for tensor in given}
        name = getattr(func, "__name__", str(func))
        assert len(devices) < 2 or name in MOVES, f"{name} mixes {devices}"
        return func(*args, **(kwargs or {}))
