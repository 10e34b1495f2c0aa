"""What is unsure is guessed by what lies around it."""

import numpy as np

from ingest.video.occlusion.guess import likelier

WHITE, RED, BLUE = 240, (200, 60, 40), (40, 60, 200)


def test_paint_goes_on_under_a_hand_and_bare_canvas_does_too() -> None:
    states = np.full((3, 60, 80, 3), WHITE, np.uint8)
    states[1, 20:, :70] = RED
    states[2, 20:] = RED
    states[2, :18, 60:] = BLUE
    unsure = np.zeros((3, 60, 80), bool)
    unsure[1, 30:50, 20:40] = unsure[1, :15, 64:76] = True
    states[1, 30:50, 20:40] = WHITE  # as it was before
    found = likelier(states, unsure, 1)
    assert (found[33:50, 22:38] == RED).all()
    assert (found[:15, 64:76] == WHITE).all()
    assert (found[~unsure[1]] == states[1][~unsure[1]]).all()
