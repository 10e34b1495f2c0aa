"""Views of one canvas: one outline where they share coordinates, one light over all."""

import numpy as np

from ingest.video.imaging.connected_components import small_holes, without_specks
from ingest.video.lighting.view_light import view_gains
from ingest.video.placement.page.chain import Stretch
from ingest.video.placement.page.runs import run_over_run, with_common_outlines
from tests.ingest.video.canvas.test_page_outlines import LYING, filmed, painted

WRONG_SIDE = LYING + np.array([[0, -14], [0, -14], [0, 0], [0, 0]])
"""A sleeve beyond the canvas was taken for its upper side."""


def _stay(source: int, goal: int) -> np.ndarray:
    return np.eye(3)


def _views(number: int) -> list[Stretch]:
    pictures = [filmed(painted(0.2 + 0.1 * n), LYING) for n in range(number)]
    return [Stretch([2 * n, 2 * n + 1], picture, []) for n, picture in enumerate(pictures)]


def test_views_of_a_run_take_the_outline_that_most_of_them_show() -> None:
    chain = {0: LYING, 1: WRONG_SIDE, 2: LYING, 3: LYING}
    found = with_common_outlines(_views(4), [0, 0, 0, 1], chain, _stay)
    assert all(np.abs(corners - LYING).max() < 1e-6 for corners in found.values())


def test_a_canvas_that_was_moved_within_a_run_keeps_its_own_outline() -> None:
    views = _views(3)
    moved = LYING + np.array([30, 20])
    views[1] = Stretch([2, 3], filmed(painted(0.3), moved), [])
    found = with_common_outlines(views, [0, 0, 1], {0: LYING, 1: moved, 2: LYING}, _stay)
    assert np.abs(found[1] - moved).max() < 1e-6


def test_runs_are_not_made_less_alike() -> None:
    chain = {0: LYING, 1: LYING, 2: LYING}
    found = run_over_run(_views(3), [0, 1, 2], chain, _stay)
    assert all(np.abs(corners - LYING).max() < 1.5 for corners in found.values())


def _footage() -> tuple[np.ndarray, list[int]]:
    """Three views of four frames, the middle one in warmer light, paint growing all the while."""
    rng = np.random.default_rng(2)
    canvas = np.clip(rng.normal(170, 12, (60, 80, 3)), 0, 255)
    frames = []
    for n in range(12):
        canvas[10:20, 5 + 4 * n : 9 + 4 * n] = (60, 110, 80)
        light = np.array([1.2, 1.05, 0.85]) if 4 <= n < 8 else np.ones(3)
        frames.append(np.clip(canvas * light, 0, 255).astype(np.uint8))
    return np.stack(frames), [n // 4 for n in range(12)]


def test_views_are_brought_to_the_light_of_the_first() -> None:
    frames, views = _footage()
    found = view_gains(frames, np.ones(frames.shape[:3], bool), views)
    assert np.abs(found[:4] - 1).max() < 0.01
    assert np.abs(found[4:8] * [1.2, 1.05, 0.85] - 1).max() < 0.03
    assert np.abs(found[8:] - 1).max() < 0.03


def test_one_view_drifts_and_does_not_jump() -> None:
    frames, _ = _footage()
    found = view_gains(frames, np.ones(frames.shape[:3], bool), [0] * len(frames))
    assert np.abs(found - 1).max() < 0.02


def test_specks_close_no_holes_and_a_thing_does() -> None:
    specks = np.zeros((80, 100), bool)
    specks[::3, ::3] = True
    assert small_holes(specks).any()
    assert not small_holes(without_specks(specks)).any()
    hand = np.zeros((80, 100), bool)
    hand[20:60, 30:70] = True
    hand[35:40, 45:50] = False
    assert small_holes(without_specks(hand))[35:40, 45:50].all()
