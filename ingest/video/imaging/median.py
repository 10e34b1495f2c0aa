"""The middle look of a few pictures: a median that makes up no colours, by compare and exchange."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np


def middle_look(pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Median uint8 (h, w, ...) of pictures, channel by channel; of an even number the upper one.

    Whole-picture minima and maxima are several times quicker than sorting pixel by pixel.
    """
    return np.array(_largest(pictures, len(pictures) - len(pictures) // 2)[-1])


def median_look(pictures: Sequence[np.ndarray] | np.ndarray) -> np.ndarray:
    """Median uint8 (h, w, ...) of pictures; of an even number the mean of the two in the middle,
    rounded down."""
    number = len(pictures)
    upper = _largest(pictures, number // 2 + 1)
    if number % 2:
        return np.array(upper[-1])
    low, high = upper[-1], upper[-2]
    # The mean of two numbers without leaving their 8 bits.
    return (low & high) + ((low ^ high) >> 1)


def median_of_rows(rows: np.ndarray) -> np.ndarray:
    """Median (k,) of the rows (k, n) of an array without NaN, for which `np.median` would look."""
    middle = rows.shape[1] // 2
    if rows.shape[1] % 2:
        return np.partition(rows, middle, axis=1)[:, middle]
    ordered = np.partition(rows, (middle - 1, middle), axis=1)
    return (ordered[:, middle - 1] + ordered[:, middle]) / 2


def kth_smallest(pictures: Sequence[np.ndarray], k: int) -> np.ndarray:
    """The k-th smallest value (from 0) at each place of pictures (h, w) of numbers."""
    least: list[np.ndarray] = []
    for picture in pictures:
        rest = picture
        for i, known in enumerate(least):
            least[i], rest = cv2.min(known, rest), cv2.max(known, rest)
        if len(least) <= k:
            least.append(rest)
    return least[k]


def _largest(pictures: Sequence[np.ndarray] | np.ndarray, number: int) -> list[np.ndarray]:
    """The `number` largest values at each place, falling."""
    row, largest = list(pictures), []
    for _ in range(number):
        # Every pass brings the largest of what is left to the end.
        for i in range(len(row) - 1):
            row[i], row[i + 1] = cv2.min(row[i], row[i + 1]), cv2.max(row[i], row[i + 1])
        largest.append(row.pop())
    return largest
