"""Follows the canvas from view to view by its own outline, where nothing else lasts.

The camera is set up anew many times, the canvas is turned and pushed between takes, and hands hide
what two views have in common. The canvas's four sides are in most of them: a homography from the
outline in one view to that in another lays the views over each other. Views without a clear outline
are laid over their neighbours by what is painted inside of it.
"""

from __future__ import annotations

from dataclasses import replace

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.page_outlines import find_sheets, outline_support
from ingest.video.canvas.quads import order_corners
from ingest.video.imaging.geometry import area_of, grown, scaling, transform, warp, within
from ingest.video.imaging.median import middle_look
from ingest.video.placement.page.added_views import halved, with_added
from ingest.video.placement.page.chain import Stretch, chain_sheets, look_alike
from ingest.video.placement.page.fit import laid_over
from ingest.video.placement.page.runs import run_over_run, with_common_outlines
from ingest.video.placement.page.vote import agreed
from ingest.video.placement.place import Placed
from ingest.video.placement.shot_linking import stretches_of
from ingest.video.registration.homography import Features, features, grey, recover
from ingest.video.registration.observation import Look

PICTURE_SIDE_PX, STRETCH_FRAMES, LEAST_FRAMES = 320, 24, 5
"""Short side of the pictures in which sheets are sought; frames of a stretch at most, and at least
where longer ones show no sheet."""
MOST_PICTURES, PICTURE_FRAMES = 6, 3
"""How many pictures are made of a stretch, of how many frames at least."""
CLEAR = 0.75
"""Score of a sheet that needs no second look."""
LEAST_ALIKE, LEAST_INLIERS, INSIDE, MOST_MOVED = 0.5, 14, 0.97, 0.25
"""How alike a view without an outline must be to its neighbour; points that must agree, and which
part of a sheet they are taken from; and how far, of its diagonal, an outline that is not clear may
lie from where the neighbour has it."""
LEAST_OUTLINE = 0.5
"""Share of the sides, as far as they are in view, that must lie on edges where a view is added."""
WHOLE_OUTLINE, FAR_ALIKE, NEIGHBOURS = 0.95, 0.6, 4
"""Share of the sides on edges from which an outline is beyond doubt; else how alike a view must be
to one that was set up otherwise, of the nearest ones."""
MIN_SHARE, MOST_LOST = 0.25, 0.9
"""Share of the frames that must lie in views with a clear outline; and share of the frames that are
placed otherwise that must be placed by the outline."""


def place_by_outline(look: Look, placed: Placed) -> Placed | None:
    """The canvas placed by its outline, if that is better than where `placed` has it.

    Args:
        look: with the poses that the frames were given while they came in; changed.
    """
    if placed.canvas.kind == "quad":
        return None
    found = follow_sheet(look)
    if found is None or len(found.used) < MOST_LOST * len(placed.used):
        return None
    return found


def follow_sheet(look: Look) -> Placed | None:
    """Lay all views over each other by the outline of the canvas.

    The frames' poses in `look` are changed. None if no outline is found in enough views.

    Args:
        look: with the poses that the frames were given while they came in.
    """
    parts = [
        (number, [int(i) for i in part])
        for number, frames in enumerate(stretches_of(look))
        for part in np.array_split(np.array(frames), max(1, round(len(frames) / STRETCH_FRAMES)))
    ]
    whole = [(number, _stretch(look, frames)) for number, frames in parts]
    if not any(_is_clear(stretch) for _, stretch in whole):
        return None
    views = [(number, part) for number, stretch in whole for part in _divided(look, stretch)]
    stretches = [stretch for _, stretch in views]
    chain = chain_sheets([s if _is_clear(s) else replace(s, sheets=[]) for s in stretches])
    clear = sum(len(stretches[k].frames) for k in chain)
    if clear < MIN_SHARE * len(look.looked):
        return None
    home = max(chain, key=lambda k: (_shown(stretches[k], chain[k]), stretches[k].sheets[0].score))
    chain = _finer(stretches, chain)
    run_of = [number for number, _ in views]
    extension = _Extension(look, stretches, run_of)
    extension.extend(chain)
    chain = with_common_outlines(stretches, run_of, chain, extension.across)
    chain = run_over_run(stretches, run_of, chain, extension.across)
    chain = _without_odd(stretches, run_of, chain, home)
    stretches, source = halved(stretches, chain, lambda part: _stretch(look, part), LEAST_FRAMES)
    run_of = [run_of[k] for k in source]
    chain, home = {source.index(k): quad for k, quad in chain.items()}, source.index(home)
    chain = with_added(stretches, run_of, chain, _Extension(look, stretches, run_of).across)
    return _placed(look, stretches, run_of, chain, home)


def _is_clear(stretch: Stretch) -> bool:
    return bool(stretch.sheets) and stretch.sheets[0].score >= CLEAR


def _divided(look: Look, stretch: Stretch) -> list[Stretch]:
    """A stretch, or parts of it if these show a sheet: the canvas was moved in between."""
    if _is_clear(stretch) or len(stretch.frames) < 2 * LEAST_FRAMES:
        return [stretch]
    middle = len(stretch.frames) // 2
    halves = [
        part
        for frames in (stretch.frames[:middle], stretch.frames[middle:])
        for part in _divided(look, _stretch(look, frames))
    ]
    return halves if any(_is_clear(half) for half in halves) else [stretch]


def _stretch(look: Look, frames: list[int]) -> Stretch:
    number = max(1, min(MOST_PICTURES, len(frames) // PICTURE_FRAMES))
    groups = np.array_split(np.array(frames), number)
    pictures = [_picture(look, [int(i) for i in group], frames) for group in groups]
    return Stretch(frames, middle_look(pictures), find_sheets(pictures))


def _middle(frames: list[int]) -> int:
    return frames[len(frames) // 2]


def _picture(look: Look, group: list[int], frames: list[int]) -> np.ndarray:
    """The middle look of a few frames of a stretch, as its middle frame sees it."""
    height, width = look.looked[_middle(frames)].grey.shape
    factor = min(1.0, PICTURE_SIDE_PX / min(height, width))
    to_picture = scaling(factor) @ np.linalg.inv(look.looked[_middle(frames)].pose.matrix)
    size = (round(width * factor), round(height * factor))
    looks = [warp(look.looked[i].small, to_picture @ look.take_from_small(i), size) for i in group]
    return middle_look(looks)


class _Extension:
    """Finds the canvas in views that show no clear outline, from those next to them."""

    def __init__(self, look: Look, stretches: list[Stretch], run_of: list[int]) -> None:
        self.look, self.stretches, self.run_of = look, stretches, run_of
        self._features: dict[int, Features] = {}

    def extend(self, chain: dict[int, np.ndarray]) -> None:
        """Add views to a chain until none is found anew."""
        grown = True
        while grown:
            grown = False
            for k in range(len(self.stretches)):
                near = [j for j in (k - 1, k + 1, k - 2, k + 2) if j in chain]
                if k in chain or not near:
                    continue
                found = [self._found(k, j, chain[j]) for j in near]
                best = max(found, key=lambda pair: pair[0])
                if best[0] >= LEAST_ALIKE:
                    chain[k], grown = best[1], True

    def _found(self, k: int, near: int, corners: np.ndarray) -> tuple[float, np.ndarray]:
        """How alike a view is to one that is known, and the corners in it."""
        known = self.stretches[near].picture, corners
        tries = []
        if self.run_of[k] == self.run_of[near]:
            tries.append(transform(self.across(near, k), corners))
        fit = recover(self._seen(k), self._inside(near, corners), known[0].shape)
        if fit is not None and fit.num_inliers >= LEAST_INLIERS:
            tries.append(transform(fit.matrix, corners))
        tries += [s.corners for s in self.stretches[k].sheets if _is_near(s.corners, corners)]
        tries = [laid_over(known, (self.stretches[k].picture, quad)) for quad in tries]
        tries = [q for q in tries if outline_support(self.stretches[k].picture, q) >= LEAST_OUTLINE]
        alike = [look_alike(known, (self.stretches[k].picture, quad)) for quad in tries]
        return max(zip(alike, tries, strict=True), key=lambda pair: pair[0], default=(0.0, corners))

    def across(self, source: int, goal: int) -> np.ndarray:
        """The homography from the pixels of one view to those of another of the same run."""
        factor = scaling(self.stretches[0].picture.shape[0] / self.look.looked[0].grey.shape[0])
        a, b = (
            self.look.looked[_middle(self.stretches[k].frames)].pose.matrix for k in (source, goal)
        )
        return factor @ np.linalg.inv(b) @ a @ np.linalg.inv(factor)

    def _seen(self, k: int) -> Features:
        if k not in self._features:
            self._features[k] = features(grey(self.stretches[k].picture))
        return self._features[k]

    def _inside(self, k: int, corners: np.ndarray) -> Features:
        found = self._seen(k)
        keep = within(found.points, grown(corners, INSIDE))
        return Features(found.points[keep], found.descriptors[keep])


def _is_near(seen: np.ndarray, known: np.ndarray) -> bool:
    """Whether a sheet is about where the canvas was, and as large."""
    size = np.linalg.norm(known[2] - known[0])
    return bool(np.linalg.norm(seen - known, axis=1).max() < MOST_MOVED * size)


def _finer(stretches: list[Stretch], chain: dict[int, np.ndarray]) -> dict[int, np.ndarray]:
    """The chain with every view laid exactly over the one before it."""
    fine: dict[int, np.ndarray] = {}
    known: tuple[np.ndarray, np.ndarray] | None = None
    for k, corners in chain.items():
        picture = stretches[k].picture
        fine[k] = corners if known is None else laid_over(known, (picture, corners))
        known = picture, fine[k]
    return fine


def _placed(
    look: Look,
    stretches: list[Stretch],
    run_of: list[int],
    chain: dict[int, np.ndarray],
    home: int,
) -> Placed:
    back = np.linalg.inv(scaling(stretches[home].picture.shape[0] / look.looked[0].grey.shape[0]))
    chain = agreed(stretches, run_of, chain, home)
    corners = transform(back, chain[home])
    # The order of corners in the chain is right but for a turn of all of them.
    upright = order_corners(corners)
    turn = int(np.argmin([np.abs(np.roll(corners, t, axis=0) - upright).max() for t in range(4)]))
    view_of: dict[int, int] = {}
    for k, seen in chain.items():
        middle = np.linalg.inv(look.looked[_middle(stretches[k].frames)].pose.matrix)
        link = cv2.getPerspectiveTransform(
            transform(back, seen).astype(np.float32), corners.astype(np.float32)
        )
        for i in stretches[k].frames:
            look.lay(i, link @ middle @ look.looked[i].pose.matrix, take=0)
            view_of[i] = run_of[k]
    used, canvas = sorted(view_of), Canvas(np.roll(corners, turn, axis=0), "sheet", 1.0)
    return Placed(used, canvas, None, [view_of[i] for i in used])


def _without_odd(
    stretches: list[Stretch], run_of: list[int], chain: dict[int, np.ndarray], home: int
) -> dict[int, np.ndarray]:
    """The chain without views in which a side is uncertain and the paint does not fit either, to
    views that were set up otherwise or are beyond doubt themselves."""

    def fits(k: int, others: list[int]) -> bool:
        near = sorted(others, key=lambda j: (abs(j - k), j))[:NEIGHBOURS]
        seen = stretches[k].picture, chain[k]
        alike = [look_alike((stretches[j].picture, chain[j]), seen) for j in near]
        return max(alike, default=0.0) >= FAR_ALIKE

    kept = {
        k
        for k, corners in chain.items()
        if k == home
        or outline_support(stretches[k].picture, corners) >= WHOLE_OUTLINE
        or fits(k, [j for j in chain if run_of[j] != run_of[k]])
    }
    same_run = {k: [j for j in kept if run_of[j] == run_of[k]] for k in chain}
    return {k: v for k, v in sorted(chain.items()) if k in kept or fits(k, same_run[k])}


def _shown(stretch: Stretch, corners: np.ndarray) -> float:
    """Share of a canvas that is in view."""
    area = area_of(corners, stretch.picture.shape)
    return round(float(area.sum() / cv2.contourArea(corners.astype(np.float32))), 2)
