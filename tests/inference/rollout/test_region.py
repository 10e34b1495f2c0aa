"""The choice of a region: published cases, and the release's fixtures if they are present."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.rollout.region import (
    PUBLISHED_THRESHOLDS,
    RegionConfig,
    choose_region,
    overlap,
    unfinished_area,
)

SIZE = (64, 80)


def nested(*rows: int) -> np.ndarray:
    """A map whose region has rows[i] full rows at the i-th published threshold."""
    probability = np.zeros(SIZE, np.float32)
    for threshold, count in zip(PUBLISHED_THRESHOLDS[::-1], rows[::-1], strict=True):
        probability[:count] = threshold + 0.05
    return probability


def rows_mask(count: int) -> np.ndarray:
    mask = np.zeros(SIZE, bool)
    mask[:count] = True
    return mask


@pytest.mark.parametrize(
    ("probability", "previous", "threshold"),
    [
        (nested(0, 0, 0, 0, 0), None, 0.5),
        (nested(24, 24, 24, 24, 24), rows_mask(0), 0.5),
        (nested(3, 16, 16, 16, 16), rows_mask(0), 0.4),
        (nested(40, 41, 64, 64, 64), rows_mask(40), 0.3),
        (nested(0, 1, 2, 3, 3), rows_mask(20), 0.1),
        (nested(0, 0, 0, 0, 0), rows_mask(20), 0.1),
    ],
    ids=["first", "at once", "too small", "too like the last", "none", "empty"],
)
def test_threshold(probability: np.ndarray, previous: np.ndarray | None, threshold: float) -> None:
    region = choose_region(lambda: probability, previous, RegionConfig())
    assert region.threshold == threshold
    assert np.array_equal(region.mask, probability > threshold)


def test_limits_are_inclusive_as_published() -> None:
    exactly_five_percent = np.zeros((40, 40), np.float32)
    exactly_five_percent[:2] = 0.9
    assert (
        choose_region(lambda: exactly_five_percent, rows_mask(0)[:40, :40], RegionConfig()).area
        == 0.05
    )
    # An overlap of exactly 0.8 counts as too similar.
    probability = np.full((10, 10), 0.05, np.float32)
    probability[:8], probability[8:9] = 0.55, 0.45
    previous = np.zeros((10, 10), bool)
    previous[:10] = True
    assert overlap(probability > 0.5, previous) == 0.8
    assert choose_region(lambda: probability, previous, RegionConfig()).threshold != 0.5


def test_a_region_of_everything_keeps_its_likeliest_part() -> None:
    probability = np.linspace(0.55, 0.95, 1000, dtype=np.float32).reshape(20, 50)
    region = choose_region(lambda: probability, None, RegionConfig(largest_area=0.4))
    assert region.area == pytest.approx(0.4, abs=0.01)
    assert probability[region.mask].min() >= probability[~region.mask].max()
    assert choose_region(lambda: probability, None, RegionConfig()).area == 1.0
    flat = np.full((20, 50), 0.9, np.float32)
    assert choose_region(lambda: flat, None, RegionConfig(largest_area=0.4)).area == 1.0
    small = choose_region(lambda: probability - 0.4, None, RegionConfig(largest_area=0.4))
    assert small.threshold == 0.5, "smaller regions are left as they are"


def test_regions_lie_where_something_is_left_to_do() -> None:
    probability = np.full(SIZE, 0.02, np.float32)
    probability[:30] = 0.9  # sure of what is finished already
    probability[50:, :40] = 0.05
    unfinished = ~rows_mask(32)
    region = choose_region(lambda: probability, rows_mask(30), RegionConfig(), unfinished)
    assert region.mask.any()
    assert not (region.mask & ~unfinished).any()
    assert region.mask[50:, :40].mean() > 0.9, "the likeliest of what is left"
    everything_done = np.zeros(SIZE, bool)
    done = choose_region(lambda: probability, rows_mask(30), RegionConfig(), everything_done)
    assert not done.mask.any()
    sure = np.where(unfinished, 0.7, 0.9).astype(np.float32)
    assert choose_region(lambda: sure, rows_mask(30), RegionConfig(), unfinished).threshold == 0.5


def test_unfinished_area() -> None:
    rng = np.random.default_rng(0)
    target = rng.integers(0, 256, (100, 120, 3), dtype=np.uint8)
    canvas = target.copy()
    canvas[:40] = 255
    canvas[70, 70] = 0
    unfinished = unfinished_area(canvas, target)
    assert unfinished[:39].mean() > 0.99, "grains that happen to fit are not finished"
    assert not unfinished[44:].any(), "a single pixel is no unfinished place"


def test_overlap_of_nothing_is_whole() -> None:
    nothing = np.zeros((3, 3), bool)
    assert overlap(nothing, nothing) == 1.0
    assert overlap(nothing, ~nothing) == 0.0


@given(st.integers(0, 2**32 - 1), st.booleans())
def test_region_is_always_one_of_the_candidates(seed: int, is_first: bool) -> None:
    rng = np.random.default_rng(seed)
    probability = rng.random((9, 7)).astype(np.float32) ** rng.integers(1, 5)
    previous = None if is_first else rng.random((9, 7)) > 0.5
    region = choose_region(lambda: probability, previous, RegionConfig())
    assert any(np.array_equal(region.mask, probability > t) for t in PUBLISHED_THRESHOLDS)
    if is_first:
        assert region.threshold == PUBLISHED_THRESHOLDS[0]
