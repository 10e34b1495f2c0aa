"""A canvas of which only three sides are in view is found by these and by its paint."""

import cv2
import numpy as np

from ingest.video.placement.page.added_views import halved, with_added
from ingest.video.placement.page.chain import Stretch
from ingest.video.placement.page.three_sides import by_three_sides
from tests.ingest.video.canvas.test_page_outlines import LYING, SIZE, filmed

NEAR = np.array([[95, 40], [235, 50], [290, 300], [15, 285]], np.float64)
"""The camera is so near that the lower side is out of view."""
TABLE = np.full((SIZE[1], SIZE[0], 3), 90, np.uint8)


def _painted(part: float) -> np.ndarray:
    """A canvas 100 px square with round patches all over, the first of which are painted."""
    rng, canvas = np.random.default_rng(5), np.full((100, 100, 3), 235, np.uint8)
    centres = [(x, y) for y in (18, 50, 82) for x in (18, 50, 82)]
    for n in rng.permutation(9)[: round(9 * part)]:
        colour = [int(c) for c in np.random.default_rng(n).integers(30, 220, 3)]
        cv2.circle(canvas, centres[n], 15, colour, -1)
    return canvas


def _stay(source: int, goal: int) -> np.ndarray:
    return np.eye(3)


def _views(*pictures: np.ndarray) -> list[Stretch]:
    return [Stretch([2 * n, 2 * n + 1], picture, []) for n, picture in enumerate(pictures)]


def test_the_fourth_side_is_told_by_the_paint() -> None:
    known = filmed(_painted(0.6), LYING), LYING
    found = by_three_sides(known, filmed(_painted(0.7), NEAR))
    assert found is not None
    assert np.abs(found[:2] - NEAR[:2]).max() < 4
    assert np.abs(found[2:] - NEAR[2:]).max() < 14


def test_corners_keep_their_order_where_the_camera_was_turned() -> None:
    turned = np.roll(LYING, 1, axis=0)
    found = by_three_sides((filmed(_painted(0.6), turned), turned), filmed(_painted(0.6), NEAR))
    assert found is not None
    assert np.abs(found - NEAR).max() < 14


def test_a_plain_table_has_no_sides() -> None:
    assert by_three_sides((filmed(_painted(0.6), LYING), LYING), TABLE) is None


def test_views_are_added_by_those_that_are_known_and_others_are_not() -> None:
    pictures = [filmed(_painted(0.6), LYING), filmed(_painted(0.7), NEAR), TABLE]
    found = with_added(_views(*pictures), [0, 1, 2], {0: LYING}, _stay)
    assert sorted(found) == [0, 1]
    assert found[0] is LYING
    assert np.abs(found[1] - NEAR).max() < 14


def test_added_views_of_a_run_take_one_outline_unless_the_canvas_was_moved() -> None:
    moved = NEAR + np.array([20, 8])
    pictures = [
        filmed(_painted(part), corners)
        for part, corners in ((0.6, LYING), (0.7, NEAR), (0.8, NEAR), (0.8, moved))
    ]
    found = with_added(_views(*pictures), [0, 1, 1, 1], {0: LYING}, _stay)
    assert sorted(found) == [0, 1, 2, 3]
    assert np.abs(found[1] - found[2]).max() < 1e-6
    assert np.abs(found[3][:2] - moved[:2]).max() < 4
    assert np.abs(found[3] - moved).max() < 25


def test_views_that_are_not_known_are_halved() -> None:
    views = [Stretch(list(range(first, first + 10)), TABLE, []) for first in (0, 10)]
    parts, source = halved(views, {0}, lambda frames: Stretch(frames, TABLE, []), 5)
    assert [part.frames for part in parts] == [[*range(10)], [*range(10, 15)], [*range(15, 20)]]
    assert source == [0, 1, 1]
    assert halved(views, {0}, lambda frames: Stretch(frames, TABLE, []), 6) == (views, [0, 1])
