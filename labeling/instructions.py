"""Who says what is painted in a step: the `Labeler` protocol and the choice between labelers.

A labeler sees pairs of canvases and answers in its own words; `normalise` makes the instruction of
them. The raw answer is kept beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from ingest.config import Config
from labeling.llava import LlavaConfig, LlavaLabeler
from labeling.wording import normalise

__all__ = ["Answer", "InstructionsConfig", "Labeler", "PairImages", "make_labeler", "normalise"]


class InstructionsConfig(Config):
    """Which labeler writes the instructions."""

    labeler: Literal["rule", "llava"] = "rule"
    """rule: built in, from colour, place and shape, offline; llava: a vision-language model."""
    batch_size: int = Field(default=8, ge=1)
    """Pairs that a labeler is given together; each batch is saved before the next is asked."""
    llava: LlavaConfig = LlavaConfig()
    """The model behind ``labeler=llava``."""


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

    def __call__(self, pairs: Sequence[PairImages]) -> list[Answer]:
        """One answer a pair, in their order."""
        ...


class VisionLanguageLabeler:
    """`labeling.llava.LlavaLabeler` as a `Labeler`."""

    reads_mask = False

    def __init__(self, model: LlavaLabeler) -> None:
        self._model = model
        self.name, self.prompt = model.name, model.prompt.version

    def __call__(self, pairs: Sequence[PairImages]) -> list[Answer]:
        answers = self._model.label([(pair.current, pair.next) for pair in pairs])
        # Mean log-probability of the tokens to their geometric mean.
        return [Answer(text, math.exp(min(0.0, score))) for text, score in answers]


def make_labeler(config: InstructionsConfig) -> Labeler:
    """The configured labeler; a model is loaded when it is first asked."""
    if config.labeler == "llava":
        return VisionLanguageLabeler(LlavaLabeler(config.llava))
    from labeling.rule_labeler import RuleLabeler

    return RuleLabeler()
