"""The choice between labelers, and their config."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from ingest.conventions.config import Config
from ingest.execution.tasks import ActorPoolConfig
from labeling.instructions.endpoint import EndpointConfig, EndpointLabeler
from labeling.instructions.labeler import Answer, Labeler, PairImages, Unanswered
from labeling.instructions.llava import LlavaConfig, LlavaLabeler
from labeling.instructions.rule_labeler import RuleLabeler


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


class VisionLanguageLabeler:
    """`LlavaLabeler` and `EndpointLabeler` as a `Labeler`."""

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
    return RuleLabeler()
