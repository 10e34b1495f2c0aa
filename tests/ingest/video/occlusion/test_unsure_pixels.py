"""Unsure pixels take the colour that fits their neighbours; changes of light are no changes."""

import numpy as np

from ingest.video.occlusion.canvas_history import CanvasHistory
from ingest.video.occlusion.unsure_pixels import clearly_changed_unsure, likelier_state

WHITE, RED, BLUE = 240, (200, 60, 40), (40, 60, 200)


def test_paint_goes_on_under_a_hand_and_blank_canvas_does_too() -> None:
    states = np.full((3, 60, 80, 3), WHITE, np.uint8)
    states[1, 20:, :70] = RED
    states[2, 20:] = RED
    states[2, :18, 60:] = BLUE
    unsure = np.zeros((3, 60, 80), bool)
    unsure[1, 30:50, 20:40] = unsure[1, :15, 64:76] = True
    states[1, 30:50, 20:40] = WHITE  # as it was before
    found = likelier_state(states, unsure, 1)
    assert (found[33:50, 22:38] == RED).all()
    assert (found[:15, 64:76] == WHITE).all()
    assert (found[~unsure[1]] == states[1][~unsure[1]]).all()


def test_another_light_is_not_clearly_another_colour_and_paint_is() -> None:
    states = np.full((3, 60, 80, 3), RED, np.uint8)
    states[2, :, :40] = (175, 50, 38)
    states[2, :, 40:] = BLUE
    unsure = np.zeros((3, 60, 80), bool)
    unsure[:2] = True
    bins, frames = [np.array([n]) for n in range(3)], np.arange(3)
    tolerance, never = np.full((60, 80), 13.0, np.float32), np.zeros((60, 80), bool)
    history = CanvasHistory(bins, states, unsure, unsure, tolerance, never, frames)
    found = clearly_changed_unsure(history)
    assert not found[:, :, :36].any()
    assert not found[2].any()
    assert found[:2, :, 44:].all()
