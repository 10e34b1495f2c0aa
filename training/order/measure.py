"""Measures an order on pictures whose process is known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from training.order.labels import NO_WORD, PlaceLabels

SMALLEST_THING = 4
"""Places that a thing must have to be counted."""


def word_accuracy(predicted: Sequence[np.ndarray], labels: Sequence[PlaceLabels]) -> float:
    """Share of the places with a known word for which it is predicted.

    Args:
        predicted: int (rows, columns), indices into the vocabulary.
    """
    right = known = 0
    for word, truth in zip(predicted, labels, strict=True):
        is_known = truth.word != NO_WORD
        right += int((word == truth.word)[is_known].sum())
        known += int(is_known.sum())
    return right / max(1, known)


def order_agreement(last: np.ndarray, labels: PlaceLabels) -> tuple[float, float] | None:
    """Kendall's tau between the predicted and the true order of a picture's things, and the share
    of pairs in the right order; None with fewer than two things.

    A thing is what was painted under one word. Its time is the median over its places.
    """
    things = [
        labels.word == word
        for word in np.unique(labels.word[labels.word != NO_WORD])
        if (labels.word == word).sum() >= SMALLEST_THING
    ]
    true = np.array([np.median(labels.last[thing]) for thing in things])
    guess = np.array([np.median(last[thing]) for thing in things])
    first, second = np.triu_indices(len(things), 1)
    differs = true[first] != true[second]
    if not differs.any():
        return None
    signs = np.sign(true[first] - true[second]) * np.sign(guess[first] - guess[second])
    signs = signs[differs]
    return float(signs.mean()), float((signs > 0).mean() + 0.5 * (signs == 0).mean())
