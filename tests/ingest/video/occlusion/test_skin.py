"""A thumb that holds the page is found; paint in its colours is not."""

import numpy as np

from ingest.video.occlusion.skin import skin_at_view_border

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


def test_a_thumb_from_outside_the_view_is_found() -> None:
    frames, valid = _footage()
    found = skin_at_view_border(frames, valid)
    assert found[6:, THUMB[0], THUMB[1]].mean() > 0.97
    assert not found[:6].any()
    found[:, 50:80, 2:28] = False
    assert not found.any()


def test_skin_in_a_picture_is_paint_also_where_the_view_cuts_it() -> None:
    frames, valid = _footage()
    frames[:, 20:40, 30:80] = SKIN
    assert not skin_at_view_border(frames, valid).any()


def test_a_page_that_is_all_in_view_shows_no_thumb() -> None:
    frames, valid = _footage()
    assert not skin_at_view_border(frames, np.ones_like(valid)).any()
