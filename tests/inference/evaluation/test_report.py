"""Estimates, Fréchet distance and tables."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.evaluation.frechet import LEAST_FRAMES, frame_distance, frechet_distance
from inference.evaluation.report.statistics import Estimate, estimate, paired_difference
from inference.evaluation.report.table import COLUMNS, Row, SetDistance, latex, markdown
from ingest.conventions.errors import UserError


@settings(max_examples=20, deadline=None)
@given(st.lists(st.floats(-1e3, 1e3), min_size=1, max_size=20))
def test_an_interval_contains_its_mean(values: list[float]) -> None:
    found = estimate(values)
    assert found.low - 1e-9 <= found.mean <= found.high + 1e-9
    assert found.num_paintings == len(values)


def test_intervals_have_the_width_of_the_normal_approximation() -> None:
    values = np.random.default_rng(0).normal(5, 2, 400)
    found = estimate(values.tolist())
    assert found.high - found.low == pytest.approx(2 * 1.96 * 2 / 20, rel=0.1)


def test_paired_differences_forget_what_both_share() -> None:
    hard = np.random.default_rng(0).normal(0, 50, 30)
    found = paired_difference((hard + 1).tolist(), hard.tolist())
    assert (found.low, found.high) == (pytest.approx(1), pytest.approx(1))


def test_what_is_not_finite_is_refused() -> None:
    with pytest.raises(ValueError, match="finite"):
        estimate([1.0, float("nan")])


def test_the_frechet_distance_of_shifted_and_widened_features_is_known() -> None:
    rng = np.random.default_rng(0)
    features = rng.normal(size=(5 * LEAST_FRAMES, 6))
    assert frechet_distance(features, features) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(features, features + 2.0) == pytest.approx(6 * 4, rel=1e-6)
    widened = frechet_distance(features, 3 * features)
    means = 4 * (features.mean(axis=0) ** 2).sum()
    assert widened == pytest.approx(means + 4 * np.trace(np.cov(features, rowvar=False)), rel=1e-6)


def test_too_few_frames_are_refused_with_the_number_that_is_needed() -> None:
    with pytest.raises(UserError, match=str(LEAST_FRAMES)):
        frame_distance(np.zeros((10, 6)), np.zeros((1000, 6)))


def test_tables_show_interval_number_and_escaped_names() -> None:
    found = {metric: Estimate(0.5, 0.25, 0.75, 3) for _, metric, _ in COLUMNS}
    distances = {
        "fd_dinov2": SetDistance(None, "too few frames."),
        "fvd": SetDistance(12.34, "on 3 processes."),
    }
    row = Row("paper_20 & co", ("a", "b", "c"), found, {}, distances)
    assert "| paper_20 & co | 3 | 0.500 (0.250 to 0.750) |" in markdown([row])
    assert "| - | 12.3 |" in markdown([row])
    assert {
        "too few frames.",
        "on 3 processes.",
        "FVD: on I3D (RGB, Kinetics-400, logits).",
    } <= set(markdown([row]).splitlines())
    assert r"paper\_20 \& co & 0.500 & 0.500 & 0.50 & 0.50 & -- & 12.3 \\" in latex([row])
