"""Which of the sheets found in the stretches of a video are one canvas, and how it is turned.

Stretches that follow each other show about the same paint, whatever the camera did in between. So
the canvas is the chain of sheets, one a stretch, that are well outlined and look alike when each is
made a square; stretches without a sheet that fits are passed over.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.page_outlines import Sheet
from ingest.video.imaging.geometry import to_rectangle, valid_area, warp

SIDE_PX, SAME_LAB, MIN_SHARED = 24, 12.0, 0.4
"""Side of the square in which sheets are compared; Lab distance up to which they look the same
there; and the least share of the square that both must show."""
LEAST_ALIKE, LOOK_BACK = 0.35, 8
"""Share of the square that must look the same; and how many stretches back a sheet is compared."""
LEAST_SCORE, TURN_WEIGHT, SHAPE_WEIGHT = 0.55, 0.3, 0.5
"""What a sheet has to score above to be worth a link; what a quarter turn costs; and what a change
of the ratio of the sides costs, as a log."""


@dataclass(frozen=True, eq=False)
class Stretch:
    """A few frames that share their coordinates, and the sheets in them."""

    frames: list[int]
    picture: np.ndarray
    """RGB uint8 (h, w, 3): their middle look."""
    sheets: list[Sheet]


@dataclass(frozen=True, eq=False)
class _State:
    """A sheet of a stretch, turned by quarters."""

    stretch: int
    corners: np.ndarray
    score: float
    look: np.ndarray
    """float32 (SIDE_PX ** 2, 3): Lab."""
    seen: np.ndarray
    """bool (SIDE_PX ** 2,): in view."""

    @property
    def ratio(self) -> float:
        sides = np.linalg.norm(np.roll(self.corners, -1, axis=0) - self.corners, axis=1)
        return float(np.log((sides[0] + sides[2]) / (sides[1] + sides[3])))

    @property
    def angle(self) -> float:
        along = self.corners[1] - self.corners[0] + self.corners[2] - self.corners[3]
        return float(np.arctan2(along[1], along[0]))


def chain_sheets(stretches: list[Stretch]) -> dict[int, np.ndarray]:
    """The canvas's corners (4, 2), in one order, in the stretches (by number) that show it."""
    states = [state for k, stretch in enumerate(stretches) for state in _states(k, stretch)]
    best: list[float] = []
    before: list[int] = []
    weights = np.array([len(s.frames) for s in stretches]) / max(len(s.frames) for s in stretches)
    for n, state in enumerate(states):
        gain = (state.score - LEAST_SCORE) * float(weights[state.stretch])
        total, source = gain, -1
        for m in range(n):
            gap = state.stretch - states[m].stretch
            if not 0 < gap <= LOOK_BACK:
                continue
            value = best[m] + gain + _link(states[m], state) * float(weights[state.stretch])
            if value > total and _alike(states[m], state) >= LEAST_ALIKE:
                total, source = value, m
        best.append(total)
        before.append(source)
    chain: dict[int, np.ndarray] = {}
    at = int(np.argmax(best)) if best else -1
    while at >= 0:
        chain[states[at].stretch] = states[at].corners
        at = before[at]
    return dict(sorted(chain.items()))


def look_alike(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> float:
    """Share of the square that looks the same in two pictures, each with its sheet's corners."""
    return _alike(*(_state(0, picture, corners, 0.0) for picture, corners in (first, second)))


def _states(number: int, stretch: Stretch) -> list[_State]:
    return [
        _state(number, stretch.picture, np.roll(sheet.corners, turn, axis=0), sheet.score)
        for sheet in stretch.sheets
        for turn in range(4)
    ]


def _state(number: int, picture: np.ndarray, corners: np.ndarray, score: float) -> _State:
    wide = 4 * SIDE_PX
    matrix = to_rectangle(corners, (wide, wide))
    square = cv2.resize(
        warp(picture, matrix, (wide, wide)), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA
    )
    seen = valid_area(picture.shape, matrix, (wide, wide)).astype(np.float32)
    seen = cv2.resize(seen, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) > 0.99
    lab = cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return _State(number, corners, score, lab.reshape(-1, 3), seen.ravel())


def _alike(a: _State, b: _State) -> float:
    shared = a.seen & b.seen
    if shared.mean() < MIN_SHARED:
        return 0.0
    off = b.look[shared] - a.look[shared]
    # Light may have changed; most of the canvas has not.
    off -= np.median(off, axis=0)
    return float((np.linalg.norm(off, axis=1) < SAME_LAB).mean())


def _link(a: _State, b: _State) -> float:
    """What it is worth that two sheets are one, at most 1."""
    turn = abs((b.angle - a.angle + np.pi) % (2 * np.pi) - np.pi) / (np.pi / 2)
    return _alike(a, b) - TURN_WEIGHT * turn - SHAPE_WEIGHT * abs(b.ratio - a.ratio)
