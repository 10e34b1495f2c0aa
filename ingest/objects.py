"""Things that lie on the table and on the canvas at once: they come, stay a while and go.

Nothing is ever painted on the table. So what came onto the canvas with something on the table (a
second hand that rests, a rag, a caption) and left with it is cover, whatever was painted under it.
"""

from __future__ import annotations

import numpy as np

from ingest.levels import Levels, differs
from ingest.middle import median_look
from ingest.pieces import touching, without_specks

LEAST_OBJECT_PX, MOST_OBJECT_SHARE = 10, 0.4
"""Pixels of an object on the table; and the share of the canvas from which it is no object but
another light."""
RESTING_SHARE = 0.5
"""Share of its stay in which a thing on the table must lie still."""
END_BINS = 3
"""Bins that tell what the table looks like at the start, and at the end."""


def objects(
    levels: Levels,
    starts: np.ndarray,
    ends: np.ndarray,
    outside: np.ndarray,
    inside: np.ndarray,
    longer_than: int,
) -> np.ndarray:
    """bool (b, h, w): what came with something on the table, next to it, and left with it.

    A second hand that rests, a rag, a caption: all of it is gone at once.
    """
    found = np.zeros_like(outside)
    came = _stays(levels, outside, outside & (ends - starts >= longer_than), longer_than)
    change = levels.good & (starts == np.arange(len(starts))[:, None, None])
    # What is there at the last has not left.
    ending = np.where(ends == len(ends) - 1, len(ends) + 1, ends)
    left = levels.good & (ending == np.arange(len(ends))[:, None, None])
    for end, start in came.items():
        arrives = change[max(start - 1, 0) : start + 2].any(axis=0)
        leaves = (left & (starts >= start - 1))[end - 1 : end + 2].any(axis=0)
        for b in range(start, end + 1):
            # A hand that stirs, or turns its rag, shows new levels, and so does all in another
            # light; it leaves at once.
            alike = leaves & levels.good[b] & (starts[b] >= start - 1)
            alike &= arrives | (abs(ending[b] - end) <= 1)
            alike &= outside[b] | inside
            thing = touching(alike, alike & outside[b]) & inside
            if thing.sum() < MOST_OBJECT_SHARE * inside.sum():
                found[b] |= thing
    return found


def _stays(
    levels: Levels, outside: np.ndarray, resting: np.ndarray, longer_than: int
) -> dict[int, int]:
    """The last bins of all stays of things on the table, and the first bin of each.

    Args:
        outside: bool (b, h, w), where something lies or moves on the table; resting: where it lies.
        longer_than: bins; what stays less long does not rest.
    """
    number = np.arange(len(outside), dtype=np.int16)
    began, strange = np.zeros(outside.shape, np.int16), outside.copy()
    for b in number[1:]:
        # What is out of view for a while stays as it was.
        strange[b] = np.where(levels.seen[b], outside[b], strange[b - 1])
        began[b] = np.where(strange[b] & strange[b - 1], began[b - 1], b)
    came: dict[int, int] = {}
    for b in number[1:]:
        gone = strange[b - 1] & ~strange[b] & (began[b - 1] > 0)
        first, counts = np.unique(began[b - 1][gone], return_counts=True)
        is_long = (counts >= LEAST_OBJECT_PX) & (b - 1 - first >= longer_than)
        for start in first[is_long].tolist():
            lying = resting[start:b, gone & (began[b - 1] == start)].mean(axis=0)
            if (lying >= RESTING_SHARE).sum() >= LEAST_OBJECT_PX:
                came[int(b) - 1] = min(start, came.get(int(b) - 1, start))
    return came


def on_table(levels: Levels, inside: np.ndarray) -> np.ndarray:
    """bool (b, h, w): something lies or moves on the table."""
    table = _table(levels)
    found = np.zeros_like(levels.good)
    for b, colour in enumerate(levels.colour):
        strange = ~levels.good[b] | differs(colour, table, levels.tolerance)
        # Grain and the seams of planks leave specks, which are no thing.
        firm = without_specks(strange | ~levels.seen[b] | inside)
        found[b] = strange & firm & levels.seen[b] & ~inside
    return found


def _table(levels: Levels) -> np.ndarray:
    """What the table looks like, RGB uint8 (h, w, 3): of what is there mostly, at the start and at
    the end, what there is the longest from its first to its last look. A hand may rest on the table
    for most of the time, but it came and went."""
    some = levels.colour[:: max(1, len(levels.colour) // 30)]
    ends = levels.colour[:END_BINS], levels.colour[-END_BINS:]
    looks = [median_look(part) for part in (some, *ends)]
    spans = [_span(levels, look) for look in looks]
    best = np.argmax(spans, axis=0)
    return np.choose(best[..., None], looks)


def _span(levels: Levels, look: np.ndarray) -> np.ndarray:
    """Bins from the first to the last that show a look RGB uint8 (h, w, 3), int (h, w)."""
    alike = np.stack([~differs(colour, look, levels.tolerance) for colour in levels.colour])
    alike &= levels.good
    span = len(alike) - alike[::-1].argmax(axis=0) - alike.argmax(axis=0)
    return np.where(alike.any(axis=0), span, 0)
