"""Classifies each pixel of each time bin as occluder (hand, tool, shadow, caption) or canvas.

Paint stays. Something that leaves again is an occluder in three cases: it leaves the same paint
behind and has an edge as its outline; it is connected with a moving occluder; or it is connected
with an object that lies on the table at the same time, where nothing is ever painted.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.imaging.connected_components import (
    components_mostly_in,
    label_components,
    local_range,
    small_holes,
    with_edge_border,
    with_joined_components,
    without_specks,
)
from ingest.video.imaging.difference import KERNEL, differs
from ingest.video.occlusion.dominant_colours import DominantColours
from ingest.video.occlusion.objects_on_table import find_objects_on_table, table_changes

MIN_EDGE_SHARE = 0.5
"""Least share of an occluder's outline that must be an edge in the picture."""
MIN_OCCLUDED_SHARE = 0.5
"""Least share of a temporary region that must be occluded for all of it to be occluded."""
SUPPORT_DISTANCE_BINS = 8
"""Most bins between two observations of a colour that support each other."""
REMEMBERED_COLOURS = 4
"""How many earlier colours of a pixel are compared with its present one."""

PixelIndices = tuple[np.ndarray, ...]
"""Rows and columns of a few pixels: quicker than a mask."""


def find_occluders(
    colours: DominantColours,
    inside: np.ndarray,
    max_occlusion_bins: int,
    max_joined_bins: int,
    min_support: int,
    *,
    has_table: bool,
) -> np.ndarray:
    """Returns the occlusion masks, bool (b, h, w): where the canvas is not seen.

    Args:
        inside: bool (h, w), the canvas; the rest is the table around it.
        max_occlusion_bins: longest time that an occluder stays in front of the canvas.
        max_joined_bins: longest time that a colour may last to be joined to an occluder next to it.
        min_support: least number of bins nearby that must show a colour.
        has_table: whether a table is in view around the canvas.
    """
    reliable = colours.reliable & _supported(colours, min_support)
    starts, ends = run_bounds(colours, reliable)
    outside = table_changes(colours, inside)
    objects = find_objects_on_table(
        replace(colours, reliable=reliable), starts, ends, outside, inside, max_joined_bins
    )
    # Where an object lies, an earlier colour that comes back is the object's and not the canvas's.
    masked = np.stack([_filled_and_dilated(mask) for mask in objects])
    temporary = _temporary_changes(colours, reliable & ~masked, max_occlusion_bins)
    short = reliable & (ends - starts < max_joined_bins) & (ends < len(reliable) - 1)
    occluded = ~reliable | objects
    found = np.zeros_like(reliable)
    for b in range(len(reliable)):
        colour = colours.colour[b]
        found[b] = _with_edge_outline(temporary[b], colour, colours.tolerance)
        known = occluded[b] | found[b] | outside[b]
        found[b] |= with_joined_components(known, short[b], colour, colours.tolerance) & inside
        found[b] |= _mostly_occluded(temporary[b], found[b] | objects[b])
        known = occluded[b] | found[b]
        # Without a table registration is less exact: grain and nails leave specks, no occluders.
        found[b] |= small_holes(known if has_table else without_specks(known)) & inside
    # With a table in view the masks are exact enough for a majority vote within a run.
    occluded |= _majority_of_run(found, reliable, starts) if has_table else found
    for b in range(len(reliable)):
        occluded[b] = _dilated(occluded[b])
    return occluded


def _majority_of_run(found: np.ndarray, reliable: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Returns `found`, bool (b, h, w), where most bins of the pixel's run agree with it.

    A colour is not occluder in one bin and paint in the next.

    Args:
        starts: first bin of each run, int16 (b, h, w).
    """
    votes = np.zeros(reliable.shape[1:], np.int16)
    seen = np.zeros(reliable.shape[1:], np.int16)
    result = np.zeros_like(found)
    tally = []
    for b in range(len(reliable)):
        begins = starts[b] == b
        votes[begins], seen[begins] = 0, 0
        votes += found[b] & reliable[b]
        seen += reliable[b]
        tally.append((votes.copy(), seen.copy()))
    votes, seen = tally[-1]
    for b in reversed(range(len(reliable))):
        result[b] = found[b] & (2 * votes > seen)
        begins = starts[b] == b
        if b:
            votes = np.where(begins, tally[b - 1][0], votes)
            seen = np.where(begins, tally[b - 1][1], seen)
    return result


def _supported(colours: DominantColours, min_support: int) -> np.ndarray:
    """Returns bool (b, h, w): whether enough bins nearby show the same colour."""
    reliable, colour, tolerance = colours.reliable, colours.colour, colours.tolerance
    count = reliable.astype(np.uint16)
    for lag in range(1, SUPPORT_DISTANCE_BINS + 1):
        for b in range(len(colour) - lag):
            same = ~differs(colour[b], colour[b + lag], tolerance) & reliable[b] & reliable[b + lag]
            count[b] += same
            count[b + lag] += same
    return count >= min(min_support, len(colour) // 2)


def run_bounds(colours: DominantColours, reliable: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns the first and the last bin, int16 (b, h, w) each, of the run of equal colours that
    each bin belongs to.

    Bins that are not reliable interrupt no run.
    """
    starts = _run_starts(colours.colour, reliable, colours.tolerance)
    backwards = _run_starts(colours.colour[::-1], reliable[::-1], colours.tolerance)
    return starts, (len(reliable) - 1 - backwards[::-1]).astype(np.int16)


def _run_starts(colour: np.ndarray, reliable: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Returns the first bin of each run, int16 (b, h, w)."""
    starts = np.zeros(reliable.shape, np.int16)
    current, began = colour[0].copy(), np.zeros(reliable.shape[1:], np.int16)
    for b in range(len(colour)):
        new = reliable[b] & differs(colour[b], current, tolerance)
        np.putmask(began, new, b)
        cv2.copyTo(colour[b], reliable[b].view(np.uint8), current)
        starts[b] = began
    return starts


def _temporary_changes(colours: DominantColours, reliable: np.ndarray, max_bins: int) -> np.ndarray:
    """Returns bool (b, h, w): bins between two equal colours of a pixel, at most `max_bins` apart.

    Every pixel remembers its last `REMEMBERED_COLOURS` colours. When one of them comes back, what
    was shown in between was temporary.
    """
    colour, tolerance = colours.colour, colours.tolerance
    steps = np.zeros((len(reliable) + 1, *reliable.shape[1:]), np.int16)
    current, last = colour[0].copy(), np.where(reliable[0], 0, -1).astype(np.int16)
    earlier = [np.zeros_like(current) for _ in range(REMEMBERED_COLOURS)]
    seen = [np.full(reliable.shape[1:], -1, np.int16) for _ in range(REMEMBERED_COLOURS)]
    for b in range(1, len(reliable)):
        new = reliable[b] & ((last < 0) | differs(colour[b], current, tolerance))
        np.putmask(last, reliable[b] & ~new, b)
        rest = new.copy()
        for k in range(REMEMBERED_COLOURS):
            back = rest & (seen[k] >= 0) & (b - seen[k] <= max_bins)
            back &= ~differs(colour[b], earlier[k], tolerance)
            rest &= ~back
            y, x = np.nonzero(back)
            steps[seen[k][y, x] + 1, y, x] += 1
            steps[b, y, x] -= 1
            _forget(earlier, seen, (y, x), k + 1)
            # The temporary colour may come back in its turn: a white rag on a meadow that was
            # white canvas.
            _remember(earlier, seen, (y, x), current, last)
        _remember(earlier, seen, np.nonzero(rest & (last >= 0)), current, last)
        cv2.copyTo(colour[b], new.view(np.uint8), current)
        np.putmask(last, new, b)
    return np.cumsum(steps[:-1], axis=0) > 0


def _forget(
    earlier: list[np.ndarray], seen: list[np.ndarray], where: PixelIndices, number: int
) -> None:
    """Drops the latest `number` remembered colours of some pixels, in place."""
    for k in range(REMEMBERED_COLOURS):
        source = k + number
        if source < REMEMBERED_COLOURS:
            earlier[k][where] = earlier[source][where]
            seen[k][where] = seen[source][where]
        else:
            seen[k][where] = -1


def _remember(
    earlier: list[np.ndarray],
    seen: list[np.ndarray],
    where: PixelIndices,
    colour: np.ndarray,
    last_seen: np.ndarray,
) -> None:
    """Adds a colour, and the bin that showed it last, to the memory of some pixels, in place."""
    for k in reversed(range(1, REMEMBERED_COLOURS)):
        earlier[k][where] = earlier[k - 1][where]
        seen[k][where] = seen[k - 1][where]
    earlier[0][where], seen[0][where] = colour[where], last_seen[where]


def _with_edge_outline(
    temporary: np.ndarray, colour: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """Returns the regions of `temporary`, bool (h, w), whose outline is an edge in the picture.

    An occluder has such an outline. Where paint happens to return to an earlier colour (a white
    cloud on the sky that was a white canvas), the outline of the cloud is not in the picture yet.
    """
    # Regions are cut along edges, so that an occluder and its neighbours are judged apart.
    edge = local_range(colour) > tolerance
    labels, number = label_components(temporary & ~edge)
    rim_labels = cv2.dilate(labels.astype(np.float32), KERNEL).astype(np.int32)
    rim = (labels == 0) & (rim_labels > 0)
    rims = np.bincount(rim_labels[rim], minlength=number)
    edges = np.bincount(rim_labels[rim & edge], minlength=number)
    outlined = edges >= MIN_EDGE_SHARE * np.maximum(rims, 1)
    outlined[0] = False
    return temporary & with_edge_border(outlined[labels])


def _mostly_occluded(temporary: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Returns the components of `temporary` that are mostly occluded, bool (h, w).

    Fingers have outlines within the hand, and not each of them all around.
    """
    opened = cv2.morphologyEx(temporary.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
    return components_mostly_in(opened, found, MIN_OCCLUDED_SHARE)


def _filled_and_dilated(mask: np.ndarray) -> np.ndarray:
    """Returns a mask with small holes filled, dilated by a pixel for its soft border."""
    return cv2.dilate((mask | small_holes(mask)).astype(np.uint8), KERNEL) > 0


def _dilated(occluded: np.ndarray) -> np.ndarray:
    """Returns an occlusion mask whose parts, except for specks, are dilated by a pixel for their
    soft border."""
    opened = cv2.morphologyEx(occluded.astype(np.uint8), cv2.MORPH_OPEN, KERNEL)
    return (cv2.dilate(opened, KERNEL) > 0) | occluded
