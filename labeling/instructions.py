"""Who says what is painted in a step: the `Labeler` protocol and the choice between labelers.

A labeler sees pairs of canvases and answers in its own words; `normalise` makes the instruction of
them. The raw answer is kept beside it.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

import numpy as np
from pydantic import Field

from ingest.config import Config
from ingest.tasks import ActorPoolConfig
from labeling.endpoint import EndpointConfig, EndpointLabeler
from labeling.llava import LlavaConfig, LlavaLabeler
from labeling.wording import normalise

__all__ = [
    "Answer", "InstructionsConfig", "Labeler", "PairImages", "Unanswered", "make_labeler",
    "normalise",
]  # fmt: skip


class InstructionsConfig(Config):
    """Which labeler writes the instructions."""

    labeler: Literal["rule", "llava", "endpoint"] = "rule"
    """rule: built in, from colour, place and shape, offline; llava: a vision-language model in
    actors of its own; endpoint: one behind a server that speaks OpenAI's protocol (vLLM)."""
    batch_size: int = Field(default=16, ge=1)
    """Pairs that a labeler is given together, of several videos if one has not enough; each batch
    is saved before the next is asked."""
    llava: LlavaConfig = LlavaConfig()
    """The model behind ``labeler=llava``."""
    endpoint: EndpointConfig = EndpointConfig()
    """The server behind ``labeler=endpoint``."""
    actors: ActorPoolConfig = ActorPoolConfig()
    """Where ``llava`` and ``endpoint`` run."""


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


class VisionLanguageLabeler:
    """`labeling.llava.LlavaLabeler` and `labeling.endpoint.EndpointLabeler` as a `Labeler`."""

    reads_mask = False

    def __init__(self, model: LlavaLabeler | EndpointLabeler) -> None:
        self._model = model
        self.name, self.prompt = model.name, model.prompt.version

    def load(self) -> None:
        self._model.load()

    def prepare(self, pairs: Sequence[PairImages]) -> Any:
        return self._model.prepare([(pair.current, pair.next) for pair in pairs])

    def answer(self, prepared: Any) -> list[Answer]:
        told = self._model.answer(prepared)
        answers = [None if isinstance(item, str) else _answer(*item) for item in told]
        problems = [item for item in told if isinstance(item, str)]
        if problems:
            raise Unanswered(answers, problems[0])
        return [answer for answer in answers if answer is not None]


def _answer(text: str, score: float | None) -> Answer:
    if score is None:
        return Answer(text, 0.0)  # a server that tells no probabilities: nobody vouches for it
    # Mean log-probability of the tokens to their geometric mean.
    return Answer(text, math.exp(min(0.0, score)), score)


def make_labeler(config: InstructionsConfig) -> Labeler:
    """The configured labeler; a model is loaded when it is first asked."""
    if config.labeler == "llava":
        return VisionLanguageLabeler(LlavaLabeler(config.llava))
    if config.labeler == "endpoint":
        return VisionLanguageLabeler(EndpointLabeler(config.endpoint))
    from labeling.rule_labeler import RuleLabeler

    return RuleLabeler()
