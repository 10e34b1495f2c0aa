"""Brings a canvas that was pushed on its table back to where it was found."""

from __future__ import annotations

import itertools
from collections.abc import Set

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.outline import OutlineView
from ingest.video.imaging.geometry import transform, warp
from ingest.video.placement.displacement_detection import Place, find_places, place_frames
from ingest.video.placement.displacement_estimation import exact_push
from ingest.video.registration.composites import composite
from ingest.video.registration.observation import Look

GUARD, NEAR, TAKEN = 2, 28, 9
"""Frames next to a push that are not looked at, which may show the move itself; how many beyond
them are, and how many of these at most make one picture."""
LEAST_TAKEN, IN_VIEW_PX = 3, 2.0
"""Frames that a picture needs; and how far outside of the view a corner of the canvas may lie."""


def bring_back(
    look: Look, used: list[int], firm: Set[int], composites: list[np.ndarray], canvas: Canvas
) -> dict[int, np.ndarray]:
    """Bring the canvas back to where it was found, wherever it was moved on the table.

    The poses of the frames in which it lay elsewhere are changed.

    Args:
        used: positions of the frames of the main view, rising.
        firm: those of them that are registered to the table.
        composites: of the main view, in order of time.
        canvas: about where it is in some of them.

    Returns:
        For the frames in which it lay elsewhere the homography (3, 3) that brought it back: their
        tables went along with it.
    """
    if canvas.kind != "quad":
        return {}
    places = find_places(composites, canvas)
    if not any(place is not None and place.number for place in places):
        return {}
    greys = [look.looked[i].grey for i in used]
    poses = [look.looked[i].pose.matrix for i in used]
    rough = place_frames(greys, poses, places, canvas.corners)
    back = _exact(look, used, firm, rough, canvas)
    moved = {}
    for i, place in zip(used, rough, strict=True):
        if place.number:
            moved[i] = back[place.number]
            look.lay(i, back[place.number] @ look.looked[i].pose.matrix)
    return moved


def _exact(
    look: Look, used: list[int], firm: Set[int], rough: list[Place], canvas: Canvas
) -> dict[int, np.ndarray]:
    """What brings the canvas home from each place, by number: found place by place from home on,
    each from what is to be seen next to the push."""
    view = OutlineView(canvas)
    stays = [
        list(group) for _, group in itertools.groupby(range(len(used)), lambda n: rough[n].number)
    ]
    numbers = [rough[stay[0]].number for stay in stays]
    back: dict[int, np.ndarray] = {0: np.eye(3)}
    home = max((k for k, number in enumerate(numbers) if number == 0), key=lambda k: len(stays[k]))
    for ways in (range(home + 1, len(stays)), range(home - 1, -1, -1)):
        before = home
        for k in ways:
            if numbers[k] not in back:
                place = rough[stays[k][0]]
                known = _beside(look, used, firm, stays[before], k > before, canvas)
                seen = _beside(look, used, firm, stays[k], k < before, canvas)
                found = None
                if known is not None and seen is not None:
                    size = (known.shape[1], known.shape[0])
                    known = warp(known, back[numbers[before]], size)
                    found = exact_push(known, seen, view, place.back)
                back[numbers[k]] = place.back if found is None else found
            before = k
    return back


def _beside(
    look: Look,
    used: list[int],
    firm: Set[int],
    stay: list[int],
    at_end: bool,
    canvas: Canvas,
) -> np.ndarray | None:
    """What the take looks like at the start or at the end of a stay in one place."""
    ordered = [used[n] for n in (reversed(stay) if at_end else stay)]
    whole = [i for i in ordered if i in firm and in_view(look, i, canvas)]
    return picture_of(look, whole[GUARD:] or whole)


def picture_of(look: Look, frames: list[int]) -> np.ndarray | None:
    """What the first of some frames show of the take, RGB uint8 (h, w, 3), without most hands;
    None where they are too few."""
    near = frames[:NEAR]
    if len(near) < LEAST_TAKEN:
        return None
    taken = np.array(near)[np.linspace(0, len(near) - 1, min(TAKEN, len(near))).round().astype(int)]
    height, width = look.looked[near[0]].grey.shape
    return composite(look, sorted(taken.tolist()), (width, height), None)


def in_view(look: Look, i: int, canvas: Canvas) -> bool:
    """Whether frame `i` shows all of the canvas."""
    height, width = look.looked[i].grey.shape
    seen = transform(np.linalg.inv(look.looked[i].pose.matrix), canvas.corners)
    low, high = -IN_VIEW_PX, np.array([width, height]) - 1 + IN_VIEW_PX
    return bool((seen >= low).all() and (seen <= high).all())
