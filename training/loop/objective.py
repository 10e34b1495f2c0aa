"""Protocols of the training loop: the objective that is trained and the stream of batches."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Protocol

import numpy as np
from torch import Tensor

from training.streaming.batch import Batch, Position


class Objective(Protocol):
    """Networks to train, their loss and a preview image."""

    name: str
    """text, mask or renderer."""

    def parts(self) -> dict[str, Any]:
        """Every painter part of the objective by name: networks (on their device), tokenizer, ...

        Parameters that require a gradient are trained, averaged and stored in checkpoints; the
        others are rebuilt from the config. All parts are written at the end.
        """
        ...

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Scalar loss terms; ``"loss"`` is minimised, all are logged. Randomness comes from
        batch.seeds."""
        ...

    def preview(self, batch: Batch) -> np.ndarray | None:
        """A contact sheet, RGB uint8 (H, W, 3), or None if the objective has none."""
        ...


class Batches(Protocol):
    """A stream of batches that can start at any position
    (`training.streaming.stream.ShardStream`)."""

    def batches(self, start: Position, rank: int = 0, num_ranks: int = 1) -> Iterator[Batch]:
        """Endless and deterministic batches of one rank; `start` is a `Batch.position`.

        The order of all batches does not depend on `num_ranks`. Each round of `num_ranks` batches
        gives one to every rank, and `Batch.position` is the position after the round. Any rank may
        save it, and any number of ranks may continue from it.
        """
        ...
