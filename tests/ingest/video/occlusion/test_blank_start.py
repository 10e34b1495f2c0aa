"""Hidden pixels of a canvas that starts blank are blank until paint comes near."""

import numpy as np

from ingest.video.occlusion.blank_start import with_blank_start
from ingest.video.occlusion.canvas_history import CanvasHistory

SHAPE, WHITE, RED = (60, 80), 235, (200, 60, 40)


def _history(states: np.ndarray, occluded: np.ndarray, unsure: np.ndarray) -> CanvasHistory:
    number = len(states)
    bins = [np.array([n]) for n in range(number)]
    tolerance, never = np.full(SHAPE, 13.0, np.float32), np.zeros(SHAPE, bool)
    return CanvasHistory(bins, states, occluded, unsure, tolerance, never, np.arange(number))


def _hand_over_a_dune(background: np.ndarray) -> CanvasHistory:
    """A hand hides the lower right until a dune is painted, from the lower left to the right."""
    states = np.stack([background] * 3)
    states[1:, 40:, :40] = RED
    states[:, 40:, 40:] = RED  # what is seen first, where nothing was seen yet
    occluded = np.zeros((3, *SHAPE), bool)
    occluded[:2, 36:, 36:] = True
    return _history(states, occluded, np.zeros_like(occluded))


def test_what_a_hand_hides_on_a_blank_canvas_is_blank_until_paint_comes_near() -> None:
    slope = np.linspace(-25, 10, 80)[None, :, None]  # light falls off
    white = (np.full((*SHAPE, 3), WHITE) + slope).astype(np.uint8)
    history = _hand_over_a_dune(white)
    found = with_blank_start(history)
    assert np.abs(found.states[0].astype(int) - white).max() < 12
    assert (found.states[1][40:, :40] == RED).all()
    assert (found.states[1][52:, 38:42] == RED).all()
    assert (found.states[2] == history.states[2]).all()


def test_what_is_hidden_on_a_painted_canvas_stays_as_it_is_seen_first() -> None:
    rng = np.random.default_rng(0)
    squares = np.kron(rng.integers(0, 255, (6, 8, 3)), np.ones((10, 10, 1)))
    history = _hand_over_a_dune(squares.astype(np.uint8))
    assert with_blank_start(history) is history
