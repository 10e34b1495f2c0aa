"""Where the official quirks draw their noise: two generators as the release has them, or a record.

The release keeps a pipeline generator, which it sets back before every canvas update, and uses
torch's global random state, set to 1 once a painting, for all that a VAE samples outside of
the pipeline's own draws. On CUDA its noises cannot be repeated elsewhere; ours come from the CPU.
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
    """Unit noises in the order in which the release draws them."""

    def restart(self) -> None:
        """A canvas update begins: the pipeline generator is set back."""
        ...

    def pipeline(self, shape: Sequence[int]) -> Tensor:
        """From the pipeline generator: float (P, C, h, w)."""
        ...

    def shared(self, shape: Sequence[int]) -> Tensor:
        """From the global random state of the painting."""
        ...

    def snapshot(self) -> Any:
        """What `restore` needs to draw the same noises again."""
        ...

    def restore(self, state: Any) -> None:
        """Go on from a `snapshot`."""
        ...


class DrawnNoise:
    """Two generators on the CPU, so that a seed means the same noise on every device.

    Args:
        seed: of the pipeline generator.
        dtype: noises are drawn in it; half and single give different numbers.
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
    """Stored noises (N, C, h, w), given out in the order in which they were drawn."""

    def __init__(self, noises: Tensor) -> None:
        self._noises, self._next = noises, 0

    @property
    def num_left(self) -> int:
        """Noises that nobody has asked for yet."""
        return len(self._noises) - self._next

    def restart(self) -> None:
        """Nothing: the record holds every draw, repeated ones too."""

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
