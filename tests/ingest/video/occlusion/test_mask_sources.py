"""What is masked before the clean canvas is computed follows from the kind of footage."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from ingest.video.canvas.footage import Footage
from ingest.video.occlusion import mask_sources
from ingest.video.occlusion.canvas_history import OcclusionConfig
from ingest.video.occlusion.mask_sources import masked, moving_hands, other_scenes
from ingest.video.occlusion.scene import Scene
from ingest.video.occlusion.table_background import TableBackground

SIZE, NUM, SKIN = (80, 100), 90, (190, 130, 105)


def scene(footage: Footage) -> Scene:
    """White canvas; an arm from the right waves in one half of the frames; frame 40 is black."""
    rng = np.random.default_rng(3)
    frames = np.full((NUM, *SIZE, 3), 235.0)
    for number in range(0, 80, 2):
        left, top = 45 + 8 * (number % 3), 12 + 6 * (number // 2 % 4)
        frames[number, top : top + 30, left:] = SKIN
    frames = np.clip(frames + rng.normal(0, 2, frames.shape), 0, 255).astype(np.uint8)
    frames[40] = 0
    inside = np.ones(SIZE, bool)
    if footage is Footage.TABLE:
        inside[:12] = inside[-12:] = inside[:, :12] = inside[:, -12:] = False
    table = TableBackground(frames, inside)
    valid = np.ones(frames.shape[:3], bool)
    return Scene(frames, valid, inside, footage, table, OcclusionConfig(side_px=64))


def test_a_frame_of_another_scene_is_masked_where_a_table_is_in_view() -> None:
    found = masked(scene(Footage.TABLE))
    assert not found.valid[40].any()
    assert found.valid[44].all()


def test_moving_hands_are_masked_where_no_table_is_in_view() -> None:
    found = masked(scene(Footage.SCREEN))
    assert not found.valid[30, 35, 70:].any()
    assert found.valid[31].mean() > 0.9
    assert found.are_hands_masked


def test_each_source_sees_what_those_before_it_left(monkeypatch: pytest.MonkeyPatch) -> None:
    seen = []

    def first(given: Scene) -> np.ndarray:
        return np.broadcast_to(np.arange(NUM)[:, None, None] < 10, given.valid.shape)

    def second(given: Scene) -> np.ndarray:
        seen.append(int(given.valid.all(axis=(1, 2)).sum()))
        return np.zeros_like(given.valid)

    monkeypatch.setitem(mask_sources.MASK_SOURCES, Footage.SCREEN, [first, second])
    masked(scene(Footage.SCREEN))
    assert seen == [NUM - 10]


def test_a_scene_without_anything_masked_keeps_its_history() -> None:
    given = scene(Footage.SCREEN)
    assert given.without(np.zeros_like(given.valid), are_hands=True) is given


@pytest.mark.parametrize("source", [other_scenes, moving_hands])
def test_a_mask_has_the_shape_of_the_frames(source: mask_sources.MaskSource) -> None:
    given = scene(Footage.SCREEN)
    assert source(given).shape == given.valid.shape


def test_paint_is_told_sooner_once_hands_are_masked_in_reframed_footage() -> None:
    """A colour that comes for a tenth of the video and goes again: a resting hand, or paint."""
    given = scene(Footage.REFRAMED)
    given.frames[30:40, 50:70, 20:40] = (60, 110, 80)
    states = [
        replace(given, are_hands_masked=are_masked).history.states[11, 60, 30].astype(int)
        for are_masked in (False, True)
    ]
    assert np.abs(states[0] - 235).max() < 15
    assert np.abs(states[1] - (60, 110, 80)).max() < 15
