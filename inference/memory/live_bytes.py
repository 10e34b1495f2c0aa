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
        self._sizes: dict[int, int] = {}

    def restart_peak(self) -> None:
        """Set the peak to the bytes that are alive now."""
        self.peak = self.now

    def __torch_dispatch__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        result = func(*args, **(kwargs or {}))
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


class _FusedAttention(TorchFunctionMode):
    """Attention without a score matrix, as in the fused kernels of GPUs and CPUs; the meta device
    would use the kernel that stores all scores."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: dict[str, Any] | None = None
    ) -> Any:
        if func is not torch.nn.functional.scaled_dot_product_attention:
            return func(*args, **(kwargs or {}))
        query, value = args[0], args[2]
        rows, heads, tokens, _ = query.shape
        return query.new_empty(rows, tokens, heads, value.shape[-1]).transpose(1, 2)


@contextmanager
def counting_live_bytes() -> Iterator[LiveBytes]:
    """Context with an active `LiveBytes`, without gradients."""
    with torch.inference_mode(), _FusedAttention(), LiveBytes() as live:
        yield live
