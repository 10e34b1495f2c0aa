"""Chooses by dynamic programming which of the page outlines in the clips are the canvas.

Consecutive clips show about the same paint, wherever the camera is. The canvas is the chain of
outlines, one per clip, with high scores and similar appearance when rectified to a square. Each
outline is tried in four rotations. Clips without a matching outline are skipped.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.geometry import to_rectangle, valid_area, warp
from ingest.video.placement.page.clips import Clip

SIDE_PX = 24
"""Side of the square that outlines are rectified to for comparison."""
SAME_LAB = 12.0
"""Lab distance up to which a pixel of the square looks the same."""
MIN_SHARED = 0.4
"""Least share of the square that both outlines must show."""
MIN_SIMILARITY = 0.35
"""Least share of the shared pixels that must look the same."""
MAX_GAP = 8
"""Largest number of clips from one outline of the chain to the next."""
MIN_SCORE = 0.55
"""Score of an outline above which it adds to the value of a chain."""
ROTATION_WEIGHT = 0.3
"""Penalty for a quarter turn between two outlines of the chain."""
ASPECT_WEIGHT = 0.5
"""Penalty for a change of the log aspect ratio by 1."""


@dataclass(frozen=True, eq=False)
class _Candidate:
    """A page outline of a clip in one of its four rotations."""

    clip: int
    """Index of the clip."""
    corners: np.ndarray
    """float64 (4, 2), clockwise from what would be the top left."""
    score: float
    lab: np.ndarray
    """float32 (SIDE_PX ** 2, 3): Lab colours of the square."""
    visible: np.ndarray
    """bool (SIDE_PX ** 2,): True where the square is in view."""

    @property
    def aspect(self) -> float:
        """Logarithm of width over height."""
        sides = np.linalg.norm(np.roll(self.corners, -1, axis=0) - self.corners, axis=1)
        return float(np.log((sides[0] + sides[2]) / (sides[1] + sides[3])))

    @property
    def angle(self) -> float:
        """Direction of the upper side in radians."""
        along = self.corners[1] - self.corners[0] + self.corners[2] - self.corners[3]
        return float(np.arctan2(along[1], along[0]))


def chain_outlines(clips: list[Clip]) -> dict[int, np.ndarray]:
    """Returns the corners (4, 2) of the canvas by index of the clip, for clips that show it.

    The first corner is the same corner of the canvas in all clips.
    """
    candidates = [candidate for k, clip in enumerate(clips) for candidate in _candidates(k, clip)]
    best: list[float] = []
    previous: list[int] = []
    weights = np.array([len(s.frames) for s in clips]) / max(len(s.frames) for s in clips)
    for n, candidate in enumerate(candidates):
        gain = (candidate.score - MIN_SCORE) * float(weights[candidate.clip])
        best_value, best_previous = gain, -1
        for m in range(n):
            gap = candidate.clip - candidates[m].clip
            if not 0 < gap <= MAX_GAP:
                continue
            value = (
                best[m] + gain + _link(candidates[m], candidate) * float(weights[candidate.clip])
            )
            if value > best_value and _similarity(candidates[m], candidate) >= MIN_SIMILARITY:
                best_value, best_previous = value, m
        best.append(best_value)
        previous.append(best_previous)
    chain: dict[int, np.ndarray] = {}
    at = int(np.argmax(best)) if best else -1
    while at >= 0:
        chain[candidates[at].clip] = candidates[at].corners
        at = previous[at]
    return dict(sorted(chain.items()))


def appearance_similarity(
    first: tuple[np.ndarray, np.ndarray], second: tuple[np.ndarray, np.ndarray]
) -> float:
    """Returns the share of the rectified canvas that looks the same in two pictures, 0 to 1.

    Args:
        first, second: picture RGB uint8 (h, w, 3) and corners (4, 2) of the canvas in it.
    """
    return _similarity(
        *(_candidate(0, picture, corners, 0.0) for picture, corners in (first, second))
    )


def _candidates(number: int, clip: Clip) -> list[_Candidate]:
    return [
        _candidate(number, clip.picture, np.roll(outline.corners, turn, axis=0), outline.score)
        for outline in clip.outlines
        for turn in range(4)
    ]


def _candidate(number: int, picture: np.ndarray, corners: np.ndarray, score: float) -> _Candidate:
    side = 4 * SIDE_PX
    matrix = to_rectangle(corners, (side, side))
    square = cv2.resize(
        warp(picture, matrix, (side, side)), (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA
    )
    visible = valid_area(picture.shape, matrix, (side, side)).astype(np.float32)
    visible = cv2.resize(visible, (SIDE_PX, SIDE_PX), interpolation=cv2.INTER_AREA) > 0.99
    lab = cv2.cvtColor(square.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return _Candidate(number, corners, score, lab.reshape(-1, 3), visible.ravel())


def _similarity(a: _Candidate, b: _Candidate) -> float:
    shared = a.visible & b.visible
    if shared.mean() < MIN_SHARED:
        return 0.0
    difference = b.lab[shared] - a.lab[shared]
    # The light may have changed. Most of the canvas has not.
    difference -= np.median(difference, axis=0)
    return float((np.linalg.norm(difference, axis=1) < SAME_LAB).mean())


def _link(a: _Candidate, b: _Candidate) -> float:
    """Returns the value of a link between two outlines of the chain, at most 1."""
    turn = abs((b.angle - a.angle + np.pi) % (2 * np.pi) - np.pi) / (np.pi / 2)
    return _similarity(a, b) - ROTATION_WEIGHT * turn - ASPECT_WEIGHT * abs(b.aspect - a.aspect)
