"""Registers all frames of the main view once more, to what lasts in it."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import area_of, grown, transform
from ingest.video.registration.composites import composite
from ingest.video.registration.drift_correction import MIN_SEEN, reground
from ingest.video.registration.observation import MIN_FRAMES, Look
from ingest.video.registration.settle import Ground, Settled

AROUND, LEAST_FIRM, FAR_PX, NEAR_PX = 8, 5, 14.0, 4.0
"""Well registered frames that make the picture to which another is registered, the least that do;
and how far off that may be, at first and then."""
PLAINLY_PX, PLAINLY_SHOWN = 1.0, 0.5
"""How far corners of the canvas must lie off to be placed by all that lasts; and which share of the
points on the table places a frame beyond doubt."""
BESIDE, GROWN, LEAST_TABLE = 1.08, 1.02, 60
"""How much larger than the canvas the area is beside which the table begins, and the one in which
all is the canvas's; points on the table that will do."""


def settle_frames(
    look: Look,
    used: list[int],
    composites: list[np.ndarray],
    about: Callable[[list[np.ndarray]], Canvas],
) -> tuple[list[int], dict[int, float]]:
    """Register the frames once more, to what stays, or to the canvas as it looks about then.

    Args:
        used: positions of the frames of the main view, rising.
        composites: of the main view, RGB uint8 (h, w, 3), in order of time.
        about: finds about where the canvas is in composites.

    Returns:
        The frames that could be (a frame that fits neither is registered wrongly), and for those of
        them that are registered to what stays, rising, which share of its points they show.
    """
    grounds = _Grounds(composites, about)
    if not grounds.lasting.is_firm:
        return used, {}
    settled, firm = [], dict[int, float]()
    for n, i in enumerate(used):
        frame = look.looked[i]
        fine, is_firm = grounds.settle(frame.grey, frame.pose.matrix, n / len(used))
        if fine is not None:
            settled.append(i)
            look.lay(i, fine.pose)
            if is_firm:
                firm[i] = fine.shown
    return (settled, firm) if len(settled) >= MIN_FRAMES else (used, {})


def settle_on_all(
    look: Look, firm: dict[int, float], composites: list[np.ndarray], canvas: Canvas
) -> list[int]:
    """Register frames to all that lasts, table and canvas, which is known by now to lie still,
    where hands hide most of the table and all that lasts says plainly otherwise than the rest.

    Returns those that were.

    Args:
        firm: positions of these frames, and which share of the points on the table each shows.
        composites: of the main view, RGB uint8 (h, w, 3), in order of time.
        canvas: about where it is.
    """
    ground, laid = Ground(composites, goal=canvas.corners), []
    doubtful = [i for i, shown in firm.items() if shown < PLAINLY_SHOWN]
    for i in doubtful if ground.is_firm else ():
        known = look.looked[i].pose.matrix
        fine = ground.settle(look.looked[i].grey, known, max_move_px=FAR_PX)
        if fine is None:
            continue
        seen = transform(np.linalg.inv(known), canvas.corners)
        if np.abs(transform(fine.pose, seen) - canvas.corners).max() > PLAINLY_PX:
            look.lay(i, fine.pose)
            laid.append(i)
    return laid


def steady_frames(look: Look, loose: list[int], firm: list[int], canvas: Canvas) -> list[int]:
    """Register frames that show too little that lasts to the canvas as firm frames near them in
    time show it.

    Returns those that could be.

    Args:
        loose: positions of these frames.
        firm: positions of frames that are registered well, rising.
        canvas: about where it is in all of these.
    """
    if len(firm) < LEAST_FIRM:
        return loose
    height, width = look.looked[firm[0]].grey.shape
    area = area_of(grown(canvas.corners, GROWN), (height, width))
    grounds: dict[int, Ground] = {}
    steadied = []
    for i in loose:
        start = bisect_left(firm, i) - AROUND // 2
        # Starts are thinned out: neighbours share what they are registered to.
        start = max(0, min(start - start % (AROUND // 2), len(firm) - AROUND))
        if start not in grounds:
            picture = composite(look, firm[start : start + AROUND], (width, height), None)
            grounds[start] = Ground([picture], area, canvas.corners)
        grey, pose = look.looked[i].grey, look.looked[i].pose.matrix
        near = grounds[start].settle(grey, pose, max_move_px=FAR_PX)
        fine = near and grounds[start].settle(grey, near.pose, max_move_px=NEAR_PX)
        if fine is not None:
            steadied.append(i)
            look.lay(i, fine.pose)
    return steadied


class _Grounds:
    """What frames are settled on: what lasts, or else the canvas as it looks about then."""

    def __init__(
        self, composites: list[np.ndarray], about: Callable[[list[np.ndarray]], Canvas]
    ) -> None:
        self.composites = composites
        found = about(composites)
        corners = found.corners if found.kind == "quad" else None
        self.lasting = _lasting(composites, corners)
        firm = self.lasting.is_firm
        self.slid = reground(composites, self.lasting, corners) if firm else []
        self._local: dict[int, Ground] = {}

    def settle(
        self, image: np.ndarray, pose: np.ndarray, part: float
    ) -> tuple[Settled | None, bool]:
        """A finer pose and whether it is by what lasts; `part` of the take, 0 to 1, lies
        before the frame."""
        k = min(int(part * len(self.composites)), len(self.composites) - 1)
        fine = self.lasting.settle(image, pose)
        # Where the view slid, the frames at the rim of a stretch may belong to its neighbour.
        for j in (k, k - 1, k + 1):
            back = self.slid[j] if 0 <= j < len(self.slid) else None
            if fine is None and back is not None:
                fine = self.lasting.settle(image, back @ pose, MIN_SEEN)
        if fine is not None:
            return fine, True
        if k not in self._local:
            self._local[k] = Ground([self.composites[k]])
        fine, back = self._local[k].settle(image, pose), self.slid[k]
        if fine is not None and back is not None:
            fine = replace(fine, pose=back @ fine.pose)
        return fine, False


def _lasting(composites: list[np.ndarray], canvas: np.ndarray | None) -> Ground:
    """What stays beside the canvas, if that is enough; else all that stays.

    The canvas may be pushed; and then a pose that follows both it and the table fits neither.
    """
    if canvas is not None:
        table = ~area_of(grown(canvas, BESIDE), composites[0].shape)
        ground = Ground(composites, table, canvas)
        if ground.is_firm and len(ground.points) >= LEAST_TABLE and ground.encloses(canvas):
            return ground
    return Ground(composites, goal=canvas)
