"""The finishing step."""

from __future__ import annotations

import dataclasses

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from inference.rollout.finish import FinishConfig, finishing_step
from inference.rollout.region import Region
from inference.rollout.steps import Instruction, Step


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


@given(st.integers(0, 2**31))
def test_the_finish_leaves_what_is_locked(seed: int) -> None:
    rng = np.random.default_rng(seed)
    canvas, target = rng.integers(0, 256, (2, 12, 9, 3)).astype(np.uint8)
    locked = rng.random((12, 9)) < rng.random()
    mask = np.ones((12, 9), bool)
    last = Step(
        3, canvas, canvas, Instruction("sky", None), Region(mask, 0.5), mask, 20.0, 0.1, 0.2
    )
    finish = finishing_step(last, target, FinishConfig(), locked)
    painted = canvas if finish is None else finish.next
    assert np.array_equal(painted[locked], canvas[locked])
    assert np.array_equal(painted[~locked], target[~locked])
