"""A canvas with three sides in view is found by these sides and by its paint."""

import cv2
import numpy as np

from ingest.video.placement.page.clips import Clip, split_in_halves
from ingest.video.placement.page.partial_views import add_partial_views
from ingest.video.placement.page.three_sides import outline_from_three_sides
from tests.ingest.video.canvas.test_page_outlines import LYING, SIZE, filmed

NEAR = np.array([[95, 40], [235, 50], [290, 300], [15, 285]], np.float64)
"""Corners seen by a close camera: the lower side is out of view."""
TABLE = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def _painted(part: float) -> np.ndarray:
    """A canvas 100 px square with round patches all over, the first of which are painted."""
    rng, canvas = np.random.default_rng(5), np.full((100, 100, 3), 235, np.uint8)
    centres = [(x, y) for y in (18, 50, 82) for x in (18, 50, 82)]
    for n in rng.permutation(9)[: round(9 * part)]:
        colour = [int(c) for c in np.random.default_rng(n).integers(30, 220, 3)]
        cv2.circle(canvas, centres[n], 15, colour, -1)
    return canvas


def _identity(source: int, goal: int) -> np.ndarray:
    return np.eye(3)


def _clips(*pictures: np.ndarray) -> list[Clip]:
    return [Clip([2 * n, 2 * n + 1], picture, []) for n, picture in enumerate(pictures)]


def test_the_fourth_side_is_found_by_the_paint() -> None:
    known = filmed(_painted(0.6), LYING), LYING
    found = outline_from_three_sides(known, filmed(_painted(0.7), NEAR))
    assert found is not None
    assert np.abs(found[:2] - NEAR[:2]).max() < 4
    assert np.abs(found[2:] - NEAR[2:]).max() < 14


def test_corners_keep_their_order_where_the_camera_was_turned() -> None:
    turned = np.roll(LYING, 1, axis=0)
    found = outline_from_three_sides(
        (filmed(_painted(0.6), turned), turned), filmed(_painted(0.6), NEAR)
    )
    assert found is not None
    assert np.abs(found - NEAR).max() < 14


def test_a_plain_table_has_no_sides() -> None:
    assert outline_from_three_sides((filmed(_painted(0.6), LYING), LYING), TABLE) is None


def test_clips_are_added_only_if_they_show_the_canvas() -> None:
    pictures = [filmed(_painted(0.6), LYING), filmed(_painted(0.7), NEAR), TABLE]
    found = add_partial_views(_clips(*pictures), [0, 1, 2], {0: LYING}, _identity)
    assert sorted(found) == [0, 1]
    assert found[0] is LYING
    assert np.abs(found[1] - NEAR).max() < 14


def test_added_clips_of_a_segment_share_one_outline_unless_the_canvas_was_moved() -> None:
    moved = NEAR + np.array([20, 8])
    pictures = [
        filmed(_painted(part), corners)
        for part, corners in ((0.6, LYING), (0.7, NEAR), (0.8, NEAR), (0.8, moved))
    ]
    found = add_partial_views(_clips(*pictures), [0, 1, 1, 1], {0: LYING}, _identity)
    assert sorted(found) == [0, 1, 2, 3]
    assert np.abs(found[1] - found[2]).max() < 1e-6
    assert np.abs(found[3][:2] - moved[:2]).max() < 4
    assert np.abs(found[3] - moved).max() < 25


def test_clips_without_a_known_outline_are_split() -> None:
    clips = [Clip(list(range(first, first + 10)), TABLE, []) for first in (0, 10)]
    parts, source = split_in_halves(clips, {0}, lambda frames: Clip(frames, TABLE, []), 5)
    assert [part.frames for part in parts] == [[*range(10)], [*range(10, 15)], [*range(15, 20)]]
    assert source == [0, 1, 1]
    assert split_in_halves(clips, {0}, lambda frames: Clip(frames, TABLE, []), 6) == (clips, [0, 1])
