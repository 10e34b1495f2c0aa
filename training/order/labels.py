"""Labels of a process: when each place was painted first and last, and under which word."""

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

    first: np.ndarray
    """float32 (rows, columns) in [0, 1]: when the place was painted for the first time. The clock
    is the painter's work: the share of all painted areas that came before, half of the own step's
    area included."""
    last: np.ndarray
    """float32 (rows, columns) in [0, 1]: when it was painted for the last time."""
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
    painted = [(name, mask) for name, mask in steps if name not in PASSING_WORDS and mask.any()]
    if not painted:
        return None
    areas = np.array([mask.mean() for _, mask in painted])
    clock = (np.cumsum(areas) - areas / 2) / areas.sum()
    shape = painted[0][1].shape
    # Pixels that nothing painted take the earliest time.
    first, last = np.zeros(shape, np.float32), np.zeros(shape, np.float32)
    word, was_painted = np.full(shape, NO_WORD, np.int32), np.zeros(shape, bool)
    for moment, (name, mask) in zip(clock, painted, strict=True):
        first[mask & ~was_painted], last[mask] = moment, moment
        word[mask] = vocabulary.index(name) if name in vocabulary else NO_WORD
        was_painted |= mask
    rows, columns = grid
    centres = np.ix_(_centres(shape[0], rows), _centres(shape[1], columns))
    return PlaceLabels(
        cv2.resize(first, (columns, rows), interpolation=cv2.INTER_AREA),
        cv2.resize(last, (columns, rows), interpolation=cv2.INTER_AREA),
        word[centres].astype(np.int64),
    )


def _centres(size: int, count: int) -> np.ndarray:
    return ((np.arange(count) + 0.5) * size / count).astype(int)
