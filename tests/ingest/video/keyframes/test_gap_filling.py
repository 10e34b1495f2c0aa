"""Gaps between keyframes are filled by the clearest bins in between, and only by these."""

import numpy as np

from ingest.video.imaging.colour_distance import pyramid
from ingest.video.keyframes.gap_filling import gaps_filled


def _pyramids(number: int) -> dict[int, list[np.ndarray]]:
    """A white canvas that is painted black from the left."""
    canvas, pyramids = np.full((60, 90, 3), 255, np.uint8), {}
    for b in range(number):
        canvas[:, : b * 90 // (number - 1)] = 0
        pyramids[b] = pyramid(canvas)
    return pyramids


def test_the_clearest_moment_fills_a_gap() -> None:
    unsure = np.array([0, 0.2, 0.3, 0.06, 0.09, 0.3, 0])
    assert gaps_filled([0, 6], _pyramids(7), unsure, 0.1)[:2] == [0, 3]


def test_nothing_fills_a_gap_where_all_is_unsure() -> None:
    unsure = np.array([0, 0.2, 0.2, 0.2, 0.3, 0.3, 0])
    assert gaps_filled([0, 6], _pyramids(7), unsure, 0.1) == [0, 6]


def test_small_steps_are_no_gaps() -> None:
    unsure = np.full(7, 0.06)
    assert gaps_filled([0, 2, 4, 6], _pyramids(7), unsure, 0.1) == [0, 2, 4, 6]
