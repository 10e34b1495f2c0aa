"""Doubts about a kept video are told with their measure."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ingest.per_source.doubts import doubts
from ingest.video.keyframes.painting_span import Span


def analysis(**shares: float) -> Any:
    """Ten frames, five bins of 10 x 10 px; each mask covers a share of the canvas in all bins."""
    masks = {}
    for name in ("occluded", "unsure", "never_seen"):
        mask = np.zeros((5, 10, 10), bool)
        mask[:, : round(10 * shares.get(name, 0))] = True
        masks[name] = mask
    history = SimpleNamespace(**masks)
    used = list(range(round(10 * shares.get("used", 1))))
    return SimpleNamespace(history=history, used=used, sampled_frames=[None] * 10)


def test_a_clear_video_has_no_doubts() -> None:
    assert doubts(analysis(), Span(0, 4)) == []


def test_each_doubt_is_told() -> None:
    found = doubts(analysis(used=0.5, never_seen=0.1, occluded=0.3, unsure=0.2), Span(0, 4))
    assert [text.split(":")[0] for text in found] == [
        *("short view", "never seen", "much cover", "hands may show")
    ]
    assert "50%" in found[0]


def test_an_intro_that_was_cut_is_told() -> None:
    assert doubts(analysis(), Span(1, 4, "a card is shown first")) == [
        "start cut: a card is shown first"
    ]
