"""Fills gaps in a row of keyframes: rather a moment that is a little unsure than none at all.

Where hands hide a part of the canvas all the time, no moment is clear, and most of a painting would
lie between two keyframes. There the clearest moment in between is the lesser evil.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.colour_distance import change

LARGE_STEP = 0.5
"""Change from one keyframe to the next that is a gap: 27 keyframes of a whole painting have 0.02 to
0.05 between them."""


def gaps_filled(
    chosen: list[int], looks: dict[int, list[np.ndarray]], unsure: np.ndarray, most_unsure: float
) -> list[int]:
    """The keyframes' bins with the clearest bins between those that are far apart.

    Args:
        looks: `ingest.video.imaging.colour_distance.pyramid` of the clean canvas of every bin.
        unsure: share of the canvas that is unsure in each bin (b,).
        most_unsure: what may be unsure in a bin that fills a gap.
    """
    done = chosen[:1]
    for following in chosen[1:]:
        done += _between(done[-1], following, looks, unsure, most_unsure)
        done.append(following)
    return done


def _between(
    first: int, last: int, looks: dict[int, list[np.ndarray]], unsure: np.ndarray, most: float
) -> list[int]:
    step = change(looks[first], looks[last])
    if step < LARGE_STEP:
        return []
    # A moment that is like either end fills nothing.
    least = LARGE_STEP / 10
    fitting = [
        b
        for b in range(first + 1, last)
        if unsure[b] <= most
        and change(looks[first], looks[b]) >= least
        and least <= change(looks[b], looks[last]) < step
    ]
    if not fitting:
        return []
    best = min(fitting, key=lambda b: (round(float(unsure[b]), 3), b))
    before = _between(first, best, looks, unsure, most)
    return [*before, best, *_between(best, last, looks, unsure, most)]
