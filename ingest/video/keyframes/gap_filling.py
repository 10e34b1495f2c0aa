"""Fills large gaps between keyframes with the bins that have the fewest unsure pixels.

Where hands hide a part of the canvas all the time, no bin is clear, and most of a painting would
lie between two keyframes. A keyframe with a few unsure pixels is better than none.
"""

from __future__ import annotations

import numpy as np

from ingest.video.imaging.colour_distance import change

MIN_GAP_CHANGE = 0.5
"""Change from one keyframe to the next, 0 to 1, from which the step is a gap. 27 keyframes of a
whole painting are 0.02 to 0.05 apart."""
MIN_FILLING_CHANGE = MIN_GAP_CHANGE / 10
"""Least change of a filling keyframe from both ends of its gap."""


def gaps_filled(
    chosen: list[int],
    pyramids: dict[int, list[np.ndarray]],
    unsure: np.ndarray,
    max_unsure: float,
) -> list[int]:
    """Returns the keyframes' bins and the bins that fill the gaps between them, in order of time.

    Args:
        pyramids: `ingest.video.imaging.colour_distance.pyramid` of the clean canvas of every bin.
        unsure: share of the canvas that is unsure in each bin (b,).
        max_unsure: largest such share in a bin that fills a gap.
    """
    done = chosen[:1]
    for following in chosen[1:]:
        done += _between(done[-1], following, pyramids, unsure, max_unsure)
        done.append(following)
    return done


def _between(
    first: int,
    last: int,
    pyramids: dict[int, list[np.ndarray]],
    unsure: np.ndarray,
    max_unsure: float,
) -> list[int]:
    """Returns the bins that fill the gap between two bins; empty if it is no gap."""
    step = change(pyramids[first], pyramids[last])
    if step < MIN_GAP_CHANGE:
        return []
    fitting = [
        b
        for b in range(first + 1, last)
        if unsure[b] <= max_unsure
        and change(pyramids[first], pyramids[b]) >= MIN_FILLING_CHANGE
        and MIN_FILLING_CHANGE <= change(pyramids[b], pyramids[last]) < step
    ]
    if not fitting:
        return []
    best = min(fitting, key=lambda b: (round(float(unsure[b]), 3), b))
    before = _between(first, best, pyramids, unsure, max_unsure)
    return [*before, best, *_between(best, last, pyramids, unsure, max_unsure)]
