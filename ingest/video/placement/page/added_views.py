"""Adds views in which the canvas is never whole in view, once it is known in others.

Each is laid by the three sides that it shows, and by paint
(`ingest.video.placement.page.three_sides`), over the views before and after it that are known;
those of one run of frames take over one outline.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Collection

import numpy as np

from ingest.video.canvas.page_outlines import outline_support
from ingest.video.imaging.geometry import transform
from ingest.video.placement.page.chain import Stretch, look_alike
from ingest.video.placement.page.runs import Across
from ingest.video.placement.page.three_sides import by_three_sides

LEAST_ALIKE, LEAST_OUTLINE, NEIGHBOURS = 0.6, 0.75, 4
"""How alike an added view must be to one that is known; share of its sides in view that must lie on
edges; and how many of the nearest known views are asked."""
LESS_SUPPORT, LESS_ALIKE = 0.1, 0.02
"""By how much less of the sides may lie on edges, and how much less alike a view may be, where it
takes over the outline of its run."""


def with_added(
    stretches: list[Stretch], run_of: list[int], chain: dict[int, np.ndarray], across: Across
) -> dict[int, np.ndarray]:
    """The chain with the views that three sides and paint lay over views that are in it.

    Args:
        run_of: number of the run of frames, with one set of poses, of each stretch.
        chain: corners (4, 2), in one order, in the stretches that show the canvas.
        across: homographies between views of a run.
    """
    result = dict(chain)
    # Views are asked again as others are added; what is known of each stays as it is until then.
    laid = functools.cache(lambda k, j: _laid_over(stretches[k], stretches[j], result[j]))
    grown = True
    while grown:
        grown = False
        for k in range(len(stretches)):
            if k in result:
                continue
            found = [laid(k, j) for j in _nearest(k, result)]
            alike, quad = max(found, key=lambda pair: pair[0])
            if alike >= LEAST_ALIKE:
                result[k], grown = quad, True
    for run in sorted({run_of[k] for k in result.keys() - chain.keys()}):
        members = [k for k in sorted(result) if run_of[k] == run]
        _agree(stretches, members, result, set(chain), across)
    return dict(sorted(result.items()))


def _nearest(k: int, known: dict[int, np.ndarray]) -> list[int]:
    return sorted(known.keys() - {k}, key=lambda j: (abs(j - k), j))[:NEIGHBOURS]


def _laid_over(view: Stretch, other: Stretch, corners: np.ndarray) -> tuple[float, np.ndarray]:
    """How alike a view is to another that is known, and the corners in it; 0 if it has none."""
    quad = by_three_sides((other.picture, corners), view.picture)
    if quad is None or outline_support(view.picture, quad) < LEAST_OUTLINE:
        return 0.0, corners
    return look_alike((other.picture, corners), (view.picture, quad)), quad


def _agree(
    stretches: list[Stretch],
    members: list[int],
    outlines: dict[int, np.ndarray],
    fixed: set[int],
    across: Across,
) -> None:
    """Give the views of a run, but for those that are fixed, the outline that fits them best."""

    def fits(k: int, quad: np.ndarray) -> tuple[float, float]:
        picture = stretches[k].picture
        others = {j: outlines[j] for j in outlines if j not in members} or outlines
        alike = [
            look_alike((stretches[j].picture, outlines[j]), (picture, quad))
            for j in _nearest(k, others)
        ]
        return max(alike, default=0.0), outline_support(picture, quad)

    def agreement(k: int) -> float:
        return sum(sum(fits(j, transform(across(k, j), outlines[k]))) for j in members)

    firm = [k for k in members if k in fixed]
    best = max(firm or members, key=lambda k: (agreement(k), -k))
    for k in members:
        if k == best or k in fixed:
            continue
        common = transform(across(best, k), outlines[best])
        own, taken = fits(k, outlines[k]), fits(k, common)
        if taken[0] >= own[0] - LESS_ALIKE and taken[1] >= own[1] - LESS_SUPPORT:
            outlines[k] = common


def halved(
    stretches: list[Stretch],
    whole: Collection[int],
    stretch: Callable[[list[int]], Stretch],
    least_frames: int,
) -> tuple[list[Stretch], list[int]]:
    """Stretches cut in two, but for those in `whole`: the canvas may have been moved in between.

    Args:
        stretch: makes a stretch of frames.
        least_frames: of each half, else a stretch is not cut.

    Returns the parts and, for each, the number of the stretch it is of.
    """
    parts, source = [], []
    for k, one in enumerate(stretches):
        middle = len(one.frames) // 2
        if k in whole or middle < least_frames:
            found = [one]
        else:
            found = [stretch(frames) for frames in (one.frames[:middle], one.frames[middle:])]
        parts += found
        source += [k] * len(found)
    return parts, source
