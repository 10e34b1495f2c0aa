"""Things that lie on the table and on the canvas at once: they come, stay a while and go.

Nothing is ever painted on the table. So what came onto the canvas with something on the table (a
second hand that rests, a rag, a caption) and left with it is cover, whatever was painted under it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.video.imaging.connected_components import joined, touching, without_specks
from ingest.video.imaging.difference import differs
from ingest.video.imaging.usual import usual_look
from ingest.video.occlusion.levels import Levels

LEAST_OBJECT_PX, MOST_OBJECT_SHARE = 10, 0.4
"""Pixels of an object on the table; and the share of the canvas from which it is no object but
another light."""
RESTING_SHARE = 0.5
"""Share of its stay in which a thing on the table must lie still."""


@dataclass(frozen=True, eq=False)
class _Stay:
    """Something on the table; all but the place are bins."""

    clear: int
    """The last one before it in which its place is seen to be clear."""
    start: int
    end: int
    """The first and the last that show it."""
    gone: int
    """The first after it in which its place is seen to be clear again."""
    place: np.ndarray
    """bool (h, w), on the table."""


def objects(
    levels: Levels,
    starts: np.ndarray,
    ends: np.ndarray,
    outside: np.ndarray,
    inside: np.ndarray,
    longer_than: int,
) -> np.ndarray:
    """bool (b, h, w): what came with something on the table, next to it, and left with it.

    Args:
        starts, ends: first and last bins of the runs of levels, int16 (b, h, w).
        outside: bool (b, h, w), where something lies or moves on the table.
        inside: bool (h, w), the canvas.
        longer_than: bins; what stays on the table less long does not rest.
    """
    found = np.zeros_like(outside)
    number = np.arange(len(outside))[:, None, None]
    begins = levels.good & (starts == number)
    # What is there at the last has not left.
    leaves = levels.good & (ends == number) & (ends < len(outside) - 1)
    resting = outside & (ends - starts >= longer_than)
    for stay in _stays(levels, outside, resting, longer_than):
        arrives = begins[stay.clear : stay.start + 2].any(axis=0)
        left = _left_with(stay, leaves & (starts >= stay.clear))
        together = abs(left - stay.end) <= 1
        for b in range(stay.clear + 1, stay.gone):
            came = inside & levels.good[b] & (starts[b] >= stay.clear) & (b <= left)
            thing = touching((came & arrives) | stay.place, stay.place)
            # A hand that stirs, or turns its rag, shows new levels; they leave with it at once.
            stirred = came & together & (ends[b] == left)
            thing = joined(thing, stirred, levels.colour[b], levels.tolerance) & inside
            if thing.sum() < MOST_OBJECT_SHARE * inside.sum():
                found[b] |= thing
    return found


def _left_with(stay: _Stay, leaves: np.ndarray) -> np.ndarray:
    """The bin in which what every pixel shows left with a stay, int (h, w), or -1.

    Args:
        leaves: bool (b, h, w), the last bin of levels that came after the place was clear.
    """
    left = np.full(leaves.shape[1:], -1)
    # While its place on the table is out of view it may have left at any time.
    for b in (*range(stay.gone, stay.end + 1, -1), *range(stay.end - 1, stay.end + 2)):
        if 0 <= b < len(leaves):
            left[leaves[b]] = b
    return left


def _stays(
    levels: Levels, outside: np.ndarray, resting: np.ndarray, longer_than: int
) -> list[_Stay]:
    """All stays of things on the table; `resting`, bool (b, h, w), is where such a thing lies
    still, the others are those of `objects`."""
    parts = _stay_by_pixel(levels, outside, resting, longer_than)
    found = []
    while len(parts):
        pairs, counts = np.unique(parts[:, 1:3], axis=0, return_counts=True)
        alike = (abs(parts[:, 1:3] - pairs[counts.argmax()]) <= 1).all(axis=1)
        place = np.zeros(outside[0].size, bool)
        place[parts[alike, -1]] = True
        place = place.reshape(outside.shape[1:])
        if without_specks(place).sum() >= LEAST_OBJECT_PX:
            clear, start, end, gone = np.median(parts[alike, :4], axis=0).astype(int).tolist()
            found.append(_Stay(clear, start, end, gone, place))
        parts = parts[~alike]
    return found


def _stay_by_pixel(
    levels: Levels, outside: np.ndarray, resting: np.ndarray, longer_than: int
) -> np.ndarray:
    """int (k, 5): the four bins of every stay at every pixel, and the number of the pixel."""
    clear = np.full(outside.shape[1:], -1)
    start, end = clear.copy(), clear.copy()
    lying, seen = (np.cumsum(part, axis=0, dtype=np.int32) for part in (resting, levels.seen))
    parts = [np.zeros((0, 5), int)]
    for b in range(len(outside)):
        is_there, is_clear = outside[b], levels.seen[b] & ~outside[b]
        gone = is_clear & (end > clear) & (clear >= 0) & (end - start >= longer_than)
        y, x = np.nonzero(gone)
        # How often it was seen, and how often it lay still then, from its first bin to its last.
        first, last = start[y, x], end[y, x]
        lay, looks = (total[last, y, x] - total[first - 1, y, x] for total in (lying, seen))
        kept = lay >= RESTING_SHARE * looks
        pixel = np.ravel_multi_index((y, x), gone.shape)
        columns = [clear[y, x], first, last, np.full(len(y), b), pixel]
        parts.append(np.stack(columns, axis=1)[kept])
        start = np.where(is_there & (end <= clear), b, start)
        end, clear = np.where(is_there, b, end), np.where(is_clear, b, clear)
    return np.concatenate(parts)


def on_table(levels: Levels, inside: np.ndarray) -> np.ndarray:
    """bool (b, h, w): something lies or moves on the table."""
    table = usual_look(levels.colour, levels.tolerance, levels.good)
    found = np.zeros_like(levels.good)
    for b, colour in enumerate(levels.colour):
        strange = ~levels.good[b] | differs(colour, table, levels.tolerance)
        # Grain and the seams of planks leave specks, which are no thing.
        firm = without_specks(strange | ~levels.seen[b] | inside)
        found[b] = strange & firm & levels.seen[b] & ~inside
    return found
