"""Means over paintings with intervals, and paired differences between artists."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from inference.evaluation.choices import BOOTSTRAP_DRAWS, CONFIDENCE


@dataclass(frozen=True)
class Estimate:
    """A mean over paintings."""

    mean: float
    low: float
    high: float
    """Ends of the bootstrap interval; equal to the mean for one painting."""
    num_paintings: int


def estimate(values: Sequence[float], seed: int = 0) -> Estimate:
    """Mean and percentile bootstrap interval of one value a painting.

    Raises:
        ValueError: there is no value, or one is not finite.
    """
    array = np.asarray(values, np.float64)
    if not array.size or not np.isfinite(array).all():
        raise ValueError(f"expected finite values, at least one, got {values}")
    rng = np.random.default_rng(seed)
    draws = array[rng.integers(len(array), size=(BOOTSTRAP_DRAWS, len(array)))].mean(axis=1)
    low, high = np.quantile(draws, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(array.mean()), float(low), float(high), len(array))


def paired_difference(first: Sequence[float], second: Sequence[float], seed: int = 0) -> Estimate:
    """Mean and interval of first minus second, painting by painting."""
    return estimate(np.asarray(first, np.float64) - np.asarray(second, np.float64), seed)  # pyright: ignore
