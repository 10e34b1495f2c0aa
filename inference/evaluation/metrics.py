"""The paper's metrics of a painted process, and variants that show what those hide.

All take a `Comparison` and give one number for one painting. docs/evaluation.md has the formulas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.stats import kendalltau

from inference.evaluation.choices import (
    ARRIVED_LEVELS,
    CURVE_POINTS,
    LEFT_LEVELS,
    SECONDS_PER_UNIT,
    SMALLEST_THING,
)
from inference.evaluation.perceptual_curves import Comparison, Curves
from inference.evaluation.process import Process
from inference.evaluation.time_warping import monotone_match, warping_cost


def lpips(comparison: Comparison) -> float:
    """Mean LPIPS of the real frames to the painted frames nearest in time (section 4); lower is
    better."""
    return float(comparison.nearest.mean())


def lpips_in_progress(comparison: Comparison) -> float:
    """`lpips` with time counted as a share of each process's duration: how alike the canvases are,
    whatever the speed."""
    return float(comparison.nearest_in_progress.mean())


def iou(comparison: Comparison, skips_first: bool = False) -> float:
    """For each painted step the largest intersection over union with any real step, averaged over
    painted steps (section 4); higher is better.

    Args:
        skips_first: leave the first step of both out. A first step that covers the whole canvas
            matches a real underpainting, whatever comes after it.
    """
    overlaps = overlaps_of(comparison)
    if skips_first:
        overlaps = overlaps[1:, 1:]
    return float(overlaps.max(axis=1).mean()) if overlaps.size else 0.0


def ordered_iou(comparison: Comparison) -> float:
    """`iou` with an order: painted steps are matched to real steps that do not go back in time, so
    that the sum of overlaps is largest."""
    overlaps = overlaps_of(comparison)
    return monotone_match(overlaps) / len(overlaps)


def order_agreement(comparison: Comparison) -> float:
    """Kendall's tau-b between the orders in which both processes finish things, from -1 to 1.

    A thing is all pixels that one real step painted last; it is finished in the painted process at
    the median time of its pixels' last paint. 0 where there is no order: fewer than two things, or
    all finished at once.
    """
    real, painted = (_last_steps(c.masks) for c in (comparison.real, comparison.painted))
    times_s = np.concatenate([[0.0], comparison.painted.times_s[1:]])[painted + 1]
    things = [real == step for step in range(len(comparison.real.masks))]
    things = [thing for thing in things if thing.mean() >= SMALLEST_THING]
    finished_s = [float(np.median(times_s[thing])) for thing in things]
    if len(set(finished_s)) < 2:
        return 0.0
    agreement: Any = kendalltau(range(len(things)), finished_s)
    return float(agreement.statistic)


def _last_steps(masks: np.ndarray) -> np.ndarray:
    """int (h, w): the last step, of masks (N, h, w), that painted each pixel; -1 where none did."""
    last = len(masks) - 1 - masks[::-1].argmax(axis=0)
    return np.where(masks.any(axis=0), last, -1)


def distance_curve_difference(comparison: Comparison) -> float:
    """DDC: cost of warping the painted distance curve onto the real one in time (section 4); lower
    is better.

    A curve's points are (minutes, LPIPS to the finished painting). The cost of a pair of points is
    their Euclidean distance. The costs along the cheapest path are added up.
    """
    return warping_cost(_points(comparison.real), _points(comparison.painted))[0]


def mean_distance_curve_difference(comparison: Comparison) -> float:
    """DDC divided by the length of the path, so that more frames do not cost more."""
    cost, length = warping_cost(_points(comparison.real), _points(comparison.painted))
    return cost / length


def time_spent_difference(comparison: Comparison) -> float:
    """DTS: difference of the total painting times in minutes (section 4); lower is better."""
    gap_s = comparison.real.times_s[-1] - comparison.painted.times_s[-1]
    return float(abs(gap_s) / SECONDS_PER_UNIT)


def curve_gap(comparison: Comparison) -> float:
    """Mean absolute difference of the distance curves over progress from 0 to 1: the order of
    magnitude of work, whatever the time; lower is better."""
    progress = np.linspace(0, 1, CURVE_POINTS)
    real, painted = (
        np.interp(progress, curves.times_s / curves.times_s[-1], curves.to_target)
        for curves in (comparison.real, comparison.painted)
    )
    return float(np.abs(real - painted).mean())


def closer_share(comparison: Comparison) -> float:
    """Share of the painted steps that come closer to the finished painting in LPIPS."""
    return float((np.diff(comparison.painted.to_target) < 0).mean())


def arrival(comparison: Comparison) -> float:
    """LPIPS of the last painted frame to the finished painting."""
    return float(comparison.painted.to_target[-1])


def lost_share(painted: Process, target: np.ndarray) -> float:
    """Stability: share of the pixels that were as in the picture once and were painted over with
    something else later, in [0, 1]; lower is better.

    Args:
        target: RGB uint8 of the size of the frames.
    """
    arrived = np.zeros(target.shape[:2], bool)
    lost = np.zeros_like(arrived)
    for frame in painted.frames[1:]:
        error = np.abs(frame.astype(np.int16) - target).max(axis=2)
        lost |= arrived & (error > LEFT_LEVELS)
        arrived |= error <= ARRIVED_LEVELS
    return float(lost.mean())


def overlaps_of(comparison: Comparison) -> np.ndarray:
    """Intersection over union of every painted with every real step, float64 (painted, real).

    Two steps that paint nothing overlap fully: both stand still.
    """
    painted, real = (
        curves.masks.reshape(len(curves.masks), -1).astype(np.float32)
        for curves in (comparison.painted, comparison.real)
    )
    both = painted @ real.T
    either = painted.sum(axis=1)[:, None] + real.sum(axis=1)[None] - both
    return np.where(either > 0, both / np.maximum(either, 1), 1.0).astype(np.float64)


def _points(curves: Curves) -> np.ndarray:
    """Minutes and LPIPS, float64 (N, 2)."""
    return np.column_stack([curves.times_s / SECONDS_PER_UNIT, curves.to_target])
