"""What the loop needs from whatever is trained, and from the stream of batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from training.streaming.batch import Batch, Position


class Objective(Protocol):
    """What is trained: networks, their loss, a picture of how far they are."""

    name: str
    """text, mask or renderer."""

    def parts(self) -> dict[str, Any]:
        """Every painter part that it makes, by name: networks (on their device), tokenizer, ...

        Parameters that require a gradient are trained, averaged and kept in checkpoints; the rest
        must be rebuilt identically by whoever makes this object. All are written at the end.
        """
        ...

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Scalars; ``"loss"`` is minimised, all are logged. Randomness comes from batch.seeds."""
        ...

    def preview(self, batch: Batch) -> np.ndarray | None:
        """A contact sheet, RGB uint8 (H, W, 3), or None if there is nothing to look at."""
        ...


class Batches(Protocol):
    """A stream of batches that can start anywhere (`training.streaming.stream.ShardStream`)."""

    def batches(self, start: Position, rank: int = 0, num_ranks: int = 1) -> Iterator[Batch]:
        """Endless and deterministic; `start` is a `Batch.position` of the same stream.

        The order of all batches does not depend on `num_ranks`. They are dealt out in rounds of
        that many, one a rank, and `Batch.position` is the place after the whole round: the state of
        the loader, whichever rank saves it and however many go on from there.
        """
        ...
