"""Fits a quadrilateral to a mask: its convex hull, simplified until four corners are left."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.canvas.quads import order_corners, turned_clockwise

MAX_TOLERANCE = 0.12
"""Largest tolerance of the polygon approximation, as a share of the outline's length. With more
than four corners left at it, the smallest rectangle around the mask is taken."""


def quad_of_mask(mask: np.ndarray) -> np.ndarray | None:
    """The outer corners of a mask, bool (h, w), as a quadrilateral: float64 (4, 2) in pixels, top
    left first, clockwise. None for an empty mask."""
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
    # The outline runs through the centres of the mask's outermost pixels, half a pixel inside.
    return order_corners(clockwise + 0.5 * np.sign(clockwise - centre))


def _four_corners(outline: np.ndarray) -> np.ndarray | None:
    """Corners (4, 2) of the outline simplified until four are left; None if it never has four."""
    length = cv2.arcLength(outline, True)
    for share in np.linspace(0.01, MAX_TOLERANCE, 23):
        corners = cv2.approxPolyDP(outline, float(share * length), True)[:, 0]
        if len(corners) == 4:
            return corners.astype(np.float64)
    return None
