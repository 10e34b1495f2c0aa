"""A batch of samples as tensors of one size, and the place in the stream where it ends."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Position:
    """Where a stream of batches stands; a run that starts here goes on as if never stopped."""

    epoch: int = 0
    batch: int = 0
    """Batches of this epoch already taken."""
    samples_seen: int = 0
    """Samples taken since the very beginning."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B samples of one padded size H x W.

    A stream gives them as they are stored, uint8 images in [0, 255] and bool masks, a quarter of
    the bytes between processes and to a GPU; `to` gives what networks take.
    """

    keys: list[str]
    current: Tensor
    """I_{t-1}, RGB, (B, 3, H, W); float32 in [-1, 1] after `to`."""
    next: Tensor
    """I_t, likewise."""
    target: Tensor
    """I_T, likewise."""
    mask: Tensor
    """M_t, (B, 1, H, W); float32, 0 or 1, after `to`."""
    difference: Tensor
    """M_d, likewise."""
    interval_s: Tensor
    """Seconds between current and next, (B,)."""
    instructions: list[str]
    seeds: list[int]
    """One a sample, from (run seed, epoch, key): noise and dropped conditions come from it, so they
    depend neither on the batch a sample is in nor on where a run was stopped."""
    position: Position
    """Where the stream stands after this batch."""

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on `device`, float32."""
        names = ("current", "next", "target", "mask", "difference", "interval_s")
        moved = {name: _for_networks(getattr(self, name).to(device)) for name in names}
        return Batch(**{**self.__dict__, **moved})

    def generators(self) -> list[torch.Generator]:
        """A fresh CPU generator for every sample."""
        return [torch.Generator().manual_seed(seed) for seed in self.seeds]


def _for_networks(values: Tensor) -> Tensor:
    """Stored values to float32: uint8 to [-1, 1], bool to 0 or 1; others are there already."""
    if values.dtype == torch.uint8:
        return values.contiguous().float().div_(127.5).sub_(1)
    return values.contiguous().float() if values.dtype == torch.bool else values


def sample_seed(seed: int, epoch: int, key: str) -> int:
    """63 bits that only these three decide."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
