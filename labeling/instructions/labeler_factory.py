"""Creates the labeler that a config names."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal

from pydantic import Field

from ingest.conventions.config import Config
from ingest.execution.tasks import ActorPoolConfig
from labeling.instructions.labeler import Answer, Labeler, PairImages, Unanswered
from labeling.instructions.rule_labeler import RuleLabeler
from labeling.instructions.vision_language.endpoint import EndpointConfig, EndpointLabeler
from labeling.instructions.vision_language.llava import LlavaConfig, LlavaLabeler


class RuleConfig(Config):
    """The built-in labeler."""

    unsure_below: float = Field(default=0.3, ge=0, le=1)
    """Confidence below which it says that it is unsure: the instruction is then empty, the pair is
    in no shard, and comes first in the review. 0: it always names something."""


class InstructionsConfig(Config):
    """Which labeler writes the instructions."""

    labeler: Literal["rule", "llava", "endpoint"] = "rule"
    """rule: built in, from colour, position and shape, offline; llava: a vision-language model in
    Ray actors; endpoint: one behind a server that speaks OpenAI's protocol (vLLM)."""
    batch_size: int = Field(default=16, ge=1)
    """Pairs that a labeler gets at once, from several videos if one has too few; each batch of
    answers is saved before the next one."""
    rule: RuleConfig = RuleConfig()
    """The built-in labeler, ``labeler=rule``."""
    llava: LlavaConfig = LlavaConfig()
    """The model behind ``labeler=llava``."""
    endpoint: EndpointConfig = EndpointConfig()
    """The server behind ``labeler=endpoint``."""
    actors: ActorPoolConfig = ActorPoolConfig()
    """Where ``llava`` and ``endpoint`` run."""


class VisionLanguageLabeler:
    """Adapts `LlavaLabeler` and `EndpointLabeler` to the `Labeler` protocol."""

    reads_mask = False

    def __init__(self, model: LlavaLabeler | EndpointLabeler) -> None:
        self._model = model
        self.name, self.prompt = model.name, model.prompt.version

    def load(self) -> None:
        self._model.load()

    def prepare(self, pairs: Sequence[PairImages]) -> Any:
        return self._model.prepare([(pair.current, pair.next) for pair in pairs])

    def answer(self, prepared: Any) -> list[Answer]:
        results = self._model.answer(prepared)
        answers = [result for result in results if isinstance(result, Answer)]
        problems = [result for result in results if isinstance(result, str)]
        if problems:
            with_gaps = [None if isinstance(result, str) else result for result in results]
            raise Unanswered(with_gaps, problems[0])
        return answers


def make_labeler(config: InstructionsConfig) -> Labeler:
    """The configured labeler; its model is loaded by `load` or by the first batch."""
    if config.labeler == "llava":
        return VisionLanguageLabeler(LlavaLabeler(config.llava))
    if config.labeler == "endpoint":
        return VisionLanguageLabeler(EndpointLabeler(config.endpoint))
    return RuleLabeler()
