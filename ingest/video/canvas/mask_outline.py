"""The quadrilateral that a mask is: its outline, simplified until four corners are left."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.canvas.quads import order_corners, turned_clockwise

COARSEST = 0.12
"""Largest simplification of a mask's outline, as a share of its length, before a plain rectangle
is taken."""


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
