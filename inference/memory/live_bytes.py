"""How many bytes of tensors are alive at once while networks run on the meta device.

Nothing is computed there and no memory is taken, but every tensor is made and freed as it would be:
the peak is that of the code that runs, not of a formula that was once derived from it.
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
    """Counts the storages that were made while it is on and are still referred to."""

    def __init__(self) -> None:
        super().__init__()
        self.now, self.peak = 0, 0
        self._sizes: dict[int, int] = {}

    def restart_peak(self) -> None:
        """Forget what was alive before now."""
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
        # Views share a storage; its address in C++ is what tells that they do.
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
    """Attention keeps no scores, as in the fused kernels of GPUs and CPUs; the meta device would
    take the one that writes all of them out."""

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
    """A `LiveBytes` that is on while the block runs, without gradients."""
    with torch.inference_mode(), _FusedAttention(), LiveBytes() as live:
        yield live
