"""Noise sources of the official quirks: two generators as in the release, or recorded noise.

The release has a pipeline generator, which it resets before every canvas update, and torch's global
random state, seeded with 1 once per painting, for VAE samples outside of the pipeline. Noise drawn
on CUDA cannot be repeated on other devices; ours is drawn on the CPU.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor

SHARED_SEED = 1
"""The release sets the global random state to this, whatever the seed option says."""


class NoiseSource(Protocol):
    """Gives unit noise in the order in which the release draws it."""

    def restart(self) -> None:
        """Reset the pipeline generator, at the start of a canvas update."""
        ...

    def pipeline(self, shape: Sequence[int]) -> Tensor:
        """Noise of the pipeline generator: float (P, C, h, w)."""
        ...

    def shared(self, shape: Sequence[int]) -> Tensor:
        """Noise of the painting's global random state."""
        ...

    def snapshot(self) -> Any:
        """The state, from which `restore` draws the same noise again."""
        ...

    def restore(self, state: Any) -> None:
        """Set the state to a `snapshot`."""
        ...


class DrawnNoise:
    """Two generators on the CPU, so that a seed gives the same noise on every device.

    Args:
        seed: seed of the pipeline generator.
        dtype: format in which noise is drawn; half and single give different numbers.
    """

    def __init__(self, seed: int, dtype: torch.dtype = torch.float32) -> None:
        self.seed, self.dtype = seed, dtype
        self._shared = torch.Generator().manual_seed(SHARED_SEED)
        self._pipeline = torch.Generator().manual_seed(seed)

    def restart(self) -> None:
        self._pipeline.manual_seed(self.seed)

    def pipeline(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(*shape, generator=self._pipeline, dtype=self.dtype)

    def shared(self, shape: Sequence[int]) -> Tensor:
        return torch.randn(*shape, generator=self._shared, dtype=self.dtype)

    def snapshot(self) -> Any:
        return self._shared.get_state()

    def restore(self, state: Any) -> None:
        self._shared.set_state(state)


class RecordedNoise:
    """Stored noise (N, C, h, w), returned in the order in which it was drawn."""

    def __init__(self, noises: Tensor) -> None:
        self._noises, self._next = noises, 0

    @property
    def num_left(self) -> int:
        """Number of draws that are left."""
        return len(self._noises) - self._next

    def restart(self) -> None:
        """Does nothing: the record holds every draw, repeated ones too."""

    def pipeline(self, shape: Sequence[int]) -> Tensor:
        noise = self._noises[self._next : self._next + 1]
        if tuple(noise.shape) != tuple(shape):
            raise ValueError(
                f"noise {self._next} of the record is {tuple(noise.shape)}, not {shape}"
            )
        self._next += 1
        return noise

    def shared(self, shape: Sequence[int]) -> Tensor:
        return self.pipeline(shape)

    def snapshot(self) -> Any:
        return copy.copy(self._next)

    def restore(self, state: Any) -> None:
        self._next = state
