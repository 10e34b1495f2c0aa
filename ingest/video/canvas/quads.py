"""Finds straight lines in an edge picture, the quadrilaterals they form, and their exact sides.

Coordinates are pixels (x, y).
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from ingest.video.imaging.geometry import transform

MIN_VOTE_SHARE = 0.18
"""Least number of edge pixels on a line, as a share of the picture's short side."""
SAME_LINE_PX = 5.0
"""Largest distance in pixels, at the middle of the picture, of two lines that count as one."""
SAME_LINE_RAD = np.radians(2.5)
"""Largest angle between two lines that count as one."""
MAX_OPPOSITE_RAD = np.radians(28)
"""Largest angle between opposite sides."""
MIN_CORNER_RAD = np.radians(52)
"""Smallest angle between sides that meet."""
REFINE_PX = 5
"""How far a side is searched outwards, in pixels."""
REFINE_SAMPLES = 80
"""Points along a side at which its edge is sampled."""
REACH_SHARE = 0.07
"""How far a side is searched inwards, as a share of the canvas."""
EDGE_STRENGTH = 15.0
"""Least gradient magnitude (Sobel) of an edge."""
MIN_EDGE_SHARE = 0.5
"""Least share of the points of a side that lie on an edge."""


@dataclass(frozen=True)
class Line:
    """The points with x cos(angle) + y sin(angle) = distance; angle in [0, pi)."""

    distance: float
    angle: float
    is_border: bool = False
    """Whether it is a border of the frame."""

    @classmethod
    def through(cls, a: np.ndarray, b: np.ndarray, is_border: bool = False) -> Line:
        """The line through two points (2,)."""
        direction = b - a
        angle = float(np.arctan2(direction[0], -direction[1])) % np.pi
        distance = float(a[0] * np.cos(angle) + a[1] * np.sin(angle))
        return cls(distance, angle, is_border)


def hough_lines(edges: np.ndarray, max_lines: int) -> list[Line]:
    """The strongest distinct straight lines of an edge picture, bool (h, w), strongest first."""
    threshold = max(20, int(MIN_VOTE_SHARE * min(edges.shape)))
    found = cv2.HoughLines(edges.astype(np.uint8), 1, np.pi / 360, threshold)
    if found is None:
        return []
    rho, theta = found[:, 0].astype(np.float64).T
    angle = theta % np.pi
    # Distances are compared at the middle of the picture, where the lines are in view.
    offset = edges.shape[1] / 2 * np.cos(angle) + edges.shape[0] / 2 * np.sin(angle) - rho
    chosen: list[int] = []
    for k in range(len(angle)):
        if len(chosen) == max_lines:
            break
        gap = np.abs(angle[chosen] - angle[k])
        turned = gap > np.pi / 2
        apart = np.abs(offset[k] - np.where(turned, -1.0, 1.0) * offset[chosen])
        alike = np.where(turned, np.pi - gap, gap) < SAME_LINE_RAD
        if not (alike & (apart < SAME_LINE_PX)).any():
            chosen.append(k)
    return [Line(float(rho[k]), float(angle[k])) for k in chosen]


def candidate_quads(
    lines: list[Line], shape: tuple[int, ...], out_of_view: float = 0.15
) -> tuple[np.ndarray, np.ndarray]:
    """All quadrilaterals of two pairs of roughly opposite lines.

    Corners may lie out of view by the share `out_of_view` of its width and height.

    Returns corners (n, 4, 2), clockwise or anticlockwise, and for each side from corner i to i + 1
    whether it is a border of the frame, bool (n, 4).
    """
    height, width = shape[:2]
    gap = _angles_between(lines)
    first, second = np.nonzero(np.triu(gap < MAX_OPPOSITE_RAD, 1))
    view = np.array([width, height])
    low, high = -out_of_view * view, (1 + out_of_view) * view
    crossings = line_intersections(lines)
    near = np.all((crossings > low) & (crossings < high), axis=2)
    # Pairs a, b and c, d are opposite lines; the order around is a, c, b, d.
    a, b = first[:, None], second[:, None]
    fits = near[a, first] & near[first, b] & near[b, second] & near[second, a]
    fits &= gap[a, first] >= MIN_CORNER_RAD
    one, other = np.nonzero(np.triu(fits, 1))
    around = np.stack([first[one], first[other], second[one], second[other]], axis=1)
    corners = crossings[around, np.roll(around, -1, axis=1)]
    convex = np.array([cv2.isContourConvex(quad) for quad in corners.astype(np.float32)], bool)
    is_border = np.array([line.is_border for line in lines], bool)
    # The side from corner 0 (a, c) to corner 1 (c, b) lies on line c, and so on.
    return corners[convex], is_border[np.roll(around, -1, axis=1)[convex]]


def are_sensible(
    quads: np.ndarray, shape: tuple[int, ...], min_area: float, max_side_ratio: float
) -> np.ndarray:
    """Whether quads (n, 4, 2) are large enough and not too narrow: bool (n,).

    Args:
        shape: of the picture, (h, w, ...).
        min_area: least area as a share of the picture.
        max_side_ratio: largest ratio of the longest side to the shortest.
    """
    if not len(quads):
        return np.zeros(0, bool)
    x, y = quads[..., 0], quads[..., 1]
    area = 0.5 * np.abs((x * np.roll(y, -1, 1) - np.roll(x, -1, 1) * y).sum(axis=1))
    sides = np.linalg.norm(np.roll(quads, -1, 1) - quads, axis=2)
    narrow = sides.max(axis=1) >= max_side_ratio * sides.min(axis=1)
    return (area > min_area * shape[0] * shape[1]) & ~narrow


def points_along(quads: np.ndarray, along: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels x and y, int32 (n, 4, m) each, on the sides of quads (n, 4, 2), at the shares `along`
    (m,) of their lengths."""
    ends = np.roll(quads, -1, 1)
    x, y = (
        np.rint(quads[..., i, None] * (1 - along) + ends[..., i, None] * along).astype(np.int32)
        for i in (0, 1)
    )
    return x, y


def turned_clockwise(quad: np.ndarray, is_border: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Corners (4, 2) and side flags (4,) in clockwise order in the picture (y points down)."""
    x, y = quad[:, 0], quad[:, 1]
    if (x * np.roll(y, -1) - np.roll(x, -1) * y).sum() >= 0:
        return quad, is_border
    # Side i runs from corner i to i + 1; in reverse order it starts at corner i + 1.
    return quad[::-1], np.roll(is_border[::-1], -1)


def order_corners(quad: np.ndarray) -> np.ndarray:
    """Clockwise corners (4, 2) as top left, top right, bottom right, bottom left."""
    sides = np.roll(quad, -1, axis=0) - quad
    # The top side is the one whose direction is most to the right.
    top = int(np.argmax(sides[:, 0] / np.linalg.norm(sides, axis=1)))
    return np.roll(quad, -top, axis=0)


def refine_corners(
    quad: np.ndarray,
    is_border: np.ndarray,
    strength: np.ndarray,
    opening: np.ndarray | None = None,
) -> np.ndarray:
    """Corners (4, 2) with every side moved onto the edge of the canvas, to a fraction of a pixel.

    A canvas has thickness and casts a shadow, so several parallel edges lie close together. The
    painted face ends at the innermost of them that spans the whole side: no other edge within the
    canvas is there from the start.

    Args:
        quad: corners in clockwise order.
        strength: float32 (h, w), the gradient magnitude that lasts through the shot.
        opening: float32 (h, w), that of the first frames, if known: it excludes edges of early
            paint, which last as well.
    """
    lines = []
    for i in range(4):
        a, b = quad[i], quad[(i + 1) % 4]
        reach = REACH_SHARE * float(np.linalg.norm(quad[i - 1] - a))
        side = None
        if not is_border[i] and opening is not None:
            side = _innermost_side(a, b, reach, np.minimum(strength, opening))
        if not is_border[i] and side is None:
            side = _innermost_side(a, b, reach, strength)
        lines.append(side or Line.through(a, b))
    refined = np.array([_intersection(lines[i - 1], lines[i]) for i in range(4)])
    moved = np.linalg.norm(refined - quad, axis=1).max()
    limit = 2 * REACH_SHARE * np.linalg.norm(quad[2] - quad[0])
    return refined if np.isfinite(moved) and moved < limit else quad


def _innermost_side(
    a: np.ndarray, b: np.ndarray, reach: float, strength: np.ndarray
) -> Line | None:
    """The innermost line near the side from `a` to `b` that lies on an edge for most of its length;
    None without one. `reach`: how far inwards it is searched, in pixels."""
    offsets = np.arange(-REFINE_PX, max(reach, REFINE_PX) + 1.0)
    base, normal = _base_points(a, b)
    profile = _profiles(base, normal, offsets, strength)
    # Every line from offset i at one end to offset j at the other is tried.
    ends = np.arange(len(offsets))
    along = np.linspace(0, 1, len(base))
    paths = ends[:, None, None] * (1 - along) + ends[None, :, None] * along
    nearest = np.round(paths).astype(int)
    on_path = profile[np.arange(len(base)), nearest]
    typical = np.median(on_path, axis=2)
    threshold = max(EDGE_STRENGTH, 0.15 * float(typical.max()))
    support = (on_path > threshold).mean(axis=2)
    good = support >= max(MIN_EDGE_SHARE, 0.9 * float(support.max()))
    if not good.any():
        return None
    depth = np.where(good, ends[:, None] + ends[None, :], -1)
    innermost = depth >= depth.max() - 3
    i, j = np.unravel_index(np.argmax(np.where(innermost & good, typical, -1)), typical.shape)
    rows = np.arange(len(base))
    peaks = _local_peaks(profile, nearest[i, j])
    inner = (peaks > 0) & (peaks < len(offsets) - 1) & (profile[rows, peaks] > threshold)
    return _line_of_peaks(base, normal, offsets, profile, rows[inner], peaks[inner])


def _local_peaks(profile: np.ndarray, start: np.ndarray) -> np.ndarray:
    """The column of the largest value of each row within 2 of `start` (rows,): int (rows,)."""
    around = np.clip(start[:, None] + np.arange(-2, 3), 0, profile.shape[1] - 1)
    best = np.take_along_axis(profile, around, 1).argmax(axis=1)
    return np.take_along_axis(around, best[:, None], 1)[:, 0]


def _base_points(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) along a side, and the unit vector that points into a clockwise quad."""
    direction = (b - a) / max(float(np.linalg.norm(b - a)), 1e-6)
    along = np.linspace(0.05, 0.95, REFINE_SAMPLES)
    return a + along[:, None] * (b - a), np.array([-direction[1], direction[0]])


def _profiles(
    base: np.ndarray, normal: np.ndarray, offsets: np.ndarray, picture: np.ndarray
) -> np.ndarray:
    """Values of a picture across a side: float32 (points, offsets)."""
    points = (base[:, None] + offsets[None, :, None] * normal).astype(np.float32)
    return cv2.remap(picture, points[..., 0], points[..., 1], cv2.INTER_LINEAR)


def _line_of_peaks(
    base: np.ndarray,
    normal: np.ndarray,
    offsets: np.ndarray,
    profile: np.ndarray,
    rows: np.ndarray,
    peaks: np.ndarray,
) -> Line | None:
    """The line fitted through profile peaks, each interpolated by a parabola; None for too few."""
    if len(rows) < REFINE_SAMPLES // 4:
        return None
    left, middle, right = (profile[rows, peaks + k] for k in (-1, 0, 1))
    bend = left - 2 * middle + right
    shift = 0.5 * (left - right) / np.where(bend < -1e-3, bend, -1e9)
    found = base[rows] + (offsets[peaks] + shift)[:, None] * normal
    fitted = cv2.fitLine(found.astype(np.float32), cv2.DIST_WELSCH, 0, 0.01, 0.01)[:, 0]
    point, direction = fitted[2:].astype(np.float64), fitted[:2].astype(np.float64)
    return Line.through(point, point + direction)


def _intersection(a: Line, b: Line) -> np.ndarray:
    """The point (2,) where two lines meet; infinite for parallel ones."""
    matrix = np.array([[np.cos(a.angle), np.sin(a.angle)], [np.cos(b.angle), np.sin(b.angle)]])
    if abs(np.linalg.det(matrix)) < 1e-6:
        return np.array([np.inf, np.inf])
    return np.linalg.solve(matrix, np.array([a.distance, b.distance]))


def line_intersections(lines: list[Line]) -> np.ndarray:
    """The intersections of all pairs of lines, float64 (n, n, 2); infinite for parallel ones."""
    angle = np.array([line.angle for line in lines])
    distance = np.array([line.distance for line in lines])
    turn = np.sin(angle[None] - angle[:, None])
    turn = np.where(np.abs(turn) < 1e-6, np.nan, turn)
    sine, cosine = np.sin(angle), np.cos(angle)
    x = (distance[:, None] * sine[None] - distance[None] * sine[:, None]) / turn
    y = (distance[None] * cosine[:, None] - distance[:, None] * cosine[None]) / turn
    return np.nan_to_num(np.stack([x, y], axis=-1), nan=np.inf)


def _angles_between(lines: list[Line]) -> np.ndarray:
    """Angles in radians between all pairs of lines, float64 (n, n)."""
    angle = np.array([line.angle for line in lines])
    gap = np.abs(angle[:, None] - angle)
    return np.minimum(gap, np.pi - gap)


def corners_in_frame(corners: np.ndarray, shot_from_frame: np.ndarray) -> np.ndarray:
    """Corners (n, 2) in shot coordinates as pixels of one frame."""
    return transform(np.linalg.inv(shot_from_frame), corners)
