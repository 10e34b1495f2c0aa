"""The built-in labeler's confidence falls where it was never fitted to, and it may be unsure."""

from __future__ import annotations

import numpy as np
import pytest

from labeling.instructions.labeler_factory import InstructionsConfig, RuleConfig
from labeling.instructions.rule_confidence import (
    calibrated,
    distance_to,
    known_pictures,
    picture_distance,
)
from labeling.instructions.table import Instruction, with_doubt


def test_confidence_rises_with_the_share_and_falls_with_distance() -> None:
    assert calibrated(0.9, 0.4, 0.7) > calibrated(0.5, 0.4, 0.7)
    assert calibrated(0.9, 0.4, 0.7) > calibrated(0.9, 1.5, 0.7)
    assert calibrated(0.9, 0.4, 0.7) > calibrated(0.9, 0.4, 1.3)
    assert 0 < calibrated(0.0, 16.0, 9.0) < 0.001 < calibrated(1.0, 0.0, 0.0) < 1


def test_pictures_of_other_kinds_are_farther() -> None:
    known = known_pictures()
    near = [distance_to(known[i], np.delete(known, i, axis=0)) for i in range(0, 60, 6)]
    portrait = np.full((60, 50, 3), (40, 30, 25), np.uint8)
    portrait[10:40, 12:38] = (205, 160, 135)
    assert picture_distance(portrait) > np.median(near) * 1.5


@pytest.mark.parametrize(
    ("confidence", "config", "is_unsure"),
    [
        (0.2, InstructionsConfig(), True),
        (0.4, InstructionsConfig(), False),
        (0.2, InstructionsConfig(rule=RuleConfig(unsure_below=0)), False),
        (0.2, InstructionsConfig(labeler="endpoint"), False),
    ],
)
def test_an_unsure_answer_names_nothing_and_keeps_its_guess(
    confidence: float, config: InstructionsConfig, is_unsure: bool
) -> None:
    answer = Instruction(
        pair_id="a", video_id="a", content_hash="0", raw_text="tree", text="tree",
        confidence=confidence, labeler="rule-2", prompt="", region_rule="",
    )  # fmt: skip
    found = with_doubt(answer, config)
    assert (found.text, found.raw_text) == ("" if is_unsure else "tree", "tree")
    assert found.is_unsure == is_unsure
