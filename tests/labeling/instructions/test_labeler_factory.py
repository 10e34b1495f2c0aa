"""The adapter of vision-language models to the `Labeler` protocol."""

from __future__ import annotations

import math

import numpy as np
import pytest

from labeling.instructions.labeler import Answer, PairImages
from labeling.instructions.labeler_factory import InstructionsConfig, VisionLanguageLabeler
from labeling.instructions.vision_language.llava import LlavaLabeler


class Stub(LlavaLabeler):
    """A model that answers with the mean value of the next canvas."""

    def prepare(self, pairs):
        self.seen = [(left.mean(), right.mean()) for left, right in pairs]
        return pairs

    def answer(self, pairs):
        return [
            Answer.from_log_probability(f"{right.mean():.0f}", -0.5 * index)
            for index, (_, right) in enumerate(pairs)
        ]


def flat(value: int) -> np.ndarray:
    return np.full((8, 8, 3), value, np.uint8)


def test_the_model_gets_current_and_next_canvas() -> None:
    model = Stub(InstructionsConfig().llava)
    labeler = VisionLanguageLabeler(model)
    mask = np.zeros((8, 8), bool)
    pairs = [
        PairImages(flat(1), flat(2), flat(9), mask),
        PairImages(flat(3), flat(4), flat(9), mask),
    ]
    answers = labeler.answer(labeler.prepare(pairs))
    assert model.seen == [(1, 2), (3, 4)]
    assert [answer.text for answer in answers] == ["2", "4"]
    assert [answer.confidence for answer in answers] == pytest.approx([1, math.exp(-0.5)])
    assert labeler.prompt.startswith("annotate")
