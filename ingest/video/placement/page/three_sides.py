"""Finds the outline of a canvas of which three sides are in view, from its paint in another view.

If the camera is close, the fourth side is never in view, and no quadrilateral is found. Three sides
leave two unknowns: the lengths of the two sides that are cut off. They are chosen so that the
paint of a view in which the canvas is known matches this one.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.video.canvas.canvas import picture_edges
from ingest.video.canvas.quads import Line, hough_lines, line_intersections
from ingest.video.imaging.colour_distance import soft_lab
from ingest.video.imaging.geometry import to_rectangle, transform

MAX_LINES = 24
"""Largest number of candidate lines for sides."""
MAX_TRIED = 24
"""Largest number of sets of three sides that are tried."""
MIN_CORNER_RAD = np.radians(35)
"""Least angle between two neighbouring sides."""
OUT_OF_VIEW = 0.35
"""How far corners may lie out of view, as a share of its width and height."""
MIN_IN_VIEW_MIDDLE = 0.5
"""Least share of the middle side that must be in view."""
MIN_IN_VIEW_CUT = 0.2
"""Least share of the two cut sides that must be in view, relative to the middle side's length."""
MIN_SUPPORT = 0.5
"""Least share of each side, as far as it is in view, that must lie on edges."""
MIN_LENGTH = 0.25
"""Least length of the middle side, as a share of the view's short side."""
SIDE_SAMPLES = 40
"""Number of points of a side at which edges are sampled."""
EDGE_PX = 3
"""Width in pixels to which edges are dilated."""
BORDER_PX = 3
"""Width of the border of the view in which edges are ignored."""
LENGTHS = np.geomspace(0.4, 2.5, 15)
"""Lengths of the cut sides that are tried, as multiples of the middle side."""
FINE_LENGTHS = np.geomspace(0.9, 1.11, 9)
"""Lengths that are tried then, as multiples of the best of those."""
SAMPLES = 12
"""Number of points per side of the grid on which paint is compared."""
MAX_LAB = 24.0
"""Lab distance from which paint is completely different."""
BLUR_PX = 2.0
"""Standard deviation of the blur before paint is compared."""


def outline_from_three_sides(
    known: tuple[np.ndarray, np.ndarray], seen: np.ndarray
) -> np.ndarray | None:
    """Returns the most likely outline (4, 2) in a picture; None if no three sides are in view.

    Its corners are in the order of the known ones.

    Args:
        known: picture RGB uint8 (h, w, 3) of another view, and corners (4, 2) of the canvas in it.
        seen: picture RGB uint8 (h, w, 3).
    """
    points, paint = _sample_paint(*known)
    lab = soft_lab(seen, BLUR_PX)
    best, outline = -1.0, None
    for sides in _three_sides(seen):
        quads = _outlines_with_lengths(sides, *_grid(LENGTHS, LENGTHS))
        for turn in range(4):
            scores = _paint_similarity(np.roll(quads, turn, axis=1), points, paint, lab)
            k = int(np.argmax(scores))
            if scores[k] > best:
                best, outline = float(scores[k]), (sides, quads[k], turn)
    if outline is None:
        return None
    sides, quad, turn = outline
    length = np.linalg.norm(quad[1] - quad[0])
    lengths = [float(np.linalg.norm(quad[a] - quad[b]) / length) for a, b in ((3, 0), (2, 1))]
    finer = np.roll(
        _outlines_with_lengths(sides, *_grid(*(f * FINE_LENGTHS for f in lengths))), turn, axis=1
    )
    return finer[int(np.argmax(_paint_similarity(finer, points, paint, lab)))]


def _three_sides(picture: np.ndarray) -> list[np.ndarray]:
    """Returns candidates for three sides of a canvas, (4, 2) each, best supported first.

    The rows are: both corners of the middle side, clockwise, and the unit directions in which the
    cut sides leave from the first corner and from the second.
    """
    edges = picture_edges(picture)
    near = cv2.dilate(edges.astype(np.uint8), np.ones((EDGE_PX, EDGE_PX), np.uint8)) > 0
    lines = hough_lines(edges, MAX_LINES)
    if len(lines) < 3:
        return []
    view = np.array(edges.shape[::-1])
    points = line_intersections(lines)
    low, high = -OUT_OF_VIEW * view, (1 + OUT_OF_VIEW) * view
    close = np.all((points > low) & (points < high), axis=2)
    found: list[tuple[float, np.ndarray]] = []
    for middle in range(len(lines)):
        cut = [k for k in range(len(lines)) if close[middle, k] and _is_corner(lines, middle, k)]
        for left, right in itertools.permutations(cut, 2):
            sides = _oriented(
                points[middle, left], points[middle, right], lines[left], lines[right]
            )
            support = _supports(near, sides)
            if min(support) >= MIN_SUPPORT:
                found.append((min(support) + sum(support), sides))
    found.sort(key=lambda pair: -pair[0])
    return [sides for _, sides in found[:MAX_TRIED]]


def _oriented(start: np.ndarray, end: np.ndarray, left: Line, right: Line) -> np.ndarray:
    """Returns three sides (4, 2), so oriented that the canvas is to the right from start to end."""
    inwards = np.array([start[1] - end[1], end[0] - start[0]])
    directions = [np.array([-np.sin(line.angle), np.cos(line.angle)]) for line in (left, right)]
    return np.array(
        [start, end, *(direction * np.sign(direction @ inwards) for direction in directions)]
    )


def _supports(near: np.ndarray, sides: np.ndarray) -> list[float]:
    """Returns the support of each of the three sides; [0.0] if the middle one is too short."""
    start, end, leaving, arriving = sides
    length = float(np.linalg.norm(end - start))
    if length < MIN_LENGTH * min(near.shape):
        return [0.0]
    return [
        _support(near, start, end - start, MIN_IN_VIEW_MIDDLE),
        _support(near, start, leaving * length, MIN_IN_VIEW_CUT),
        _support(near, end, arriving * length, MIN_IN_VIEW_CUT),
    ]


def _is_corner(lines: list[Line], one: int, other: int) -> bool:
    """Returns True if the angle between two lines is large enough for a corner."""
    gap = abs(lines[one].angle - lines[other].angle)
    return min(gap, np.pi - gap) >= MIN_CORNER_RAD


def _support(
    near: np.ndarray, start: np.ndarray, direction: np.ndarray, min_in_view: float
) -> float:
    """Returns the share of a side in view that lies on edges; 0 if too little of it is in view.

    Args:
        near: bool (h, w), dilated edges.
        start: first end of the side.
        direction: vector from the first end to the second.
        min_in_view: least share of the side that must be in view.
    """
    height, width = near.shape
    x, y = np.rint(start + np.linspace(0.03, 0.97, SIDE_SAMPLES)[:, None] * direction).astype(int).T
    seen = (x >= BORDER_PX) & (y >= BORDER_PX) & (x < width - BORDER_PX) & (y < height - BORDER_PX)
    if seen.mean() < min_in_view:
        return 0.0
    return float(near[y[seen], x[seen]].mean())


def _grid(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns all pairs of values, as two arrays (n,)."""
    one, other = np.meshgrid(left, right)
    return one.ravel(), other.ravel()


def _outlines_with_lengths(sides: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Returns the convex outlines (n, 4, 2), clockwise, with three given sides (`_three_sides`).

    Args:
        left, right: lengths (n,) of the cut sides, as multiples of the middle side.
    """
    start, end, leaving, arriving = sides
    length = float(np.linalg.norm(end - start))
    near = [np.broadcast_to(corner, (len(left), 2)) for corner in (start, end)]
    far = [end + length * right[:, None] * arriving, start + length * left[:, None] * leaving]
    quads = np.stack([*near, *far], axis=1)
    convex = [cv2.isContourConvex(quad) for quad in quads.astype(np.float32)]
    return quads[np.array(convex, bool)]


def _sample_paint(picture: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns points (n, 2) of the canvas in the unit square, and their Lab colours (n, 3)."""
    step = (np.arange(SAMPLES) + 0.5) / SAMPLES
    points = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    x, y = np.rint(transform(np.linalg.inv(to_rectangle(corners, (1, 1))), points - 0.5)).T
    height, width = picture.shape[:2]
    seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    colours = soft_lab(picture, BLUR_PX)[y[seen].astype(int), x[seen].astype(int)]
    return points[seen], colours


def _paint_similarity(
    quads: np.ndarray, points: np.ndarray, paint: np.ndarray, lab: np.ndarray
) -> np.ndarray:
    """Returns how well the paint matches in each outline (n, 4, 2), (n,) from 0 to 1."""
    x, y = _pixels_in_outlines(quads, points)
    height, width = lab.shape[:2]
    seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    distance = np.linalg.norm(lab[y.clip(0, height - 1), x.clip(0, width - 1)] - paint, axis=2)
    return (np.clip(1 - distance / MAX_LAB, 0, 1) * seen).mean(axis=1)


def _pixels_in_outlines(quads: np.ndarray, points: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Returns pixels x and y, int (n, m) each, of points (m, 2) of the unit square in outlines.

    Computes the homographies of all outlines (n, 4, 2) in closed form (Heckbert 1989).
    """
    first, second, third, fourth = np.moveaxis(quads, 1, 0)
    along, across, bent = second - third, fourth - third, first - second + third - fourth
    scale = _cross(along, across)
    g, h = _cross(bent, across) / scale, _cross(along, bent) / scale
    u, v = points.T
    depth = g[:, None] * u + h[:, None] * v + 1
    x, y = (
        (
            (second[:, i] * (1 + g) - first[:, i])[:, None] * u
            + (fourth[:, i] * (1 + h) - first[:, i])[:, None] * v
            + first[:, i, None]
        )
        / depth
        for i in (0, 1)
    )
    return np.rint(x).astype(int), np.rint(y).astype(int)


def _cross(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns the cross products (n,) of vectors (n, 2)."""
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
