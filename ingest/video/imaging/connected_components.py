"""Selects connected components of masks by what they contain, and finds small holes in masks."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.difference import KERNEL

BRIDGE = np.ones((5, 5), np.uint8)
"""Structuring element of the closing that bridges small gaps."""
JOINED_SHARE = 0.25
"""Least share of a component that is known to be occluder for all of it to be occluder."""
MAX_HOLE_SHARE = 0.01
"""Share of the picture below which a hole counts as small."""


def label_components(mask: np.ndarray) -> tuple[np.ndarray, int]:
    """Connected components of a mask, bool (h, w): labels int32 (h, w), 0 outside, and the number
    of labels."""
    number, labels = cv2.connectedComponents(mask.astype(np.uint8), connectivity=4)
    return np.asarray(labels, np.int32), number


def components_mostly_in(area: np.ndarray, found: np.ndarray, share: float) -> np.ndarray:
    """The connected components of `area` of which at least `share` is in `found`; bool (h, w)
    all."""
    labels, number = label_components(area)
    sizes = np.maximum(np.bincount(labels.ravel(), minlength=number), 1)
    held = np.bincount(labels[found], minlength=number) >= share * sizes
    held[0] = False
    return held[labels]


def components_touching(area: np.ndarray, seed: np.ndarray) -> np.ndarray:
    """The connected components of `area` that contain a pixel of `seed`; bool (h, w) all.
    Small gaps within a component are bridged."""
    closed = cv2.morphologyEx(area.astype(np.uint8), cv2.MORPH_CLOSE, BRIDGE)
    labels, number = label_components(closed > 0)
    held = np.bincount(labels[seed], minlength=number) > 0
    held[0] = False
    return held[labels] & area


def small_holes(mask: np.ndarray) -> np.ndarray:
    """The small holes and gaps in a mask; bool (h, w) both.

    The uniform inside of an occluder shows no change, so change detection leaves holes there.
    """
    closed = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_CLOSE, BRIDGE) > 0
    labels, number = label_components(~closed)
    sizes = np.bincount(labels.ravel(), minlength=number)
    small = sizes < MAX_HOLE_SHARE * mask.size
    small[0] = False
    return small[labels] | (closed & ~mask)


def without_specks(mask: np.ndarray) -> np.ndarray:
    """A mask without parts thinner than three pixels (morphological opening)."""
    return cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0


def with_joined_components(
    known: np.ndarray, candidates: np.ndarray, picture: np.ndarray, tolerance: np.ndarray
) -> np.ndarray:
    """`known` with those of the candidates, bool (h, w) both, that belong to the same occluder.

    Where paint was laid under a resting hand, the canvas differs before and after the hand, so the
    hand looks like a short-lived layer of paint there. But it is one component, without an edge
    within, with the part of the hand that is known to be occluder.

    Args:
        picture: RGB uint8 (h, w, 3).
        tolerance: float32 (h, w), largest difference at which two colours are the same.
    """
    uniform = (known | candidates) & (local_range(picture) <= tolerance)
    joined = components_mostly_in(uniform, known, JOINED_SHARE)
    return known | (candidates & with_edge_border(joined))


def local_range(picture: np.ndarray) -> np.ndarray:
    """The largest difference within 3 x 3 pixels, over channels: uint8 (h, w)."""
    return (cv2.dilate(picture, KERNEL) - cv2.erode(picture, KERNEL)).max(axis=2)


def with_edge_border(found: np.ndarray) -> np.ndarray:
    """A mask dilated by two pixels: the blurred edge around an occluder belongs to it."""
    return cv2.dilate(found.astype(np.uint8), KERNEL, iterations=2) > 0
