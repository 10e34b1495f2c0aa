"""Paint is static together with its surroundings; a hand's outline moves."""

import numpy as np

from ingest.video.imaging.difference import differs
from ingest.video.occlusion.static_regions import regions_with_static_rim, static_pixels

SIZE, SKIN = (80, 100), (225, 165, 140)


def test_paint_is_static_with_what_is_around_it_and_a_hand_is_not() -> None:
    tolerance = np.full(SIZE, 13.0, np.float32)
    frames = np.full((30, *SIZE, 3), 230, np.uint8)
    frames[10:, 10:30, 10:40] = SKIN
    for n in range(10, 30):
        frames[n, 45 + n % 3 : 70 + n % 3, 50 + n % 3 : 90 + n % 3] = SKIN
    static = static_pixels(frames, tolerance, 8)
    page = np.full((*SIZE, 3), 230, np.uint8)
    skin_coloured = static[20] & differs(frames[20], page, tolerance)
    found = regions_with_static_rim(skin_coloured, static[20], np.ones(SIZE, bool))
    assert found[12:28, 12:38].all()
    assert not found[45:70].any()
