"""What a bare canvas showed before it was seen, and what is plainly unsure."""

import numpy as np

from ingest.video.occlusion.bare import with_bare_start
from ingest.video.occlusion.occlusion import History
from ingest.video.occlusion.plain import plainly_unsure

SHAPE, WHITE, RED = (60, 80), 235, (200, 60, 40)


def _history(states: np.ndarray, covered: np.ndarray, unsure: np.ndarray) -> History:
    number = len(states)
    bins = [np.array([n]) for n in range(number)]
    tolerance, never = np.full(SHAPE, 13.0, np.float32), np.zeros(SHAPE, bool)
    return History(bins, states, covered, unsure, tolerance, never, np.arange(number))


def _hand_over_a_dune(background: np.ndarray) -> History:
    """A hand hides the lower right until a dune is painted, from the lower left to the right."""
    states = np.stack([background] * 3)
    states[1:, 40:, :40] = RED
    states[:, 40:, 40:] = RED  # what is seen first, where nothing was seen yet
    covered = np.zeros((3, *SHAPE), bool)
    covered[:2, 36:, 36:] = True
    return _history(states, covered, np.zeros_like(covered))


def test_what_a_hand_hides_on_a_bare_canvas_is_bare_until_paint_comes_near() -> None:
    slope = np.linspace(-25, 10, 80)[None, :, None]  # light falls off
    white = (np.full((*SHAPE, 3), WHITE) + slope).astype(np.uint8)
    history = _hand_over_a_dune(white)
    found = with_bare_start(history)
    assert np.abs(found.states[0].astype(int) - white).max() < 12
    assert (found.states[1][40:, :40] == RED).all()
    assert (found.states[1][52:, 38:42] == RED).all()
    assert (found.states[2] == history.states[2]).all()


def test_what_is_hidden_on_a_painted_canvas_stays_as_it_is_seen_first() -> None:
    rng = np.random.default_rng(0)
    squares = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((10, 10, 1)))
    history = _hand_over_a_dune(squares.astype(np.uint8))
    assert with_bare_start(history) is history


def test_another_light_is_not_plainly_another_colour_and_paint_is() -> None:
    states = np.full((3, *SHAPE, 3), RED, np.uint8)
    states[2, :, :40] = (175, 50, 38)
    states[2, :, 40:] = (40, 60, 200)
    unsure = np.zeros((3, *SHAPE), bool)
    unsure[:2] = True
    found = plainly_unsure(_history(states, unsure, unsure))
    assert not found[:, :, :36].any()
    assert not found[2].any()
    assert found[:2, :, 44:].all()
