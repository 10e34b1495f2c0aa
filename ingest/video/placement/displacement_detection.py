"""Notices that the canvas was moved on the table, and follows it.

Frames are settled on the table, which is most of what stays. When somebody shifts or turns the
canvas, its outline moves and the table does not. It may happen at any time, also while the canvas
is bare, and several times.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas, picture_edges, side_support
from ingest.video.canvas.outline import OutlineView, Push
from ingest.video.imaging.geometry import transform, warp

LEAST_LIKENESS, MOST_UNMOVED, LEAST_MOVE_PX = 0.4, 0.85, 1.5
"""How alike outlines must be where a push is said to have brought them; how alike they may be where
the canvas lay, as a share of that; and how far a corner must have moved, in the outline's view."""


@dataclass(frozen=True, eq=False)
class Place:
    """Where a canvas lay at a certain time."""

    number: int
    """Counts the places of a take; composites of one number show the canvas in one place."""
    back: np.ndarray
    """Homography (3, 3) in take coordinates that brings it home, about."""


def find_places(composites: list[np.ndarray], canvas: Canvas) -> list[Place | None]:
    """Where the canvas lies in each composite; None where it cannot be told.

    Args:
        composites: RGB uint8 (h, w, 3) of a take in order of time.
        canvas: where it is in some of them, in take coordinates; that is its home.
    """
    view = OutlineView(canvas)
    outlines = [view.outline(composite) for composite in composites]
    alike = np.array([[view.likeness(a, b) for b in outlines] for a in outlines])
    # Home is where the canvas was found: most composites that are alike show its sides there.
    fits = [side_support(canvas.corners[None], picture_edges(c)[None]).mean() for c in composites]
    start = int(np.argmax(alike @ np.array(fits)))
    places: list[Place | None] = [None] * len(composites)
    places[start] = home = Place(0, np.eye(3))
    number = 0
    for ways in (range(start + 1, len(composites)), range(start - 1, -1, -1)):
        known, place = composites[start], home
        for k in ways:
            push = view.push(view.outline(known), view.outline(_moved(composites[k], place.back)))
            if push.likeness < LEAST_LIKENESS:
                continue
            if _is_moved(push, view):
                number += 1
                place = Place(number, view.back(push) @ place.back)
            places[k], known = place, _moved(composites[k], place.back)
    return places


def _moved(composite: np.ndarray, back: np.ndarray) -> np.ndarray:
    return warp(composite, back, (composite.shape[1], composite.shape[0]))


def _is_moved(push: Push, view: OutlineView) -> bool:
    farthest = np.hypot(*push.shift_px) + abs(push.turn_rad) * np.hypot(view.width, view.height) / 2
    return push.likeness_unmoved < MOST_UNMOVED * push.likeness and farthest > LEAST_MOVE_PX


def place_frames(
    greys: list[np.ndarray],
    poses: list[np.ndarray],
    places: list[Place | None],
    corners: np.ndarray,
) -> list[Place]:
    """Where the canvas lies in each frame.

    Frames are in as many equal stretches as there are places. Between two places, the frame at
    which the canvas was moved is the one that parts those whose edges fit the first from those
    whose edges fit the second.

    Args:
        greys: all frames, evened grey uint8; poses: their homographies to take coordinates.
        corners: of the canvas in take coordinates, at home.
    """
    stretches = np.array_split(np.arange(len(greys)), len(places))
    told = [(k, place) for k, place in enumerate(places) if place is not None]
    found = [told[0][1]] * len(greys)
    for (before, first), (after, second) in itertools.pairwise(told):
        start = int(stretches[after][0])
        if second.number != first.number:
            between = np.concatenate(stretches[before : after + 1])
            gains = [
                _support(greys[n], first.back @ poses[n], corners)
                - _support(greys[n], second.back @ poses[n], corners)
                for n in between
            ]
            total = np.concatenate([[0.0], np.cumsum(gains)])
            # Frames up to the best split fit the first place better, those after it the second.
            start = int(between[0]) + int(np.argmax(total))
        found[start:] = [second] * (len(greys) - start)
    return found


def _support(grey: np.ndarray, pose: np.ndarray, corners: np.ndarray) -> float:
    """How much of the canvas's sides (take coordinates) lies on edges of one frame, 0 to 1."""
    edges = cv2.Canny(grey, 60, 160) > 0
    quad = transform(np.linalg.inv(pose), corners)
    return float(side_support(quad[None], edges[None]).mean())
