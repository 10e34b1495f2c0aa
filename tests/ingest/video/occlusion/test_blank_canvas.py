"""A canvas is blank if what is seen of it has one colour, but for falling light."""

import numpy as np

from ingest.video.occlusion.blank_canvas import (
    FIRST_STATE,
    OCCLUDED_OPENING,
    OPENING,
    find_blank_canvas,
)

SHAPE, WHITE, SKIN = (60, 80), 235, (200, 60, 40)
TOLERANCE = np.full(SHAPE, 13.0, np.float32)
WHOLE = np.ones(SHAPE, bool)


def white() -> np.ndarray:
    return np.full((*SHAPE, 3), WHITE, np.uint8)


def test_the_colour_of_hidden_pixels_is_that_of_the_canvas_near_them() -> None:
    image = (white() + np.linspace(-30, 0, 80)[None, :, None]).astype(np.uint8)
    true = image.copy()
    seen = WHOLE.copy()
    seen[20:40, 10:30] = False
    image[~seen] = SKIN
    blank = find_blank_canvas(image, seen, TOLERANCE, FIRST_STATE)
    assert blank is not None
    assert np.abs(blank.colour.astype(int) - true)[~seen].max() <= 4


def test_falling_light_is_allowed_where_views_have_their_own_light() -> None:
    image = (white() + np.linspace(-40, 0, 80)[None, :, None]).astype(np.uint8)
    assert find_blank_canvas(image, WHOLE, TOLERANCE, FIRST_STATE) is not None
    assert find_blank_canvas(image, WHOLE, TOLERANCE, OPENING) is None


def test_a_third_under_hands_is_blank_only_where_hands_are_all_over() -> None:
    image = white()
    image[:20] = SKIN
    assert find_blank_canvas(image, WHOLE, TOLERANCE, OPENING) is None
    assert find_blank_canvas(image, WHOLE, TOLERANCE, OCCLUDED_OPENING) is not None


def test_too_little_in_view_says_nothing() -> None:
    seen = np.zeros(SHAPE, bool)
    seen[:6] = True
    assert find_blank_canvas(white(), seen, TOLERANCE, OPENING) is None
