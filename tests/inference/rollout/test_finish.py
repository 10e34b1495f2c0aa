"""The finishing step."""

from __future__ import annotations

import dataclasses

import numpy as np

from inference.rollout.finish import FinishConfig, finishing_step
from inference.rollout.steps import Step


def test_finish_takes_the_canvas_to_the_target(steps: list[Step], target: np.ndarray) -> None:
    canvas = target.copy()
    canvas[:10] = 255
    canvas[50] ^= 1
    last = dataclasses.replace(steps[-1], next=canvas, distance=0.2)
    finish = finishing_step(last, target, FinishConfig(visible_change=6))
    assert finish is not None
    assert finish.is_finish
    assert np.array_equal(finish.next, target)
    assert finish.current is canvas
    assert (finish.index, finish.stop, finish.distance) == (last.index + 1, last.stop, 0.0)
    assert finish.region.mask[:10].all()
    assert not finish.region.mask[10:].any(), "a change of one grey level is not visible"


def test_no_finish_where_there_is_nothing_to_do(steps: list[Step], target: np.ndarray) -> None:
    assert finishing_step(steps[-1], target, FinishConfig()) is None
    unfinished = dataclasses.replace(steps[-1], next=np.full_like(target, 255))
    assert finishing_step(unfinished, target, FinishConfig(enabled=False)) is None
