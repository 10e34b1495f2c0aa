"""The batch: samples as tensors of one size, and its position in the stream."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class Position:
    """A position in a stream of batches. A run that resumes here is the same as an uninterrupted
    one."""

    epoch: int = 0
    batch: int = 0
    """Batches of this epoch already taken."""
    samples_seen: int = 0
    """Samples taken since the start of the run."""


@dataclass(frozen=True, eq=False)
class Batch:
    """B samples of one padded size H x W.

    A stream gives uint8 images in [0, 255] and bool masks, as they are stored: a quarter of the
    bytes to copy between processes and to a GPU. `to` converts them to float32.
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
    """One seed per sample, from (run seed, epoch, key). Noise and condition dropout come from it,
    so they depend neither on the batch of a sample nor on restarts."""
    position: Position
    """Position of the stream after this batch."""

    def to(self, device: torch.device) -> Batch:
        """The same batch with its tensors on `device`, float32."""
        names = ("current", "next", "target", "mask", "difference", "interval_s")
        moved = {name: _for_networks(getattr(self, name).to(device)) for name in names}
        return Batch(**{**self.__dict__, **moved})

    def generators(self) -> list[torch.Generator]:
        """A fresh CPU generator for every sample."""
        return [torch.Generator().manual_seed(seed) for seed in self.seeds]


def _for_networks(values: Tensor) -> Tensor:
    """Stored values to float32: uint8 to [-1, 1], bool to 0 or 1; other formats are unchanged."""
    if values.dtype == torch.uint8:
        return values.contiguous().float().div_(127.5).sub_(1)
    return values.contiguous().float() if values.dtype == torch.bool else values


def sample_seed(seed: int, epoch: int, key: str) -> int:
    """The 63-bit seed of a sample: a hash of run seed, epoch and key."""
    digest = hashlib.blake2b(f"{seed}/{epoch}/{key}".encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") >> 1
