"""The `Labeler` protocol: who says what is painted in a step.

A labeler sees pairs of canvases and answers in its own words;
`labeling.instructions.wording.normalise` makes the instruction of them. The raw answer is kept
beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np


@dataclass(frozen=True, eq=False)
class PairImages:
    """A pair as labelers see it: RGB uint8 (H, W, 3) images and the region mask, bool (H, W)."""

    current: np.ndarray
    next: np.ndarray
    target: np.ndarray
    mask: np.ndarray


@dataclass(frozen=True)
class Answer:
    """What a labeler says about a pair."""

    text: str
    """Its own words."""
    confidence: float
    """In [0, 1]; comparable within one labeler only."""
    mean_log_probability: float | None = None
    """Natural logarithm, mean over the answer's tokens; None where there are none."""


class Unanswered(Exception):
    """Some pairs of a batch got no answer; `answers` has None in their places."""

    def __init__(self, answers: Sequence[Answer | None], why: str) -> None:
        super().__init__(why)
        self.answers = list(answers)


class Labeler(Protocol):
    """Anything that names what is painted between two canvases."""

    @property
    def name(self) -> str:
        """Goes into provenance with its version: ``rule-1``, ``llava:NAME``."""
        ...

    @property
    def prompt(self) -> str:
        """Version of the question that is asked; empty where none is."""
        ...

    @property
    def reads_mask(self) -> bool:
        """Whether answers depend on the region masks, so that new masks need new answers."""
        ...

    def load(self) -> None:
        """Get ready, which may take long. Raises UserError: what it needs is not there."""
        ...

    def prepare(self, pairs: Sequence[PairImages]) -> Any:
        """What `answer` takes, made while another batch is answered (by another thread)."""
        ...

    def answer(self, prepared: Any) -> list[Answer]:
        """One answer a pair, in their order. Raises Unanswered: some have none."""
        ...
