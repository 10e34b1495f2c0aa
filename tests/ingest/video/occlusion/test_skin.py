"""A thumb that holds the page is told from what is painted in its colours."""

import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.occlusion.settled import settled_pieces, still_for
from ingest.video.occlusion.skin import resting_skin

SIZE, NUM, SKIN = (80, 100), 12, (225, 165, 140)
THUMB = slice(58, 72), slice(10, 20)


def _footage() -> tuple[np.ndarray, np.ndarray]:
    """A page of which the lowest rows are out of view, from frame 6 on with a thumb on it."""
    rng = np.random.default_rng(1)
    frames = rng.normal(230, 3, (NUM, *SIZE, 3))
    frames[:, 20:40, 30:80] = (70, 120, 80)
    frames[6:, THUMB[0], THUMB[1]] = np.array(SKIN) + rng.normal(0, 3, (NUM - 6, 14, 10, 3))
    valid = np.ones((NUM, *SIZE), bool)
    valid[:, 72:] = False
    return np.clip(frames, 0, 255).astype(np.uint8), valid


def test_a_thumb_from_beyond_the_view_is_found() -> None:
    frames, valid = _footage()
    found = resting_skin(frames, valid)
    assert found[6:, THUMB[0], THUMB[1]].mean() > 0.97
    assert not found[:6].any()
    found[:, 50:80, 2:28] = False
    assert not found.any()


def test_skin_in_a_picture_is_paint_also_where_the_view_cuts_it() -> None:
    frames, valid = _footage()
    frames[:, 20:40, 30:80] = SKIN
    assert not resting_skin(frames, valid).any()


def test_a_sheet_that_is_all_in_view_shows_no_thumb() -> None:
    frames, valid = _footage()
    assert not resting_skin(frames, np.ones_like(valid)).any()


def test_paint_stands_still_with_what_is_around_it_and_a_hand_does_not() -> None:
    tolerance = np.full(SIZE, 13.0, np.float32)
    frames = np.full((30, *SIZE, 3), 230, np.uint8)
    frames[10:, 10:30, 10:40] = SKIN
    for n in range(10, 30):
        frames[n, 45 + n % 3 : 70 + n % 3, 50 + n % 3 : 90 + n % 3] = SKIN
    still = still_for(frames, tolerance, 8)
    page = np.full((*SIZE, 3), 230, np.uint8)
    looks_like_hand = still[20] & differs(frames[20], page, tolerance)
    found = settled_pieces(looks_like_hand, still[20], np.ones(SIZE, bool))
    assert found[12:28, 12:38].all()
    assert not found[45:70].any()
