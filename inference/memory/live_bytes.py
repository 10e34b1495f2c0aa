"""Counts the bytes of tensors that are alive at once while networks run on the meta device.

The meta device computes nothing and takes no memory, but tensors are created and freed as on a real
one. The peak so always agrees with the code.
"""

from __future__ import annotations

import weakref
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch
from torch.overrides import TorchFunctionMode
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class LiveBytes(TorchDispatchMode):
    """Counts the bytes of storages that were created while it is active and still exist."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self.operations = 0
        """Floating point operations of matrix products, convolutions and attention."""
        self._sizes: dict[int, int] = {}

    def restart_peak(self) -> None:
        """Set the peak to the bytes that are alive now."""
        self.peak = self.now

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        self.operations += _operations(func.overloadpacket.__name__, args, result)
        for tensor in tree_leaves(result):
            if isinstance(tensor, torch.Tensor) and tensor.is_meta:
                self._count(tensor.untyped_storage())
        return result

    def _count(self, storage: torch.UntypedStorage) -> None:
        # Views share a storage; its C++ address identifies it.
        address = storage._cdata
        if address in self._sizes:
            return
        self._sizes[address] = storage.nbytes()
        self.now += storage.nbytes()
        self.peak = max(self.peak, self.now)
        weakref.finalize(storage, self._forget, address)

    def _forget(self, address: int) -> None:
        self.now -= self._sizes.pop(address)


def _operations(name: str, args: Any, result: Any) -> int:
    """Floating point operations of a call: of matrix products and convolutions, else 0."""
    if name in ("conv1d", "conv2d", "convolution"):
        terms = args[1].numel() // args[1].shape[0]
    elif name in ("linear", "matmul", "mm", "bmm"):
        terms = args[0].shape[-1]
    elif name in ("addmm", "baddbmm"):
        terms = args[1].shape[-1]
    else:
        return 0
    return 2 * terms * result.numel()


class _FusedAttention(TorchFunctionMode):
    """Attention without a score matrix, as in the fused kernels of GPUs and CPUs; the meta device
    would use the kernel that stores all scores."""

    def __init__(self, live: LiveBytes) -> None:
        super().__init__()
        self.live = live

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, value = args[0], args[2]
        rows, heads, tokens, width = query.shape
        scores = rows * heads * tokens * value.shape[-2]
        self.live.operations += 2 * scores * (width + value.shape[-1])
        return query.new_empty(rows, tokens, heads, value.shape[-1]).transpose(1, 2)


@contextmanager
def counting_live_bytes() -> Iterator[LiveBytes]:
    """Context with an active `LiveBytes`, without gradients."""
    live = LiveBytes()
    with torch.inference_mode(), _FusedAttention(live), live:
        yield live
