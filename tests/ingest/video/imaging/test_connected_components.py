"""Holes are found in objects and not between specks."""

import numpy as np

from ingest.video.imaging.connected_components import small_holes, without_specks


def test_holes_are_found_in_objects_and_not_between_specks() -> None:
    specks = np.zeros((80, 100), bool)
    specks[::3, ::3] = True
    assert small_holes(specks).any()
    assert not small_holes(without_specks(specks)).any()
    hand = np.zeros((80, 100), bool)
    hand[20:60, 30:70] = True
    hand[35:40, 45:50] = False
    assert small_holes(without_specks(hand))[35:40, 45:50].all()
