"""Labels of a process: when each place was painted last, and which word it was painted under."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np

NO_WORD = -1
"""Label of places whose word is not in the vocabulary."""
PASSING_WORDS = ("details", "sketch", "drawing")
"""Words that say how something is painted and not what: they label no place."""


@dataclass(frozen=True, eq=False)
class PlaceLabels:
    """Labels on the grid of tokens."""

    time: np.ndarray
    """float32 (rows, columns) in [0, 1]: share of the canvas that is painted for the last time
    before this place is."""
    word: np.ndarray
    """int64 (rows, columns): index into the vocabulary, -1 where none is known."""


def place_labels(
    steps: Iterable[tuple[str, np.ndarray]], vocabulary: Sequence[str], grid: tuple[int, int]
) -> PlaceLabels | None:
    """Labels from the steps of one process; None if nothing was painted.

    Args:
        steps: word and painted region, bool (H, W), of each step in order. Steps with a passing
            word (details, drawing) count for nothing: they come last everywhere.
        grid: rows and columns of the tokens.
    """
    last: np.ndarray | None = None
    word: np.ndarray | None = None
    for number, (name, mask) in enumerate(steps):
        if name in PASSING_WORDS:
            continue
        if last is None or word is None:
            last, word = np.full(mask.shape, -1, np.int32), np.full(mask.shape, NO_WORD, np.int32)
        last[mask] = number
        word[mask] = vocabulary.index(name) if name in vocabulary else NO_WORD
    if last is None or word is None or (last < 0).all():
        return None
    rank = _area_before(last)
    rows, columns = grid
    time = cv2.resize(rank, (columns, rows), interpolation=cv2.INTER_AREA)
    centres = np.ix_(_centres(last.shape[0], rows), _centres(last.shape[1], columns))
    return PlaceLabels(time, word[centres].astype(np.int64))


def _area_before(last: np.ndarray) -> np.ndarray:
    """For each pixel the share of the painted canvas that was finished before it, half of its own
    step included: float32 (H, W). Pixels that nothing painted take the earliest time."""
    numbers, index, counts = np.unique(last, return_inverse=True, return_counts=True)
    shares = counts / counts.sum()
    before = np.cumsum(shares) - shares / 2
    if numbers[0] < 0:
        before[0] = 0.0
    return before[index].reshape(last.shape).astype(np.float32)


def _centres(size: int, count: int) -> np.ndarray:
    return ((np.arange(count) + 0.5) * size / count).astype(int)
