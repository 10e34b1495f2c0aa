"""How ingest uses a segmenter: the canvas of a take from many finds, and what to leave out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.canvas import Canvas
from ingest.quads import order_corners, turned_clockwise
from ingest.relay import open_segmenter
from ingest.segmenter import Segmenter, SegmenterConfig

MIN_FOUND = 0.5
"""Share of the composites in which the canvas must be found."""
COARSEST = 0.12
"""Largest simplification of a mask's outline, as a share of its length, before a plain rectangle
is taken."""


def told_canvas(composites: Sequence[np.ndarray], config: SegmenterConfig) -> Canvas | None:
    """`canvas_from` the segmenter of a config; None where it asks for none, or none was found."""
    segmenter = open_segmenter(config)
    return None if segmenter is None else canvas_from(segmenter, composites)


def shown(frames: np.ndarray, valid: np.ndarray, config: SegmenterConfig) -> np.ndarray:
    """`valid`, bool (n, h, w), less what the segmenter of a config says is hidden in `frames`,
    RGB uint8 (n, h, w, 3); as it is where the config asks for none."""
    segmenter = open_segmenter(config)
    return valid if segmenter is None else valid & ~hidden(segmenter, frames)


def hidden(segmenter: Segmenter, frames: np.ndarray) -> np.ndarray:
    """What covers the canvas, bool (n, h, w), in frames RGB uint8 (n, h, w, 3).

    A rim of one pixel belongs to it: cover shines through there.
    """
    masks = np.stack(segmenter.cover(list(frames)))
    kernel = np.ones((3, 3), np.uint8)
    return np.stack([cv2.dilate(mask.astype(np.uint8), kernel) > 0 for mask in masks])


def canvas_from(segmenter: Segmenter, composites: Sequence[np.ndarray]) -> Canvas | None:
    """The canvas of a take: the median of the quadrilaterals found in its hand-free composites.

    Args:
        composites: RGB uint8 (h, w, 3) in take coordinates.

    Returns:
        The canvas, its score the share of composites in which it was found; None where it was
        found in less than `MIN_FOUND` of them.
    """
    quads = [quad for quad in segmenter.canvas(composites) if quad is not None]
    share = len(quads) / len(composites)
    if not quads or share < MIN_FOUND:
        return None
    return Canvas(np.median(np.stack(quads), axis=0), "quad", share)


def quad_of_mask(mask: np.ndarray) -> np.ndarray | None:
    """The outer corners, float64 (4, 2) in pixels, of the quadrilateral that a mask, bool (h, w),
    is; top left first, clockwise. None for an empty mask."""
    contours, _ = cv2.findContours(
        mask.astype(np.uint8), cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_SIMPLE
    )
    if not contours:
        return None
    outline = cv2.convexHull(max(contours, key=cv2.contourArea))
    corners = _four_corners(outline)
    if corners is None:
        corners = cv2.boxPoints(cv2.minAreaRect(outline)).astype(np.float64)
    clockwise, _ = turned_clockwise(corners, np.zeros(4, bool))
    centre = clockwise.mean(axis=0)
    # The outline runs through the centres of the mask's last pixels; the canvas ends beyond them.
    return order_corners(clockwise + 0.5 * np.sign(clockwise - centre))


def _four_corners(outline: np.ndarray) -> np.ndarray | None:
    """The outline simplified until four corners are left; None if it never has just four."""
    length = cv2.arcLength(outline, True)
    for share in np.linspace(0.01, COARSEST, 23):
        corners = cv2.approxPolyDP(outline, float(share * length), True)[:, 0]
        if len(corners) == 4:
            return corners.astype(np.float64)
    return None
