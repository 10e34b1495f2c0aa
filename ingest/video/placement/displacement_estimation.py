"""How far a canvas was pushed, exactly: from what it looks like just before and just after.

Everything that went along says something of a push: what is painted on the canvas (where a point
went), and its outline (how far a point of a side went across it). All of it is weighed together, so
a bare canvas is placed by its outline, a finished one by its paint, and what a hand covers is
outvoted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.outline import OutlineView
from ingest.video.imaging.geometry import warp
from ingest.video.registration.homography import grey, tracked
from ingest.video.registration.motions import Motion, Turn, Warp

TRUST_PX = (6.0, 4.0, 2.5, 1.5, 1.0)
"""How far off a measurement may be to count, round by round: the first ones start from a guess."""
LEAST_BETTER = 1.1
"""By how much more measurements must agree with a homography for it to be taken."""
MAX_POINTS, MAX_BACK_ERROR_PX, INSIDE_PX = 500, 0.7, 6
"""Points on the canvas that are followed; how exactly they must come back when they are followed
back; and how far inside they lie, so that none of them is on the table."""
MOST_REACH_PX, LEAST_AGREEING = 12, 50
"""How far off an outline is sought, and how many measurements must agree."""


def exact_push(
    before: np.ndarray, after: np.ndarray, view: OutlineView, rough: np.ndarray
) -> np.ndarray | None:
    """The homography (3, 3) in take coordinates that brings a pushed canvas back.

    It is a shift and a turn of the canvas on its table; or, where frames before and after are
    registered a little differently, the homography that explains plainly more.

    Args:
        before, after: the take just before and just after the push, RGB uint8 (h, w, 3).
        view: of the canvas where it was before.
        rough: about the homography that is sought.

    Returns:
        None where too little agrees on one.
    """
    scene = _Scene(before, after, view)
    # Just before and after the push the outline alone tells about how far it went, too.
    starts = (rough, view.back(view.push(scene.outline, view.outline(after))))
    fits = [fit for fit in (_fitted(scene, start, Turn(), TRUST_PX) for start in starts) if fit]
    if not fits:
        return None
    turned = max(fits, key=lambda fit: fit.agreeing)
    warped = _fitted(scene, turned.back, Warp(), TRUST_PX[-3:])
    is_better = warped is not None and warped.agreeing > LEAST_BETTER * turned.agreeing
    best = warped if warped is not None and is_better else turned
    return best.back / best.back[2, 2]


def exact_drift(before: np.ndarray, after: np.ndarray, view: OutlineView) -> np.ndarray | None:
    """The homography (3, 3) that lays the canvas in `after` onto the canvas in `before`, where
    frames were registered a little wrong; arguments and None as of `exact_push`."""
    scene = _Scene(before, after, view)
    turned = _fitted(scene, np.eye(3), Turn(), TRUST_PX)
    warped = turned and _fitted(scene, turned.back, Warp(), TRUST_PX[-3:])
    return warped.back / warped.back[2, 2] if warped else None


@dataclass(frozen=True)
class _Fitted:
    back: np.ndarray
    agreeing: int


def _fitted(
    scene: _Scene, back: np.ndarray, motion: Motion, trusts_px: Sequence[float]
) -> _Fitted | None:
    agreeing = 0
    for trust_px in trusts_px:
        places, ways, distances = scene.measure(back)
        solved = _solved(motion.design(places, ways), distances, trust_px / scene.unit_px)
        if solved is None:
            return None
        numbers, agreeing = solved
        back = scene.undone(motion.matrix(numbers)) @ back
    return _Fitted(back, agreeing)


class _Scene:
    """What can be measured of a push. Places count from the middle of the canvas, in units of
    half of its view."""

    def __init__(self, before: np.ndarray, after: np.ndarray, view: OutlineView) -> None:
        self.view, self.after = view, after
        self.outline = view.outline(before)
        self.known = grey(warp(before, view.matrix, view.size))
        inside = np.zeros(self.known.shape, np.uint8)
        rim = view.margin + INSIDE_PX
        inside[rim:-rim, rim:-rim] = 1
        found = cv2.goodFeaturesToTrack(self.known, MAX_POINTS, 0.003, 6, mask=inside, blockSize=5)
        self.points = np.zeros((0, 1, 2), np.float32) if found is None else found
        self.unit_px = max(view.size) / 2
        x, y = (view.size[0] - 1) / 2, (view.size[1] - 1) / 2
        self.centred = np.array([[1, 0, -x], [0, 1, -y], [0, 0, self.unit_px]]) / self.unit_px
        """From pixels of the view to places."""

    def measure(self, back: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """How far the canvas still is from where it was when `back` brings it back.

        Returns:
            Places (n, 2), unit vectors (n, 2), and how far it went along these there (n,).
        """
        seen = warp(self.after, back, (self.after.shape[1], self.after.shape[0]))
        edges, inwards, across = self.view.across(
            self.outline, self.view.outline(seen), MOST_REACH_PX
        )
        points, steps = self._followed(grey(warp(seen, self.view.matrix, self.view.size)))
        places = np.vstack([edges, points, points]) / self.unit_px + self.centred[:2, 2]
        ways = np.vstack([inwards, np.repeat(np.eye(2), len(points), axis=0)])
        distances = np.concatenate([across, steps[:, 0], steps[:, 1]]) / self.unit_px
        return places, ways, distances

    def undone(self, motion: np.ndarray) -> np.ndarray:
        """In take coordinates, what undoes a motion (3, 3) of places."""
        to_places = self.centred @ self.view.matrix
        return np.linalg.inv(to_places) @ np.linalg.inv(motion) @ to_places

    def _followed(self, seen: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Points (n, 2) on the canvas and how far they moved (n, 2)."""
        if not len(self.points):
            return np.zeros((0, 2)), np.zeros((0, 2))
        moved, error = tracked(self.known, self.points, seen)
        good = error < MAX_BACK_ERROR_PX
        start = self.points[good, 0].astype(np.float64)
        return start, moved[good, 0].astype(np.float64) - start


def _solved(
    design: np.ndarray, distances: np.ndarray, trust: float
) -> tuple[np.ndarray, int] | None:
    """The numbers that fit most distances (n,), and how many of them agree.

    Least squares over and over; Tukey's biweight leaves out what is off by more than `trust`.

    Args:
        design: float (n, numbers).
    """
    numbers, agreeing = np.zeros(design.shape[1]), np.zeros(len(design), bool)
    for _ in range(20):
        off = distances - design @ numbers
        weight = np.maximum(1 - (off / trust) ** 2, 0) ** 2
        agreeing = weight > 0
        if agreeing.sum() < LEAST_AGREEING:
            return None
        scaled = design * weight[:, None]
        before = numbers
        numbers = np.linalg.lstsq(scaled.T @ design, scaled.T @ distances, rcond=None)[0]
        if np.abs(numbers - before).max() < 1e-6:
            break
    return numbers, int(agreeing.sum())
