"""The metrics on processes whose answer is known."""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np
import pytest

from inference.evaluation import metrics
from inference.evaluation.perceptual_curves import Comparison, compare, nearest_frames
from inference.evaluation.process import Process
from inference.evaluation.time_warping import monotone_match, warping_cost
from ingest.conventions.errors import UserError
from labeling.regions.perceptual import PerceptualDistance

STEP_S = 30.0


@pytest.fixture(scope="module")
def perceptual() -> PerceptualDistance:
    return PerceptualDistance()


@pytest.fixture(scope="module")
def real() -> Process:
    """Six things painted one after the other on white."""
    rng = np.random.default_rng(3)
    canvas = np.full((256, 384, 3), 255, np.uint8)
    frames = [canvas.copy()]
    for number in range(6):
        top, left = 128 * (number // 3), 128 * (number % 3)
        noise = rng.integers(0, 255, (12, 12, 3), np.uint8)
        canvas[top : top + 128, left : left + 128] = cv2.resize(noise, (128, 128))
        frames.append(canvas.copy())
    return Process("six", tuple(frames), tuple(STEP_S * n for n in range(7)))


def _compared(real: Process, painted: Process, perceptual: PerceptualDistance) -> Comparison:
    return compare(real, painted, real.frames[-1], perceptual)


def test_the_same_process_is_perfect(real: Process, perceptual: PerceptualDistance) -> None:
    same = _compared(real, real, perceptual)
    assert metrics.lpips(same) == pytest.approx(0, abs=1e-6)
    assert metrics.iou(same) == metrics.ordered_iou(same) == 1
    assert metrics.order_agreement(same) == pytest.approx(1)
    assert metrics.distance_curve_difference(same) == pytest.approx(0, abs=1e-6)
    assert metrics.time_spent_difference(same) == 0
    assert metrics.curve_gap(same) == pytest.approx(0, abs=1e-6)
    assert metrics.arrival(same) == pytest.approx(0, abs=1e-6)
    assert metrics.closer_share(same) == 1


def test_another_order_keeps_the_regions_but_not_their_order(
    real: Process, perceptual: PerceptualDistance
) -> None:
    # The same six things, the last one first: every step finds its region somewhere.
    frames = [real.frames[0]]
    for number in reversed(range(6)):
        changed = (real.frames[number + 1] != real.frames[number]).any(axis=2)
        frames.append(np.where(changed[..., None], real.frames[-1], frames[-1]))
    backwards = _compared(real, replace(real, frames=tuple(frames)), perceptual)
    # LPIPS sees a little beyond a region, and what lies beside it differs.
    assert metrics.iou(backwards) > 0.7
    assert metrics.ordered_iou(backwards) < 0.4
    assert metrics.order_agreement(backwards) == pytest.approx(-1)
    assert metrics.lpips(backwards) > 0.2


def test_half_speed_differs_in_time_only(real: Process, perceptual: PerceptualDistance) -> None:
    slow = replace(real, times_s=tuple(2 * t for t in real.times_s))
    result = _compared(real, slow, perceptual)
    assert metrics.time_spent_difference(result) == pytest.approx(6 * STEP_S / 60)
    assert metrics.iou(result) == 1
    assert metrics.order_agreement(result) == pytest.approx(1)
    assert metrics.lpips(result) > 0.1
    assert metrics.lpips_in_progress(result) == pytest.approx(0, abs=1e-6)
    assert metrics.curve_gap(result) == pytest.approx(0, abs=1e-6)
    # Each of the six real points is paired with a painted one at least so far away in minutes.
    assert metrics.distance_curve_difference(result) >= 3.0


def test_a_painter_who_does_nothing_never_arrives(
    real: Process, perceptual: PerceptualDistance
) -> None:
    stalled = replace(real, frames=(real.frames[0],) * 7)
    result = _compared(real, stalled, perceptual)
    assert metrics.iou(result) == metrics.order_agreement(result) == 0
    assert metrics.closer_share(result) == 0
    assert metrics.arrival(result) == pytest.approx(result.real.to_target[0])
    assert metrics.lpips(result) > 0.2


def test_everything_at_once_covers_much_and_matches_no_step(
    real: Process, perceptual: PerceptualDistance
) -> None:
    instant = Process("six", (real.frames[0], real.frames[-1]), (0.0, STEP_S))
    result = _compared(real, instant, perceptual)
    assert 1 / 6 < metrics.iou(result) < 0.4
    assert metrics.iou(result, skips_first=True) == metrics.order_agreement(result) == 0
    assert metrics.time_spent_difference(result) == pytest.approx(2.5)
    assert metrics.arrival(result) == pytest.approx(0, abs=1e-6)


def test_another_resolution_is_scaled_to_the_real_one(
    real: Process, perceptual: PerceptualDistance
) -> None:
    larger = tuple(cv2.resize(f, None, fx=2, fy=2) for f in real.frames)
    result = _compared(real, replace(real, frames=larger), perceptual)
    assert metrics.iou(result) > 0.9
    assert metrics.lpips(result) < 0.05


def test_a_process_that_does_not_begin_blank_begins_with_white(
    real: Process, perceptual: PerceptualDistance
) -> None:
    late = Process("six", real.frames[1:], real.times_s[1:])
    result = _compared(real, late, perceptual)
    assert len(result.painted.masks) == 6
    assert metrics.iou(result) == 1
    assert metrics.time_spent_difference(result) == 0


def test_paint_that_goes_away_again_is_lost(real: Process) -> None:
    target = real.frames[-1]
    assert metrics.lost_share(real, target) == 0
    spoilt = real.frames[3].copy()
    spoilt[:128, :128] = 255 - target[:128, :128]
    frames = (*real.frames[:3], spoilt, *real.frames[4:])
    assert metrics.lost_share(replace(real, frames=frames), target) == pytest.approx(
        1 / 6, abs=0.04
    )


def test_frames_of_another_shape_are_refused(real: Process, perceptual: PerceptualDistance) -> None:
    square = replace(real, frames=tuple(f[:, :256] for f in real.frames))
    with pytest.raises(UserError, match="shape of the painting"):
        _compared(real, square, perceptual)


def test_the_nearest_frame_in_time_is_the_earlier_of_two_and_the_last_at_the_end() -> None:
    assert nearest_frames([0, 77, 80, 90, 500], [0, 80, 100]).tolist() == [0, 1, 1, 1, 2]


def test_warping_adds_up_the_cheapest_path() -> None:
    first, second = np.array([[0.0], [1.0], [3.0]]), np.array([[0.0], [2.0], [3.0]])
    assert warping_cost(first, second) == (1.0, 3)
    assert warping_cost(first, first[[0, 0, 1, 2]]) == (0.0, 4)
    # A curve of one point is paired with every point of the other.
    assert warping_cost(np.array([[1.0]]), second) == (1.0 + 1.0 + 2.0, 3)


def test_matches_never_go_back() -> None:
    crossed = np.array([[0.0, 1.0], [1.0, 0.0]])
    assert monotone_match(crossed) == 1
    assert monotone_match(crossed[::-1]) == 2


def test_times_that_do_not_increase_are_refused(real: Process) -> None:
    with pytest.raises(UserError, match="times must increase"):
        replace(real, times_s=(0.0, *real.times_s[:-1]))
