"""The choice of a threshold: published cases, and the fixtures of the release where they are."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inference.region import (
    PUBLISHED_THRESHOLDS,
    RegionConfig,
    choose_region,
    overlap,
    unfinished_area,
)

FIXTURES = Path(__file__).resolve().parents[3] / "shared" / "fixtures" / "official"
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
    region = choose_region(probability, previous, RegionConfig())
    assert region.threshold == threshold
    assert np.array_equal(region.mask, probability > threshold)


def test_limits_are_inclusive_as_published() -> None:
    exactly_five_percent = np.zeros((40, 40), np.float32)
    exactly_five_percent[:2] = 0.9
    assert choose_region(exactly_five_percent, rows_mask(0)[:40, :40], RegionConfig()).area == 0.05
    # An overlap of exactly 0.8 counts as too similar.
    probability = np.full((10, 10), 0.05, np.float32)
    probability[:8], probability[8:9] = 0.55, 0.45
    previous = np.zeros((10, 10), bool)
    previous[:10] = True
    assert overlap(probability > 0.5, previous) == 0.8
    assert choose_region(probability, previous, RegionConfig()).threshold != 0.5


def test_a_region_of_everything_keeps_its_likeliest_part() -> None:
    probability = np.linspace(0.55, 0.95, 1000, dtype=np.float32).reshape(20, 50)
    region = choose_region(probability, None, RegionConfig(largest_area=0.4))
    assert region.area == pytest.approx(0.4, abs=0.01)
    assert probability[region.mask].min() >= probability[~region.mask].max()
    assert choose_region(probability, None, RegionConfig()).area == 1.0
    flat = np.full((20, 50), 0.9, np.float32)
    assert choose_region(flat, None, RegionConfig(largest_area=0.4)).area == 1.0
    small = choose_region(probability - 0.4, None, RegionConfig(largest_area=0.4))
    assert small.threshold == 0.5, "smaller regions are left as they are"


def test_regions_lie_where_something_is_left_to_do() -> None:
    probability = np.full(SIZE, 0.02, np.float32)
    probability[:30] = 0.9  # sure of what is finished already
    probability[50:, :40] = 0.05
    unfinished = ~rows_mask(32)
    region = choose_region(probability, rows_mask(30), RegionConfig(), unfinished)
    assert region.mask.any()
    assert not (region.mask & ~unfinished).any()
    assert region.mask[50:, :40].mean() > 0.9, "the likeliest of what is left"
    everything_done = np.zeros(SIZE, bool)
    done = choose_region(probability, rows_mask(30), RegionConfig(), everything_done)
    assert not done.mask.any()
    sure = np.where(unfinished, 0.7, 0.9).astype(np.float32)
    assert choose_region(sure, rows_mask(30), RegionConfig(), unfinished).threshold == 0.5


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
    region = choose_region(probability, previous, RegionConfig())
    assert any(np.array_equal(region.mask, probability > t) for t in PUBLISHED_THRESHOLDS)
    if is_first:
        assert region.threshold == PUBLISHED_THRESHOLDS[0]


@pytest.mark.real
def test_release_fixture() -> None:
    """Masks that the authors' own lines chose (parity fixture i)."""
    path = FIXTURES / "i_threshold_and_stop_rules.json"
    if not path.is_file():
        pytest.skip(f"{path} is not there")
    from safetensors.numpy import load_file

    cases = json.loads(path.read_text())["threshold_cases"]
    tensors = load_file(path.with_suffix(".safetensors"))
    for case, candidates, previous, expected in zip(
        cases,
        tensors["input.candidate_masks"],
        tensors["input.previous_mask"],
        tensors["expected.mask"],
        strict=True,
    ):
        # One map whose cut at each threshold is the candidate, if they are nested as ours are.
        masks = candidates.astype(bool)
        if any((masks[i] & ~masks[i + 1]).any() for i in range(4)):
            continue
        probability = np.zeros(masks.shape[1:], np.float32)
        for mask, threshold in zip(masks[::-1], PUBLISHED_THRESHOLDS[::-1], strict=True):
            probability[mask] = threshold + 0.05
        is_first = case["update_index"] == 0
        up = np.ones((8, 8), bool)
        region = choose_region(
            np.kron(probability, up), None if is_first else np.kron(previous, up) > 0,
            RegionConfig(),
        )  # fmt: skip
        assert region.threshold == case["expected_threshold"], case["name"]
        assert np.array_equal(region.mask, np.kron(expected, up) > 0), case["name"]
