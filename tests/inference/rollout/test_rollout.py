"""The painting loop, with an artist without networks."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import pytest

from inference.rollout.region import RegionConfig
from inference.rollout.rollout import paint, white_canvas
from inference.rollout.steps import Artist, Instruction
from inference.rollout.stop import StopConfig
from ingest.conventions.errors import UserError


def rollout(target: np.ndarray, artist: Any, metric: Any, **stop: Any) -> list[Any]:
    return list(paint(target, artist, metric, 20.0, RegionConfig(), StopConfig(**stop)))


def test_paints_from_white_to_the_target(target: np.ndarray, artist: Any, metric: Any) -> None:
    steps = rollout(target, artist, metric, arrived=0.01)
    assert np.array_equal(steps[0].current, np.full_like(target, 255))
    for before, after in pairwise(steps):
        assert after.current is before.next
    assert np.array_equal(steps[-1].next, target)
    assert [step.stop for step in steps] == [None, None, None, "arrived"]
    assert [step.time_s for step in steps] == [20.0, 40.0, 60.0, 80.0]
    assert [step.instruction.text for step in steps] == ["sky", "mountain", "ground", "tree"]


def test_artist_is_asked_three_things_a_step(target: np.ndarray, artist: Any, metric: Any) -> None:
    rollout(target, artist, metric, max_steps=2, arrived=0)
    assert artist.calls == ["instruct", "locate", "render"] * 2


def test_steps_come_while_painting(target: np.ndarray, artist: Any, metric: Any) -> None:
    """A caller may look at a step, or leave, before the next one is painted."""
    steps = paint(target, artist, metric, 20.0, RegionConfig(), StopConfig())
    next(steps)
    assert artist.calls.count("render") == 1


def test_difference_is_that_of_the_canvas_before(
    target: np.ndarray, artist: Any, metric: Any
) -> None:
    steps = rollout(target, artist, metric, arrived=0.01)
    first = metric.difference(white_canvas(target), target)
    assert np.array_equal(steps[0].difference, first)
    assert steps[-1].difference.sum() < first.sum() / 2


class IdleArtist(Artist):
    """Never changes the canvas."""

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return Instruction("nothing", None)

    def locate(self, canvas: np.ndarray, *_: Any) -> np.ndarray:
        return np.ones(canvas.shape[:2], np.float32)

    def render(self, canvas: np.ndarray, *_: Any) -> np.ndarray:
        return canvas.copy()


def test_an_idle_artist_is_stopped(target: np.ndarray, metric: Any) -> None:
    steps = rollout(target, IdleArtist(), metric)
    assert len(steps) == 4
    assert steps[-1].stop == "unchanged"


@pytest.mark.parametrize("asked", ["instruct", "locate", "distance"])
def test_values_that_are_not_finite_end_the_painting(
    asked: str, target: np.ndarray, artist: Any, metric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    answers = {
        "instruct": (artist, Instruction("sky", float("nan"))),
        "locate": (artist, np.full(target.shape[:2], np.nan, np.float32)),
        "distance": (metric, float("inf")),
    }
    owner, answer = answers[asked]
    monkeypatch.setattr(owner, asked, lambda *_: answer)
    with pytest.raises(UserError, match="not finite"):
        rollout(target, artist, metric, max_steps=2)
