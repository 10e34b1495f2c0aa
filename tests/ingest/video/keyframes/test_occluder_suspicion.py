"""A hand left in a keyframe raises its suspicion; paint, also paint over paint, does not."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.keyframes.occluder_suspicion import (
    SUSPICION_THRESHOLD,
    main_measure,
    suspicion,
    transient_masks,
)


def painted(steps: int) -> np.ndarray:
    """A canvas of 160 x 200 with a band of another colour for every step."""
    image = np.full((160, 200, 3), 235, np.uint8)
    for step in range(steps):
        colour = (60 + 50 * step % 190, 190 - 40 * step % 150, 90 + 20 * step % 100)
        cv2.rectangle(image, (20 * step, 0), (20 * step + 30, 160), colour, -1)
    return image


def with_hand(image: np.ndarray) -> np.ndarray:
    return cv2.circle(image.copy(), (150, 120), 24, (150, 100, 80), -1)


def test_paint_alone_is_above_suspicion() -> None:
    masks = transient_masks([painted(step) for step in range(8)])
    assert masks.shape == (8, 128, 160)
    assert not masks.any()


@pytest.mark.parametrize("stay", [[3], [3, 4], [2, 3, 4]])
def test_a_hand_that_is_left_in_is_found_where_it_lies(stay: list[int]) -> None:
    images = [painted(step // 2) for step in range(8)]
    masks = transient_masks([with_hand(x) if k in stay else x for k, x in enumerate(images)])
    for k, mask in enumerate(masks):
        if k not in stay:
            assert not mask.any()
            continue
        y, x = (np.mean(axis) / 0.8 for axis in np.nonzero(mask))
        assert (x, y) == (pytest.approx(150, abs=3), pytest.approx(120, abs=3))
        assert mask.mean() == pytest.approx(np.pi * 24**2 / (160 * 200), rel=0.15)


def test_a_shift_of_one_pixel_is_no_hand() -> None:
    images = [painted(6) for _ in range(5)]
    images[2] = np.roll(images[2], 1, axis=1)
    assert not transient_masks(images)[:, 8:-8, 8:-8].any()


def test_a_hair_is_no_hand() -> None:
    images = [painted(0) for _ in range(5)]
    cv2.line(images[2], (60, 60), (100, 60), (100, 100, 100), 2)
    assert not transient_masks(images).any()


def test_a_ground_that_is_painted_over_is_no_hand() -> None:
    white, umber = painted(0), np.full((160, 200, 3), (150, 100, 60), np.uint8)
    sky = white.copy()
    sky[70:] = (60, 120, 60)
    assert not transient_masks([white, umber, sky, sky, sky]).any()


def test_suspicion_grows_with_each_measure() -> None:
    clean = {"change": 0.9, "covered": 0.2, "unsure": 0.01, "passing": 0.0}
    assert suspicion(clean) < SUSPICION_THRESHOLD
    assert suspicion({}) == 0
    for name, value in (("covered", 0.6), ("unsure", 0.2), ("passing", 0.03)):
        assert suspicion(clean | {name: value}) > SUSPICION_THRESHOLD, name
        assert main_measure(clean | {name: value}) == (name, value)
    assert suspicion(dict.fromkeys(clean, 1.0)) == 1
