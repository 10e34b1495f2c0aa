"""Dynamic time warping of curves, and matching of steps that keeps their order."""

from __future__ import annotations

import numpy as np


def warping_cost(first: np.ndarray, second: np.ndarray) -> tuple[float, int]:
    """Cost and number of pairs of the cheapest path that aligns two curves (Müller 2007).

    The path begins with both first points, ends with both last ones, and moves on by one point of
    the first, of the second, or of both. Of equally cheap paths the shortest counts.

    Args:
        first, second: float (N, D) and (M, D).
    """
    costs = np.linalg.norm(first[:, None] - second[None], axis=2)
    total = np.full((len(first) + 1, len(second) + 1), np.inf)
    length = np.zeros(total.shape, int)
    total[0, 0] = 0.0
    for i in range(1, len(first) + 1):
        for j in range(1, len(second) + 1):
            before = [(i - 1, j - 1), (i - 1, j), (i, j - 1)]
            best = min(before, key=lambda at: (total[at], length[at]))
            total[i, j] = costs[i - 1, j - 1] + total[best]
            length[i, j] = length[best] + 1
    return float(total[-1, -1]), int(length[-1, -1])


def monotone_match(scores: np.ndarray) -> float:
    """Largest sum of scores when each row takes one column, and columns never go back.

    Args:
        scores: float (rows, columns).
    """
    best = np.zeros(scores.shape[1])
    for row in scores:
        best = np.maximum.accumulate(best) + row
    return float(best.max())
