"""Steering: overrides, locks, rewinds, branches and scripts, with an artist without networks."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from inference.rollout.region import RegionConfig
from inference.rollout.rollout import Rollout, paint
from inference.rollout.script import read_script
from inference.rollout.steering import SCRIPT
from inference.rollout.stop import StopConfig
from ingest.conventions.errors import UserError


@pytest.fixture
def rollout(target: np.ndarray, artist: Any, metric: Any) -> Rollout:
    return paint(
        target, artist, metric, 20.0, RegionConfig(), StopConfig(arrived=0.01, max_steps=9)
    )


def box(target: np.ndarray) -> np.ndarray:
    mask = np.zeros(target.shape[:2], bool)
    mask[10:40, 20:60] = True
    return mask


def test_wishes_hold_for_one_step(rollout: Rollout, target: np.ndarray) -> None:
    assert rollout.propose().instruction.text == "sky"
    rollout.steer(instruction="clouds", add_instruction="birds", mask=box(target))
    step = next(rollout)
    assert step.instruction.text == "clouds, birds"
    assert np.array_equal(step.region.mask, box(target))
    after = next(rollout)
    assert after.instruction.text == "sky"
    assert not np.array_equal(after.region.mask, box(target))


def test_an_added_mask_is_painted_too(rollout: Rollout, target: np.ndarray) -> None:
    own = rollout.propose().region.mask
    added = np.roll(box(target), 50, axis=0)
    rollout.steer(add_mask=added)
    assert np.array_equal(next(rollout).region.mask, own | added)


def test_locked_pixels_stay(rollout: Rollout, target: np.ndarray) -> None:
    rollout.lock(box(target))
    for step in rollout:
        assert (step.next[box(target)] == 255).all()
        assert not step.region.mask[box(target)].any()


def test_rewind_and_branch(rollout: Rollout) -> None:
    first, second = next(rollout), next(rollout)
    branch = rollout.branch()
    rollout.rewind()
    assert rollout.canvas is first.next
    again = next(rollout)
    assert np.array_equal(again.next, second.next)
    assert [s.index for s in rollout.steps] == [0, 1]
    branch.steer(instruction="moon")
    assert next(branch).instruction.text == "moon"
    assert next(rollout).instruction.text == "ground"
    with pytest.raises(UserError, match="cannot rewind 9"):
        rollout.rewind(9)


def test_a_script_paints_the_same(
    rollout: Rollout, target: np.ndarray, artist: Any, metric: Any, tmp_path: Path
) -> None:
    next(rollout)
    rollout.steer(instruction="clouds", add_mask=box(target))
    next(rollout)
    rollout.rewind()
    rollout.lock(box(target))
    next(rollout)
    rollout.unlock()
    list(rollout)
    path = tmp_path / "steering.json"
    path.write_bytes(SCRIPT.dump_json(rollout.actions))
    other = paint(target, type(artist)(), metric, 20.0, RegionConfig(), rollout.stop)
    list(other.replay(read_script(path)))
    assert len(other.steps) == len(rollout.steps)
    for ours, theirs in zip(other.steps, rollout.steps, strict=True):
        assert np.array_equal(ours.next, theirs.next)
        assert ours.instruction == theirs.instruction
    assert other.actions == rollout.actions


def test_goes_on_from_a_half_finished_canvas(target: np.ndarray, artist: Any, metric: Any) -> None:
    half = target.copy()
    half[48:] = 255
    stop = StopConfig(arrived=0.01)
    steps = list(paint(target, artist, metric, 20.0, RegionConfig(), stop, half))
    assert np.array_equal(steps[0].current, half)
    assert len(steps) == 2


@pytest.mark.parametrize(
    "text",
    ["{", '[{"do": "fly", "at": 0}]', '[{"do": "unlock", "at": 2}, {"do": "unlock", "at": 1}]'],
)
def test_wrong_scripts_are_one_line(text: str, tmp_path: Path) -> None:
    path = tmp_path / "s.json"
    path.write_text(text)
    with pytest.raises(UserError, match="script") as raised:
        read_script(path)
    assert "\n" not in str(raised.value)


def test_masks_are_found_beside_the_script(
    target: np.ndarray, rollout: Rollout, tmp_path: Path
) -> None:
    (tmp_path / "masks").mkdir()
    Image.fromarray(box(target).astype(np.uint8) * 255).save(tmp_path / "masks" / "box.png")
    path = tmp_path / "s.json"
    path.write_text('[{"do": "lock", "at": 0, "mask": "masks/box.png"}]')
    list(rollout.replay(read_script(path)))
    assert rollout.locked is not None
    assert np.array_equal(rollout.locked, box(target))


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ('{"do": "fly", "at": 0}', "action 2: got do 'fly', expected one of steer, lock"),
        ("7", "action 2: got 7, expected an object"),
        ('{"do": "steer"}', r"action 2 \(steer\): the key 'at' is missing"),
        (
            '{"do": "steer", "at": 1, "word": "sky"}',
            r"action 2 \(steer\): got the key 'word', expected at, instruction, add_instruction",
        ),
        (
            '{"do": "rewind", "at": 2, "steps": "x"}',
            r"action 2 \(rewind\): steps: got 'x', expected a valid integer",
        ),
        ('{"do": "lock", "at": 2, "mask": {}}', r"action 2 \(lock\): mask: got {}, expected the"),
        ('{"do": "lock", "at": 2, "mask": "no.png"}', "mask .*no.png is not there"),
        ('{"do": "rewind", "at": 2, "steps": 3}', "takes back 3 steps at 2, where the painting"),
    ],
)
def test_the_action_and_the_key_that_are_wrong_are_named(
    action: str, said: str, tmp_path: Path
) -> None:
    path = tmp_path / "s.json"
    path.write_text(f'[{{"do": "unlock", "at": 0}}, {action}]')
    with pytest.raises(UserError, match=said) as raised:
        read_script(path)
    assert "\n" not in str(raised.value)


def test_a_word_that_moves_nothing_is_said(rollout: Rollout, target: np.ndarray) -> None:
    rollout.steer(instruction="clouds")
    assert "'clouds' does not move the region (100% of" in next(rollout).note
    own = rollout.propose().instruction.text
    rollout.steer(instruction=own)
    assert next(rollout).note == "", "the painter's own word"
    rollout.steer(instruction="clouds", mask=box(target))
    assert next(rollout).note == "", "a mask says where"
    assert next(rollout).note == "", "not steered"


def test_a_word_that_moves_the_region_is_silent(
    target: np.ndarray, artist: Any, metric: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def locate(canvas: Any, target: Any, difference: Any, word: str, interval_s: float) -> Any:
        return np.where(box(target) == (word == "clouds"), np.float32(0.9), np.float32(0))

    monkeypatch.setattr(artist, "locate", locate)
    rollout = paint(target, artist, metric, 20.0, RegionConfig(), StopConfig())
    rollout.steer(instruction="clouds")
    assert np.array_equal(rollout.propose().region.mask, box(target))
    assert rollout.propose().note == ""
