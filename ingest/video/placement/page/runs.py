"""One outline for all views that share their coordinates.

While the camera and the canvas stand still, the canvas lies at one place in all views of a run.
In each view a sleeve, the canvas's lower edge or its shadow may have been taken for a side; where
another view's outline fits as well, that of most views is taken.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from ingest.video.canvas.page_outlines import least_in_view, outline_support
from ingest.video.imaging.geometry import transform
from ingest.video.placement.page.chain import Stretch, look_alike
from ingest.video.placement.page.fit import laid_over

MOST_IN_VIEW = 0.6
"""Share of each side that must be in view in most frames of a run: the rest is not compared."""
LESS_SUPPORT, LESS_ALIKE = 0.1, 0.02
"""By how much less of the sides may lie on edges where a view takes over an outline, and how much
less it may look like the views that have it already: else the canvas was moved in between."""

Across = Callable[[int, int], np.ndarray]
"""The homography (3, 3) from the pixels of one view to those of another of the same run."""


def with_common_outlines(
    stretches: list[Stretch], run_of: list[int], chain: dict[int, np.ndarray], across: Across
) -> dict[int, np.ndarray]:
    """The chain with the outline that most of a run's views have in all of them that it fits.

    Args:
        run_of: number of the run of frames, with one set of poses, of each stretch.
        chain: corners (4, 2), in one order, in the stretches that show the canvas.
    """
    result, runs = dict(chain), sorted({run_of[k] for k in chain})
    if len(runs) < 2:
        # Nothing hangs on the outline of a run that all views belong to.
        return result
    for run in runs:
        members = [k for k in chain if run_of[k] == run]
        whole = [k for k in members if _in_view(k, members, stretches, chain, across)]
        if len(members) < 2 or not whole:
            continue
        best = max(whole, key=lambda k: _agreement(k, members, stretches, chain, across))
        for k in members:
            common = transform(across(best, k), chain[best])
            if k != best and _fits(stretches, k, chain[k], common, (best, chain[best])):
                result[k] = common
    return result


def run_over_run(
    stretches: list[Stretch], run_of: list[int], chain: dict[int, np.ndarray], across: Across
) -> dict[int, np.ndarray]:
    """The chain with every run laid over the one before it by what is painted, all its views alike.

    Outlines are a pixel or two off, in each run otherwise; lines of paint tell it better.
    """
    result = dict(sorted(chain.items()))
    known: tuple[np.ndarray, np.ndarray] | None = None
    for run in dict.fromkeys(run_of[k] for k in result):
        members = [k for k in result if run_of[k] == run]
        first, last = members[0], members[-1]
        if known is not None:
            seen = stretches[first].picture, result[first]
            fine = laid_over(known, seen)
            if look_alike(known, (seen[0], fine)) >= look_alike(known, seen):
                move = cv2.getPerspectiveTransform(
                    seen[1].astype(np.float32), fine.astype(np.float32)
                )
                for k in members:
                    way = across(first, k) @ move @ across(k, first)
                    result[k] = transform(way, result[k])
        known = stretches[last].picture, result[last]
    return result


def _in_view(
    k: int,
    members: list[int],
    stretches: list[Stretch],
    chain: dict[int, np.ndarray],
    across: Across,
) -> bool:
    """Whether all sides of the outline of view `k` are in view in most frames of a run."""
    shown = 0
    for j in members:
        corners = transform(across(k, j), chain[k])
        is_whole = least_in_view(corners, stretches[j].picture.shape) >= MOST_IN_VIEW
        shown += is_whole * len(stretches[j].frames)
    return 2 * shown > sum(len(stretches[j].frames) for j in members)


def _agreement(
    k: int,
    members: list[int],
    stretches: list[Stretch],
    chain: dict[int, np.ndarray],
    across: Across,
) -> tuple[float, int]:
    """How well the outline of view `k` fits a run: by how much of its sides lies on edges in every
    view, of as many frames as the view has."""
    total = 0.0
    for j in members:
        corners = transform(across(k, j), chain[k])
        total += len(stretches[j].frames) * outline_support(stretches[j].picture, corners)
    return total, -k


def _fits(
    stretches: list[Stretch],
    k: int,
    own: np.ndarray,
    common: np.ndarray,
    known: tuple[int, np.ndarray],
) -> bool:
    picture = stretches[k].picture
    support = [outline_support(picture, corners) for corners in (own, common)]
    reference = stretches[known[0]].picture, known[1]
    alike = [look_alike(reference, (picture, corners)) for corners in (own, common)]
    return support[1] >= support[0] - LESS_SUPPORT and alike[1] >= alike[0] - LESS_ALIKE
