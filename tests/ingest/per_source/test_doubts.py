"""Doubts about a kept video are told with their measure."""

from types import SimpleNamespace
from typing import Any

import numpy as np

from ingest.format.images import encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.source_files import KeptSource
from ingest.per_source.doubts import doubts, with_start_doubt
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


def test_a_video_that_begins_half_done_is_told() -> None:
    finished = np.random.default_rng(0).integers(0, 255, (16, 20, 3), np.uint8).repeat(8, 0)
    finished = finished.repeat(8, 1)
    blank, half = np.full_like(finished, 250), finished.copy()
    half[64:] = 250

    def source(*canvases: np.ndarray) -> KeptSource:
        keyframes: list[Any] = [
            (
                Keyframe(
                    video_id="a", index=i, time_s=5.0 + i, target=len(canvases) - 1,
                    is_bare=canvas is blank,
                ),
                "png",
                encode_image(canvas, "png"),
            )
            for i, canvas in enumerate(canvases)
        ]  # fmt: skip
        outcome = VideoOutcome(video_id="a", uri="a.mp4", painting_id="a", status="kept")
        return KeptSource(outcome, keyframes, None, [])

    for canvases in ((half, finished), (blank, half, finished)):
        (warning,) = with_start_doubt(source(*canvases)).outcome.warnings
        assert warning.startswith("begins half done: 47%")
    early = finished.copy()
    early[20:] = 250
    assert with_start_doubt(source(blank, early, half, finished)).outcome.warnings == ()
    assert with_start_doubt(source(blank, finished)).outcome.warnings == ()
