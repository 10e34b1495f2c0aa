"""Registers all frames of the main view once more, to what lasts in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np

from ingest.align import Pose
from ingest.canvas import Canvas
from ingest.reground import MIN_SEEN, reground
from ingest.settle import Ground
from ingest.watch import MIN_FRAMES, Look


def settle_frames(
    look: Look,
    used: list[int],
    composites: list[np.ndarray],
    about: Callable[[list[np.ndarray]], Canvas],
) -> tuple[list[int], set[int]]:
    """Register the frames once more, to what stays, or to the canvas as it looks about then.

    Args:
        used: positions of the frames of the main view, rising.
        composites: of the main view, RGB uint8 (h, w, 3), in order of time.
        about: finds about where the canvas is in composites.

    Returns:
        The frames that could be (a frame that fits neither is registered wrongly), and those of
        them that are registered to what stays.
    """
    grounds = _Grounds(composites, about)
    if not grounds.lasting.is_firm:
        return used, set()
    settled, firm = [], set[int]()
    for n, i in enumerate(used):
        frame = look.looked[i]
        fine, is_firm = grounds.settle(frame.grey, frame.pose.matrix, n / len(used))
        if fine is not None:
            settled.append(i)
            firm.update([i] if is_firm else [])
            _set_pose(look, i, fine)
    return (settled, firm) if len(settled) >= MIN_FRAMES else (used, set())


def steady_frames(
    look: Look, loose: list[int], used: list[int], composites: list[np.ndarray], canvas: Canvas
) -> None:
    """Register frames that show nothing that lasts to the canvas as it looks about then.

    Args:
        loose: positions of these frames, among `used`, the frames that the composites are of.
        canvas: about where it is in all composites.
    """
    wanted = set(loose)
    for k, group in enumerate(np.array_split(np.array(used), len(composites))):
        there = [int(i) for i in group if int(i) in wanted]
        local = Ground([composites[k]], canvas.corners) if there else None
        for i in there:
            assert local is not None
            fine = local.settle(look.looked[i].grey, look.looked[i].pose.matrix)
            if fine is not None:
                _set_pose(look, i, fine)


class _Grounds:
    """What frames are settled on: what lasts, or else the canvas as it looks about then."""

    def __init__(
        self, composites: list[np.ndarray], about: Callable[[list[np.ndarray]], Canvas]
    ) -> None:
        self.composites, self.lasting = composites, Ground(composites)

        def corners() -> np.ndarray | None:
            found = about(composites)
            return found.corners if found.kind == "quad" else None

        firm = self.lasting.is_firm
        self.slid = reground(composites, self.lasting, corners) if firm else []
        self._local: dict[int, Ground] = {}

    def settle(
        self, image: np.ndarray, pose: np.ndarray, part: float
    ) -> tuple[np.ndarray | None, bool]:
        """A finer pose (3, 3) and whether it is by what lasts; `part` of the take, 0 to 1, lies
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
        return (fine if fine is None or back is None else back @ fine), False


def _set_pose(look: Look, i: int, matrix: np.ndarray) -> None:
    pose = Pose(look.looked[i].pose.take, matrix / matrix[2, 2])
    look.looked[i] = replace(look.looked[i], pose=pose)
