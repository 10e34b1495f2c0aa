"""Clips of one segment get one outline, and segments are aligned by the paint."""

import numpy as np

from ingest.video.placement.page.clips import Clip
from ingest.video.placement.page.segment_outlines import align_segments, unify_outlines
from tests.ingest.video.canvas.test_page_outlines import LYING, filmed, painted

WRONG_SIDE = LYING + np.array([[0, -14], [0, -14], [0, 0], [0, 0]])
"""Outline with a sleeve beyond the canvas detected as its upper side."""


def _identity(source: int, goal: int) -> np.ndarray:
    return np.eye(3)


def _clips(number: int) -> list[Clip]:
    pictures = [filmed(painted(0.2 + 0.1 * n), LYING) for n in range(number)]
    return [Clip([2 * n, 2 * n + 1], picture, []) for n, picture in enumerate(pictures)]


def test_clips_of_a_segment_get_the_outline_that_fits_most_of_them() -> None:
    chain = {0: LYING, 1: WRONG_SIDE, 2: LYING, 3: LYING}
    found = unify_outlines(_clips(4), [0, 0, 0, 1], chain, _identity)
    assert all(np.abs(corners - LYING).max() < 1e-6 for corners in found.values())


def test_a_canvas_that_was_moved_within_a_segment_keeps_its_own_outline() -> None:
    clips = _clips(3)
    moved = LYING + np.array([30, 20])
    clips[1] = Clip([2, 3], filmed(painted(0.3), moved), [])
    found = unify_outlines(clips, [0, 0, 1], {0: LYING, 1: moved, 2: LYING}, _identity)
    assert np.abs(found[1] - moved).max() < 1e-6


def test_segments_that_are_aligned_stay_aligned() -> None:
    chain = {0: LYING, 1: LYING, 2: LYING}
    found = align_segments(_clips(3), [0, 1, 2], chain, _identity)
    assert all(np.abs(corners - LYING).max() < 1.5 for corners in found.values())
