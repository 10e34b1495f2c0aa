"""Which levels are cover (hands, tools, shadows, captions) and which are paint.

Paint stays. What goes away again is cover where it leaves the same paint behind (an *episode* with
an outline), where it is one thing with what moves beside it, and where it is one thing with what
lies on the table at the same time (an *object*): nothing is ever painted on the table.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.imaging.connected_components import (
    holding,
    joined,
    pieces,
    small_holes,
    spread,
    with_edges,
    without_specks,
)
from ingest.video.imaging.difference import KERNEL, differs
from ingest.video.occlusion.levels import Levels
from ingest.video.occlusion.objects import objects, on_table

OUTLINE_SHARE = 0.5
"""Share of an area's rim that must be an edge for it to be a thing in front."""
MOSTLY_SHARE = 0.5
"""Share of a piece that comes back to what it was before, to be cover as a whole."""
SUPPORT_BINS, MEMORY = 8, 4
"""How far away a level may be seen again to support it; how many earlier levels are remembered."""

Places = tuple[np.ndarray, ...]
"""Rows and columns of some pixels: few of them, so that they are told quicker so than by a mask."""


def find_cover(
    levels: Levels, inside: np.ndarray, reach: int, fleeting_reach: int, min_support: int
) -> np.ndarray:
    """bool (b, h, w): where the canvas was not seen.

    Args:
        inside: bool (h, w), the canvas; around it is table.
        reach: bins that something in front stays at most; `fleeting_reach`: bins that a level lasts
            at most to be one thing with the cover beside it.
        min_support: bins that must show a level.
    """
    good = levels.good & _supported(levels, min_support)
    starts, ends = runs(levels, good)
    outside = on_table(levels, inside)
    things = objects(replace(levels, good=good), starts, ends, outside, inside, fleeting_reach)
    # What is known to lie in front is no return of an earlier level, whatever its colour.
    behind = np.stack([_solid(thing) for thing in things])
    passing = _episodes(levels, good & ~behind, reach)
    fleeting = good & (ends - starts < fleeting_reach) & (ends < len(good) - 1)
    covered = ~good | things
    flagged = np.zeros_like(good)
    for b in range(len(good)):
        colour = levels.colour[b]
        flagged[b] = _outlined(passing[b], colour, levels.tolerance)
        known = covered[b] | flagged[b] | outside[b]
        flagged[b] |= joined(known, fleeting[b], colour, levels.tolerance) & inside
        flagged[b] |= _mostly(passing[b], flagged[b] | things[b])
        known = covered[b] | flagged[b]
        # Without a table views lie less exactly: grain and nails leave specks, which are no thing.
        flagged[b] |= small_holes(without_specks(known) if inside.all() else known) & inside
    # With a table in view cover is known well enough to believe a level that is mostly free of it.
    covered |= flagged if inside.all() else _agreed(flagged, good, starts)
    for b in range(len(good)):
        covered[b] = _grown(covered[b])
    return covered


def _agreed(flagged: np.ndarray, good: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """`flagged` where most bins of a run say so: a level is not cover now and paint then."""
    votes = np.zeros(good.shape[1:], np.int16)
    seen = np.zeros(good.shape[1:], np.int16)
    result = np.zeros_like(flagged)
    tally = []
    for b in range(len(good)):
        begins = starts[b] == b
        votes[begins], seen[begins] = 0, 0
        votes += flagged[b] & good[b]
        seen += good[b]
        tally.append((votes.copy(), seen.copy()))
    votes, seen = tally[-1]
    for b in reversed(range(len(good))):
        result[b] = flagged[b] & (2 * votes > seen)
        begins = starts[b] == b
        if b:
            votes = np.where(begins, tally[b - 1][0], votes)
            seen = np.where(begins, tally[b - 1][1], seen)
    return result


def _supported(levels: Levels, needed: int) -> np.ndarray:
    """Levels that are seen in enough bins nearby."""
    good, colour, tolerance = levels.good, levels.colour, levels.tolerance
    count = good.astype(np.uint16)
    for lag in range(1, SUPPORT_BINS + 1):
        for b in range(len(colour) - lag):
            same = ~differs(colour[b], colour[b + lag], tolerance) & good[b] & good[b + lag]
            count[b] += same
            count[b + lag] += same
    return count >= min(needed, len(colour) // 2)


def runs(levels: Levels, good: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """First and last bin, int16 (b, h, w), in which the level of each bin is seen without another
    between."""
    starts = _run_starts(levels.colour, good, levels.tolerance)
    backwards = _run_starts(levels.colour[::-1], good[::-1], levels.tolerance)
    return starts, (len(good) - 1 - backwards[::-1]).astype(np.int16)


def _run_starts(colour: np.ndarray, good: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    starts = np.zeros(good.shape, np.int16)
    current, began = colour[0].copy(), np.zeros(good.shape[1:], np.int16)
    for b in range(len(colour)):
        new = good[b] & differs(colour[b], current, tolerance)
        np.putmask(began, new, b)
        cv2.copyTo(colour[b], good[b].view(np.uint8), current)
        starts[b] = began
    return starts


def _episodes(levels: Levels, good: np.ndarray, reach: int) -> np.ndarray:
    """Bins between two equal levels that show something else: it passed over the canvas.

    Every pixel remembers its last few levels; when one of them comes back, what was between passed.
    """
    colour, tolerance = levels.colour, levels.tolerance
    steps = np.zeros((len(good) + 1, *good.shape[1:]), np.int16)
    current, last = colour[0].copy(), np.where(good[0], 0, -1).astype(np.int16)
    earlier = [np.zeros_like(current) for _ in range(MEMORY)]
    seen = [np.full(good.shape[1:], -1, np.int16) for _ in range(MEMORY)]
    for b in range(1, len(good)):
        new = good[b] & ((last < 0) | differs(colour[b], current, tolerance))
        np.putmask(last, good[b] & ~new, b)
        rest = new.copy()
        for k in range(MEMORY):
            back = rest & (seen[k] >= 0) & (b - seen[k] <= reach)
            back &= ~differs(colour[b], earlier[k], tolerance)
            rest &= ~back
            y, x = np.nonzero(back)
            steps[seen[k][y, x] + 1, y, x] += 1
            steps[b, y, x] -= 1
            _forget(earlier, seen, (y, x), k + 1)
            # What passed may come back in its turn: a white rag on a meadow that was white canvas.
            _remember(earlier, seen, (y, x), current, last)
        _remember(earlier, seen, np.nonzero(rest & (last >= 0)), current, last)
        cv2.copyTo(colour[b], new.view(np.uint8), current)
        np.putmask(last, new, b)
    return np.cumsum(steps[:-1], axis=0) > 0


def _forget(earlier: list[np.ndarray], seen: list[np.ndarray], where: Places, number: int) -> None:
    """Drop the latest `number` memories of some pixels."""
    for k in range(MEMORY):
        source = k + number
        if source < MEMORY:
            earlier[k][where] = earlier[source][where]
            seen[k][where] = seen[source][where]
        else:
            seen[k][where] = -1


def _remember(
    earlier: list[np.ndarray],
    seen: list[np.ndarray],
    where: Places,
    level: np.ndarray,
    when: np.ndarray,
) -> None:
    """Add a memory of some pixels in front of the others."""
    for k in reversed(range(1, MEMORY)):
        earlier[k][where] = earlier[k - 1][where]
        seen[k][where] = seen[k - 1][where]
    earlier[0][where], seen[0][where] = level[where], when[where]


def _outlined(passing: np.ndarray, level: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Those areas of `passing` (bool) whose outline is an edge in the picture.

    A thing in front has an outline. Where paint happens to come back to an earlier colour (a white
    cloud on the sky that was a white canvas), the outline of the cloud is not in the picture yet.
    """
    # Pieces are cut along edges, so that a thing and what is merely beside it are judged apart.
    edge = spread(level) > tolerance
    labels, number = pieces(passing & ~edge)
    rim_labels = cv2.dilate(labels.astype(np.float32), KERNEL).astype(np.int32)
    rim = (labels == 0) & (rim_labels > 0)
    rims = np.bincount(rim_labels[rim], minlength=number)
    edges = np.bincount(rim_labels[rim & edge], minlength=number)
    outlined = edges >= OUTLINE_SHARE * np.maximum(rims, 1)
    outlined[0] = False
    return passing & with_edges(outlined[labels])


def _mostly(passing: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Those pieces of `passing` of which most is found to be cover: fingers have outlines within
    the hand, and not each of them all around."""
    firm = cv2.morphologyEx(passing.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
    return holding(firm, found, MOSTLY_SHARE)


def _solid(thing: np.ndarray) -> np.ndarray:
    """A thing with its small holes, and the soft rim that it has."""
    return cv2.dilate((thing | small_holes(thing)).astype(np.uint8), KERNEL) > 0


def _grown(covered: np.ndarray) -> np.ndarray:
    """Without specks, and with the soft rim that every cover has."""
    firm = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_OPEN, KERNEL)
    return (cv2.dilate(firm, KERNEL) > 0) | covered
