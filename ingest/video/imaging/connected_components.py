"""Connected pieces of masks: which hold what, and the holes in them."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.difference import KERNEL

BRIDGE = np.ones((5, 5), np.uint8)
"""How small gaps are bridged."""
JOINED_SHARE = 0.25
"""Share of a piece that is known to be cover for all of it to be cover."""
MOST_HOLE_SHARE = 0.01
"""Share of the picture up to which a hole in what is covered is covered."""


def pieces(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected pieces of a mask as int32 labels (0 is outside), and the number of labels."""
    number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(labels, np.int32), number


def holding(area: np.ndarray, found: np.ndarray, share: float) -> np.ndarray:
    """Those pieces of an area, bool (h, w), of which at least a share is found."""
    labels, number = pieces(area)
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=number), 1)
    held = np.bincount(labels[found], minlength=number) >= share * sizes
    held[0] = False
    return held[labels]


def touching(area: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """Pieces of an area, bridged over small gaps, that hold some of the seed; bool (h, w) all."""
    closed = cv2.morphologyEx(area.astype(np.uint8), cv2.MORPH_CLOSE, BRIDGE)
    labels, number = pieces(closed > 0)
    held = np.bincount(labels[seed], minlength=number) > 0
    held[0] = False
    return held[labels] & area


def small_holes(covered: np.ndarray) -> np.ndarray:
    """Small holes in what is covered: a plain part of a thing shows nothing that moves."""
    closed = cv2.morphologyEx(covered.astype(np.uint8), cv2.MORPH_CLOSE, BRIDGE) > 0
    labels, number = pieces(~closed)
    sizes = np.bincount(labels.ravel(), minlength=number)
    small = sizes < MOST_HOLE_SHARE * covered.size
    small[0] = False
    return small[labels] | (closed & ~covered)


def without_specks(mask: np.ndarray) -> np.ndarray:
    """A mask less what is thinner than three pixels."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0


def joined(
    covered: np.ndarray, other: np.ndarray, level: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """`covered` with those other pixels, bool (h, w) both, that are one thing with it.

    Where paint was laid under a resting hand, the hand comes between two different levels and
    looks like a short-lived layer; but it is one piece, without an edge, with the hand beside it
    that did come and go.

    Args:
        level: the picture, RGB uint8 (h, w, 3).
        tolerance: float32 (h, w), difference up to which two looks show the same.
    """
    alike = (covered | other) & (spread(level) <= tolerance)
    return covered | (other & with_edges(holding(alike, covered, JOINED_SHARE)))


def spread(level: np.ndarray) -> np.ndarray:
    """uint8 (h, w): largest difference within a neighbourhood, in the channel where it is most."""
    return (cv2.dilate(level, KERNEL) - cv2.erode(level, KERNEL)).max(axis=2)


def with_edges(found: np.ndarray) -> np.ndarray:
    """An area with the edges around it: they belong to what stands out in front."""
    return cv2.dilate(found.astype(np.uint8), KERNEL, iterations=2) > 0
