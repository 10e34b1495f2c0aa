"""Finds objects that lie on the table and reach onto the canvas: they arrive, stay and leave.

Nothing is ever painted on the table. So what came onto the canvas with something on the table (a
second hand that rests, a rag, a caption) and left with it is an occluder, whatever was painted
under it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ingest.video.imaging.connected_components import (
    components_touching,
    with_joined_components,
    without_specks,
)
from ingest.video.imaging.difference import differs
from ingest.video.imaging.persistent_colour import most_persistent_colour
from ingest.video.occlusion.dominant_colours import DominantColours

MIN_OBJECT_PX = 10
"""Least area of an object on the table, in pixels."""
MAX_OBJECT_SHARE = 0.4
"""Share of the canvas from which a region is a change of light and no object."""
MIN_STATIC_SHARE = 0.5
"""Least share of its stay in which an object on the table must lie still."""


@dataclass(frozen=True, eq=False)
class _Stay:
    """An object on the table from its arrival to its departure; times are bins."""

    last_clear: int
    """The last bin before it in which its place is seen to be clear."""
    first: int
    """The first bin that shows it."""
    last: int
    """The last bin that shows it."""
    next_clear: int
    """The first bin after it in which its place is seen to be clear again."""
    mask: np.ndarray
    """bool (h, w), its place on the table."""


def find_objects_on_table(
    colours: DominantColours,
    starts: np.ndarray,
    ends: np.ndarray,
    outside: np.ndarray,
    inside: np.ndarray,
    min_bins: int,
) -> np.ndarray:
    """Returns bool (b, h, w): regions of the canvas that arrive and leave with an object on the
    table and touch it.

    Args:
        starts, ends: first and last bins of the runs of equal colours, int16 (b, h, w).
        outside: bool (b, h, w), where something lies or moves on the table.
        inside: bool (h, w), the canvas.
        min_bins: least time that an object stays on the table.
    """
    found = np.zeros_like(outside)
    number = np.arange(len(outside))[:, None, None]
    begins = colours.reliable & (starts == number)
    # What is there in the last bin has not left.
    leaves = colours.reliable & (ends == number) & (ends < len(outside) - 1)
    static = outside & (ends - starts >= min_bins)
    for stay in _stays(colours, outside, static, min_bins):
        arrives = begins[stay.last_clear : stay.first + 2].any(axis=0)
        left = _left_with(stay, leaves & (starts >= stay.last_clear))
        together = abs(left - stay.last) <= 1
        for b in range(stay.last_clear + 1, stay.next_clear):
            came = inside & colours.reliable[b] & (starts[b] >= stay.last_clear) & (b <= left)
            region = components_touching((came & arrives) | stay.mask, stay.mask)
            # A hand that stirs, or turns its rag, shows new colours; they leave with it at once.
            stirred = came & together & (ends[b] == left)
            colour, tolerance = colours.colour[b], colours.tolerance
            region = with_joined_components(region, stirred, colour, tolerance) & inside
            if region.sum() < MAX_OBJECT_SHARE * inside.sum():
                found[b] |= region
    return found


def _left_with(stay: _Stay, leaves: np.ndarray) -> np.ndarray:
    """Returns int (h, w): the bin in which the colour of each pixel left together with the object,
    or -1 if it did not.

    Args:
        leaves: bool (b, h, w), the last bin of colours that came after the place was clear.
    """
    left = np.full(leaves.shape[1:], -1)
    # While its place on the table is out of view it may have left at any time.
    later = range(stay.next_clear, stay.last + 1, -1)
    for b in (*later, *range(stay.last - 1, stay.last + 2)):
        if 0 <= b < len(leaves):
            left[leaves[b]] = b
    return left


def _stays(
    colours: DominantColours, outside: np.ndarray, static: np.ndarray, min_bins: int
) -> list[_Stay]:
    """Groups the stays of single pixels with about equal times to objects.

    Args:
        static: bool (b, h, w), where something on the table lies still; the others are those of
            `find_objects_on_table`.
    """
    parts = _stays_by_pixel(colours, outside, static, min_bins)
    found = []
    while len(parts):
        pairs, counts = np.unique(parts[:, 1:3], axis=0, return_counts=True)
        alike = (abs(parts[:, 1:3] - pairs[counts.argmax()]) <= 1).all(axis=1)
        mask = np.zeros(outside[0].size, bool)
        mask[parts[alike, -1]] = True
        mask = mask.reshape(outside.shape[1:])
        if without_specks(mask).sum() >= MIN_OBJECT_PX:
            bins = np.median(parts[alike, :4], axis=0).astype(int).tolist()
            last_clear, first, last, next_clear = bins
            found.append(_Stay(last_clear, first, last, next_clear, mask))
        parts = parts[~alike]
    return found


def _stays_by_pixel(
    colours: DominantColours, outside: np.ndarray, static: np.ndarray, min_bins: int
) -> np.ndarray:
    """Returns int (k, 5): for every stay at every pixel the four bins of `_Stay` and the flat
    index of the pixel."""
    clear = np.full(outside.shape[1:], -1)
    start, end = clear.copy(), clear.copy()
    static_count, view_count = (
        np.cumsum(part, axis=0, dtype=np.int32) for part in (static, colours.in_view)
    )
    parts = [np.zeros((0, 5), int)]
    for b in range(len(outside)):
        is_there, is_clear = outside[b], colours.in_view[b] & ~outside[b]
        gone = is_clear & (end > clear) & (clear >= 0) & (end - start >= min_bins)
        y, x = np.nonzero(gone)
        # From its first bin to its last: in how many it lay still, and in how many it was in view.
        first, last = start[y, x], end[y, x]
        lay, seen = (
            total[last, y, x] - total[first - 1, y, x] for total in (static_count, view_count)
        )
        kept = lay >= MIN_STATIC_SHARE * seen
        pixel = np.ravel_multi_index((y, x), gone.shape)
        columns = [clear[y, x], first, last, np.full(len(y), b), pixel]
        parts.append(np.stack(columns, axis=1)[kept])
        start = np.where(is_there & (end <= clear), b, start)
        end, clear = np.where(is_there, b, end), np.where(is_clear, b, clear)
    return np.concatenate(parts)


def table_changes(colours: DominantColours, inside: np.ndarray) -> np.ndarray:
    """Returns bool (b, h, w): where something lies or moves on the table."""
    table = most_persistent_colour(colours.colour, colours.tolerance, colours.reliable)
    found = np.zeros_like(colours.reliable)
    for b, colour in enumerate(colours.colour):
        changed = ~colours.reliable[b] | differs(colour, table, colours.tolerance)
        # Grain and the seams of planks leave specks, which are no objects.
        opened = without_specks(changed | ~colours.in_view[b] | inside)
        found[b] = changed & opened & colours.in_view[b] & ~inside
    return found
