"""Maps points and pictures by homographies, and measures polygons.

Homographies are float64 (3, 3), points float64 (n, 2) as (x, y) in pixels.
"""

from __future__ import annotations

import cv2
import numpy as np

IDENTITY_TOLERANCE = 1e-8 + 1e-5 * np.eye(3)
"""Largest difference (3, 3) at which a homography counts as the identity."""


def scaling(factor: float) -> np.ndarray:
    """The matrix that maps pixel centres of an image to those of its copy scaled by `factor`."""
    # Pixel centres lie at integers, so scaling needs a shift of half a pixel.
    shift = (factor - 1) / 2
    return np.array([[factor, 0, shift], [0, factor, shift], [0, 0, 1.0]])


def transform(matrix: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Map points (n, 2) by a homography."""
    return cv2.perspectiveTransform(points.reshape(-1, 1, 2).astype(np.float64), matrix)[:, 0]


def warp(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The image warped by a homography, bilinear, to `size` (width, height); outside it is 0."""
    return cv2.warpPerspective(image, matrix, size, flags=cv2.INTER_LINEAR)


def valid_area(shape: tuple[int, ...], matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """bool (height, width): where a warped image of `shape` (H, W, ...) has pixels."""
    height, width = shape[:2]
    if (width, height) == size and (np.abs(matrix - np.eye(3)) <= IDENTITY_TOLERANCE).all():
        return np.ones((height, width), bool)
    right, bottom = width - 1.0, height - 1.0
    outline = transform(matrix, np.array([[0, 0], [right, 0], [right, bottom], [0, bottom]]))
    area = np.zeros((size[1], size[0]), np.uint8)
    # Pixels on the outline are left out: rounding must not add pixels that the image lacks.
    cv2.fillConvexPoly(area, np.round(outline * 16).astype(np.int32), 1, shift=4)
    cv2.polylines(area, [np.round(outline * 16).astype(np.int32)], True, 0, 1, shift=4)
    return area > 0


def to_rectangle(corners: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The homography from a quadrilateral (tl, tr, br, bl) to a picture of `size` (w, h).

    Corners lie on the outer edge of the canvas, so they map to the outer edge of corner pixels.
    """
    width, height = size
    goal = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float32) - 0.5
    return cv2.getPerspectiveTransform(corners.astype(np.float32), goal).astype(np.float64)


def resize_to(image: np.ndarray, short_side_px: int) -> tuple[np.ndarray, float]:
    """A copy with that short side (never enlarged) and the factor that was applied."""
    factor = min(1.0, short_side_px / min(image.shape[:2]))
    if factor == 1.0:
        return image, 1.0
    return cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_AREA), factor


def pixel_scale(matrix: np.ndarray) -> np.ndarray:
    """The scale of homographies (..., 3, 3): the square root of their area factor, float (...)."""
    return np.sqrt(np.abs(np.linalg.det(matrix[..., :2, :2] / matrix[..., 2:, 2:])))


def rectified(image: np.ndarray, matrix: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """The canvas of a frame, warped to `size` (w, h), without aliasing; `matrix` maps frame pixels
    to canvas pixels."""
    scale = float(pixel_scale(matrix))
    if scale < 0.5:
        # Bilinear warping reads four pixels only, so large frames are averaged down first.
        image = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        matrix = matrix @ np.linalg.inv(scaling(scale))
    return warp(image, matrix, size)


def grown(quad: np.ndarray, factor: float) -> np.ndarray:
    """A quadrilateral (4, 2) scaled by a factor about the mean of its corners."""
    middle = quad.mean(axis=0)
    return middle + factor * (quad - middle)


def area_of(polygon: np.ndarray, shape: tuple[int, ...]) -> np.ndarray:
    """The pixels of a convex polygon (n, 2): bool (h, w), the first two of `shape`."""
    area = np.zeros(shape[:2], np.uint8)
    cv2.fillConvexPoly(area, np.round(polygon).astype(np.int32), 1)
    return area > 0


def within(points: np.ndarray, polygon: np.ndarray) -> np.ndarray:
    """Whether points (n, 2) lie in a convex polygon (m, 2) or on its border: bool (n,)."""
    outline = polygon.astype(np.float32)
    return np.array([cv2.pointPolygonTest(outline, p, False) >= 0 for p in points.tolist()], bool)


def medoid_homography(matrices: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The medoid of some homographies (3, 3): the one that maps the corners of a frame of `size`
    (w, h) with the least median distance to where the others map them."""
    width, height = size
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    placed = np.stack([transform(matrix, outline) for matrix in matrices])
    thin = placed[:: max(1, len(placed) // 100)]
    distance = np.abs(placed[:, None] - thin[None]).max(axis=(2, 3))
    return matrices[int(np.argmin(np.median(distance, axis=1)))]
