"""What is computed by a shorter way gives what the plain way gives."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.video.imaging.median import kth_smallest, median_of_rows, pixel_median, upper_median
from ingest.video.keyframes.composition import View, compose
from ingest.video.keyframes.selection import SelectedKeyframe
from ingest.video.placement.frame_comparison import correlation
from ingest.video.registration.homography import track_points


@settings(max_examples=30, deadline=None)
@given(st.integers(1, 11), st.integers(0, 2**32 - 1))
def test_medians_by_exchange_are_those_by_sorting(number: int, seed: int) -> None:
    pictures = np.random.default_rng(seed).integers(0, 256, (number, 4, 5, 3), dtype=np.uint8)
    ordered = np.sort(pictures, axis=0)
    np.testing.assert_array_equal(upper_median(pictures), ordered[number // 2])
    np.testing.assert_array_equal(
        pixel_median(list(pictures)), np.median(pictures, axis=0).astype(np.uint8)
    )
    flat = pictures[..., 0].astype(np.float32)
    columns = flat.reshape(number, -1).T
    np.testing.assert_array_equal(median_of_rows(columns), np.median(columns, axis=1))
    for k in range(number):
        np.testing.assert_array_equal(kth_smallest(list(flat), k), ordered[k, ..., 0])


@settings(max_examples=30, deadline=None)
@given(st.integers(0, 2**32 - 1), st.floats(0.05, 1.0))
def test_correlation_by_sums_is_pearsons(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    a, noise = rng.integers(0, 256, (2, 30, 40))
    b = np.clip(0.6 * a + 0.4 * noise, 0, 255).astype(np.uint8)
    shared = rng.random((30, 40)) < share
    expected = np.corrcoef(a[shared], b[shared])[0, 1]
    assert correlation(a.astype(np.uint8), b, shared) == pytest.approx(expected, abs=1e-9)


def test_points_that_go_far_are_lost_and_the_others_stay_as_exact() -> None:
    rng = np.random.default_rng(0)
    noise = cv2.GaussianBlur(rng.normal(128, 300, (120, 160)).astype(np.float32), (0, 0), 2)
    known = np.clip(noise, 0, 255).astype(np.uint8)
    seen = np.roll(known, 2, axis=1)
    seen[:, 80:] = np.roll(known, 9, axis=1)[:, 80:]
    points = np.array([[x, 60] for x in (30, 50, 110, 130)], np.float32)[:, None]
    everywhere = track_points(known, points, seen)
    near = track_points(known, points, seen, max_move_px=5)
    assert np.isfinite(everywhere[1]).all()
    np.testing.assert_array_equal(np.isfinite(near[1]), [True, True, False, False])
    np.testing.assert_array_equal(near[1][:2], everywhere[1][:2])


def test_a_keyframe_made_of_small_parts_is_that_of_whole_frames() -> None:
    rng = np.random.default_rng(1)
    frame = cv2.resize(rng.integers(0, 256, (30, 40, 3), dtype=np.uint8), (320, 240))
    view = View(np.array([[0.7, 0.02, 3], [-0.01, 0.72, 5], [0, 0, 1.0]]), np.array([1.1, 1, 0.9]))
    size, spot = (213, 160), np.zeros((48, 64), bool)
    spot[20:24, 30:37] = True

    def composed(*looks: np.ndarray) -> list[np.ndarray]:
        selected = [SelectedKeyframe(0, 0, 0.0, 0.0, 0.0, {7: look}) for look in looks]
        states = np.zeros((len(looks), *spot.shape, 3), np.uint8)
        return compose(selected, states, [(7, frame)], {7: view}, size)

    whole = np.ones_like(spot)
    together, alone = composed(spot, whole)[0], composed(spot)[0]
    np.testing.assert_array_equal(alone, together)
    inner = np.s_[70:78, 104:120]
    np.testing.assert_allclose(alone[inner], composed(whole)[0][inner].astype(float), atol=1)
    assert not alone[:40].any()
