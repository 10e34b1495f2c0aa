"""Detects from its outline where the canvas was moved on the table, in composites and in frames.

Frames are registered to the table, which is static. If the canvas is shifted or rotated on it, the
outline of the canvas moves in the composites. This may happen several times, also while the canvas
is blank.
"""

from __future__ import annotations

import itertools
from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas, picture_edges, side_support
from ingest.video.canvas.outline_matching import Displacement, OutlineMatcher
from ingest.video.imaging.geometry import transform, warp

MIN_SIMILARITY = 0.4
"""Least similarity of two outlines after the estimated displacement is undone."""
MAX_UNMOVED_SHARE = 0.85
"""The canvas was moved only if the outlines without that are less similar than this share."""
MIN_MOVE_PX = 1.5
"""The canvas was moved only if a corner moved farther than this, in pixels of `OutlineMatcher`."""


@dataclass(frozen=True, eq=False)
class CanvasPosition:
    """A position of the canvas on the table."""

    number: int
    """Number of the position in the shot; 0 is the home position."""
    to_home: np.ndarray
    """Approximate homography (3, 3) in shot coordinates from this position to the home position."""


def detect_positions(composites: list[np.ndarray], canvas: Canvas) -> list[CanvasPosition | None]:
    """Returns the position of the canvas in each composite; None where it cannot be detected.

    Args:
        composites: RGB uint8 (h, w, 3) of a shot in order of time.
        canvas: the canvas in its home position, in shot coordinates, as some composites show it.
    """
    matcher = OutlineMatcher(canvas)
    outlines = [matcher.outline(composite) for composite in composites]
    similarity = np.array([[matcher.similarity(a, b) for b in outlines] for a in outlines])
    # Start from the composite that shows the sides at home and is similar to most others.
    support = [
        side_support(canvas.corners[None], picture_edges(c)[None]).mean() for c in composites
    ]
    start = int(np.argmax(similarity @ np.array(support)))
    positions: list[CanvasPosition | None] = [None] * len(composites)
    positions[start] = home = CanvasPosition(0, np.eye(3))
    number = 0
    for direction in (range(start + 1, len(composites)), range(start - 1, -1, -1)):
        known, position = composites[start], home
        for k in direction:
            move = matcher.displacement(
                matcher.outline(known), matcher.outline(_warped(composites[k], position.to_home))
            )
            if move.similarity < MIN_SIMILARITY:
                continue
            if _is_moved(move, matcher):
                number += 1
                position = CanvasPosition(number, matcher.undo(move) @ position.to_home)
            positions[k], known = position, _warped(composites[k], position.to_home)
    return positions


def _warped(composite: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """Returns a composite warped by a homography (3, 3), in its own size."""
    return warp(composite, matrix, (composite.shape[1], composite.shape[0]))


def _is_moved(move: Displacement, matcher: OutlineMatcher) -> bool:
    """Returns True if the outline moved, and fits clearly better where it moved to."""
    farthest = (
        np.hypot(*move.shift_px)
        + abs(move.rotation_rad) * np.hypot(matcher.width, matcher.height) / 2
    )
    return move.similarity_unmoved < MAX_UNMOVED_SHARE * move.similarity and farthest > MIN_MOVE_PX


def assign_positions(
    greys: list[np.ndarray],
    poses: list[np.ndarray],
    positions: list[CanvasPosition | None],
    corners: np.ndarray,
) -> list[CanvasPosition]:
    """Returns the position of the canvas in each frame.

    The frames are split into as many equal parts as there are positions, one per composite. Where
    the position changes, the frame of the change is the one that best separates frames whose edges
    fit the first position from frames whose edges fit the second.

    Args:
        greys: grey uint8 (h, w) of all frames.
        poses: their homographies (3, 3) to shot coordinates.
        positions: position in each composite, from `detect_positions`; not all of them None.
        corners: corners (4, 2) of the canvas at home, in shot coordinates.
    """
    parts = np.array_split(np.arange(len(greys)), len(positions))
    known = [(k, position) for k, position in enumerate(positions) if position is not None]
    found = [known[0][1]] * len(greys)
    for (before, first), (after, second) in itertools.pairwise(known):
        start = int(parts[after][0])
        if second.number != first.number:
            between = np.concatenate(parts[before : after + 1])
            gains = [
                _support(greys[n], first.to_home @ poses[n], corners)
                - _support(greys[n], second.to_home @ poses[n], corners)
                for n in between
            ]
            total = np.concatenate([[0.0], np.cumsum(gains)])
            # The sum of gains is largest at the last frame that fits the first position better.
            start = int(between[0]) + int(np.argmax(total))
        found[start:] = [second] * (len(greys) - start)
    return found


def _support(grey: np.ndarray, pose: np.ndarray, corners: np.ndarray) -> float:
    """Returns the share of the canvas's sides that lies on edges of one frame, 0 to 1.

    Args:
        grey: the frame, uint8 (h, w).
        pose: its homography (3, 3) to shot coordinates.
        corners: corners (4, 2) of the canvas in shot coordinates.
    """
    edges = cv2.Canny(grey, 60, 160) > 0
    quad = transform(np.linalg.inv(pose), corners)
    return float(side_support(quad[None], edges[None]).mean())
