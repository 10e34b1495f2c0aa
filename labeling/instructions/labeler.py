"""The `Labeler` protocol: names what is painted between two canvases.

A labeler answers in its own words. `labeling.instructions.normalisation.normalise` turns the answer
into an instruction; both are stored.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class PairImages:
    """The input of a labeler: RGB uint8 (H, W, 3) images and the region mask, bool (H, W)."""

    current: np.ndarray
    next: np.ndarray
    target: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Answer:
    """A labeler's answer about one pair."""

    text: str
    """In the labeler's own words, without surrounding white space."""
    confidence: float
    """In [0, 1]; comparable only between answers of one labeler."""
    mean_log_probability: float | None = None
    """Natural logarithm, mean over the answer's tokens and its end token; None if unknown."""

    @classmethod
    def from_log_probability(cls, text: str, mean_log_probability: float | None) -> Answer:
        """An answer whose confidence is the geometric mean of its token probabilities.

        The confidence is 0 if the log-probability is unknown (None).
        """
        if mean_log_probability is None:
            return cls(text, 0.0)
        return cls(text, math.exp(min(0.0, mean_log_probability)), mean_log_probability)


class Unanswered(Exception):
    """Some pairs of a batch got no answer; `answers` holds None for them."""

    def __init__(self, answers: Sequence[Answer | None], reason: str) -> None:
        super().__init__(reason)
        self.answers = list(answers)


class Labeler(Protocol):
    """Names what is painted between two canvases."""

    @property
    def name(self) -> str:
        """Name with version for the provenance: ``rule-2``, ``llava:NAME``."""
        ...

    @property
    def prompt(self) -> str:
        """Version of the prompt; empty for a labeler without one."""
        ...

    @property
    def reads_mask(self) -> bool:
        """Whether answers depend on the region mask, so that a new mask needs a new answer."""
        ...

    def load(self) -> None:
        """Load the model, which may take minutes. Raises UserError: it cannot be loaded."""
        ...

    def prepare(self, pairs: Sequence[PairImages]) -> Any:
        """Make the input of `answer`; may run in another thread while a batch is answered."""
        ...

    def answer(self, prepared: Any) -> list[Answer]:
        """One answer per pair, in order. Raises Unanswered: some pairs got none."""
        ...
