"""Agreement: shares and kappa against values computed by hand."""

from __future__ import annotations

import pytest

from labeling.corrections.corrections import Correction
from labeling.instructions.table import Instruction
from labeling.review.agreement import REJECTED, agreement, measure_agreement


def test_kappa_by_hand() -> None:
    # 3 of 5 the same; by chance (3 * 3 + 2 * 2) / 25 = 0.52: (0.6 - 0.52) / 0.48.
    pairs = [("sky", "sky"), ("sky", "sky"), ("sky", "tree"), ("tree", "sky"), ("tree", "tree")]
    found = agreement("a", "b", pairs)
    assert (found.num_pairs, found.same) == (5, 0.6)
    assert found.kappa == pytest.approx(1 / 6)
    assert agreement("a", "b", [("sky", "sky")] * 3).kappa is None
    assert agreement("a", "b", [("sky, cloud", "cloud"), ("sky", "tree")]).overlap == 0.5


def test_everybody_against_everybody() -> None:
    def label(name: str, text: str, confidence: float) -> Instruction:
        return Instruction(
            pair_id=name, video_id="v", content_hash="h", raw_text=text, text=text,
            confidence=confidence, labeler="rule-1", prompt="", region_rule="",
        )  # fmt: skip

    def said(name: str, text: str, who: str) -> Correction:
        verdict = "correct" if text else "reject"
        return Correction(name, "h", verdict, text, who, "", "")

    table = {"a": label("a", "sky", 0.1), "b": label("b", "tree", 0.9), "c": label("c", "sky", 1.0)}
    decided = {
        "a": said("a", "Skies", "Ann"),
        "b": said("b", "", "Ann"),
        "c": said("c", "sky", "Ann"),
    }
    people = {
        "a": {"Ann": decided["a"], "Bob": said("a", "sky", "Bob")},
        "b": {"Ann": decided["b"]},
    }
    answers = {"rule-1": {"a": "sky", "b": "tree"}, "llava": {"b": "tree", "c": "sky"}}
    found = measure_agreement(table, answers, decided, people)
    assert [(a.first, a.second, a.num_pairs, a.same) for a in found.labelers] == [
        ("llava", "rule-1", 1, 1.0)
    ]
    assert [(a.first, a.second, a.num_pairs, a.same) for a in found.humans] == [
        ("Ann", "Bob", 1, 1.0)
    ]
    assert found.machine_and_humans[0].same == pytest.approx(2 / 3)
    assert [(b.low, b.num_pairs, b.right) for b in found.bins] == [(0.0, 1, 1.0), (0.8, 2, 0.5)]
    assert [(c.machine, c.human, c.count) for c in found.confusions] == [("tree", REJECTED, 1)]
