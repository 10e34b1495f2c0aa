"""Finds a canvas of which three sides are in view: how far it reaches is told by what is painted.

Where the camera is nearer than the canvas is large, its fourth side is never seen, and no
quadrilateral can be found. Three sides leave two numbers open: where the fourth meets the two
beside it. They are those that lay the paint of a view in which the canvas is known over this one.
"""

from __future__ import annotations

import itertools

import cv2
import numpy as np

from ingest.video.canvas.canvas import picture_edges
from ingest.video.canvas.quads import Line, hough_lines, meetings
from ingest.video.imaging.colour_distance import soft_lab
from ingest.video.imaging.geometry import to_rectangle, transform

MAX_LINES, MOST_TRIED, MIN_CORNER_RAD = 24, 24, np.radians(35)
"""Lines that sides are made of; sets of three of them that are tried; least angle between two."""
OUT_OF_VIEW, MOST_IN_VIEW, CUT_IN_VIEW, MIN_SUPPORT = 0.35, 0.5, 0.2, 0.5
"""How far corners may lie out of view, as a share of it; how much of the side between the two
others must be in view, and how much of those, as a share of its length; and share of each that must
lie on edges."""
SHORTEST, ALONG, NEAR_PX, BORDER_PX = 0.25, 40, 3, 3
"""Least length of the side between the others, as a share of the view's short side; at how many
points sides are looked at, how near edges count, and how near the border of the view none do."""
REACHES, FINE_REACHES = np.geomspace(0.4, 2.5, 15), np.geomspace(0.9, 1.11, 9)
"""How far the sides that are cut off may reach, as shares of the one between them; and again, as
shares of what was found."""
SAMPLES, FULL_LAB, BLUR_PX = 12, 24.0, 2.0
"""Points along a side at which paint is compared; Lab distance from which it is other paint; and by
how much pictures are blurred for that (standard deviation)."""


def by_three_sides(known: tuple[np.ndarray, np.ndarray], seen: np.ndarray) -> np.ndarray | None:
    """The likeliest outline (4, 2) of the canvas in a picture, corners in the order in which they
    are known; None if no three sides are in view.

    Args:
        known: picture RGB uint8 (h, w, 3) of another view with the canvas's corners (4, 2) in it.
        seen: picture RGB uint8 (h, w, 3).
    """
    places, paint = _paint(*known)
    lab = soft_lab(seen, BLUR_PX)
    best, outline = -1.0, None
    for sides in _three_sides(seen):
        quads = _reaching(sides, *_grid(REACHES, REACHES))
        for turn in range(4):
            scores = _likeness(np.roll(quads, turn, axis=1), places, paint, lab)
            k = int(np.argmax(scores))
            if scores[k] > best:
                best, outline = float(scores[k]), (sides, quads[k], turn)
    if outline is None:
        return None
    sides, quad, turn = outline
    length = np.linalg.norm(quad[1] - quad[0])
    far = [float(np.linalg.norm(quad[a] - quad[b]) / length) for a, b in ((3, 0), (2, 1))]
    finer = np.roll(_reaching(sides, *_grid(*(f * FINE_REACHES for f in far))), turn, axis=1)
    return finer[int(np.argmax(_likeness(finer, places, paint, lab)))]


def _three_sides(picture: np.ndarray) -> list[np.ndarray]:
    """Sides that may be a canvas's, (4, 2) each, best supported first: the ends of one, clockwise,
    and the directions in which those beside it leave from its start and from its end."""
    edges = picture_edges(picture)
    near = cv2.dilate(edges.astype(np.uint8), np.ones((NEAR_PX, NEAR_PX), np.uint8)) > 0
    lines = hough_lines(edges, MAX_LINES)
    if len(lines) < 3:
        return []
    view = np.array(edges.shape[::-1])
    points = meetings(lines)
    low, high = -OUT_OF_VIEW * view, (1 + OUT_OF_VIEW) * view
    close = np.all((points > low) & (points < high), axis=2)
    found: list[tuple[float, np.ndarray]] = []
    for whole in range(len(lines)):
        beside = [k for k in range(len(lines)) if close[whole, k] and _meet_well(lines, whole, k)]
        for left, right in itertools.permutations(beside, 2):
            sides = _turned(points[whole, left], points[whole, right], lines[left], lines[right])
            support = _supports(near, sides)
            if min(support) >= MIN_SUPPORT:
                found.append((min(support) + sum(support), sides))
    found.sort(key=lambda pair: -pair[0])
    return [sides for _, sides in found[:MOST_TRIED]]


def _turned(start: np.ndarray, end: np.ndarray, left: Line, right: Line) -> np.ndarray:
    """The sides (4, 2) with the canvas to the right of the way from start to end."""
    inwards = np.array([start[1] - end[1], end[0] - start[0]])
    ways = [np.array([-np.sin(line.angle), np.cos(line.angle)]) for line in (left, right)]
    return np.array([start, end, *(way * np.sign(way @ inwards) for way in ways)])


def _supports(near: np.ndarray, sides: np.ndarray) -> list[float]:
    """Share of each of the three sides that lies on edges; 0 if it is too short or out of view."""
    start, end, leaving, arriving = sides
    length = float(np.linalg.norm(end - start))
    if length < SHORTEST * min(near.shape):
        return [0.0]
    return [
        _support(near, start, end - start, MOST_IN_VIEW),
        _support(near, start, leaving * length, CUT_IN_VIEW),
        _support(near, end, arriving * length, CUT_IN_VIEW),
    ]


def _meet_well(lines: list[Line], one: int, other: int) -> bool:
    gap = abs(lines[one].angle - lines[other].angle)
    return min(gap, np.pi - gap) >= MIN_CORNER_RAD


def _support(near: np.ndarray, start: np.ndarray, way: np.ndarray, least: float) -> float:
    """Share of a side that lies on edges, as far as it is in view; 0 if too little of it is."""
    height, width = near.shape
    x, y = np.rint(start + np.linspace(0.03, 0.97, ALONG)[:, None] * way).astype(int).T
    seen = (x >= BORDER_PX) & (y >= BORDER_PX) & (x < width - BORDER_PX) & (y < height - BORDER_PX)
    if seen.mean() < least:
        return 0.0
    return float(near[y[seen], x[seen]].mean())


def _grid(left: np.ndarray, right: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    one, other = np.meshgrid(left, right)
    return one.ravel(), other.ravel()


def _reaching(sides: np.ndarray, left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Convex outlines (n, 4, 2), clockwise, with three given sides (`_three_sides`), of which the
    two beside the first reach so far (n,), as shares of it."""
    start, end, leaving, arriving = sides
    length = float(np.linalg.norm(end - start))
    near = [np.broadcast_to(corner, (len(left), 2)) for corner in (start, end)]
    far = [end + length * right[:, None] * arriving, start + length * left[:, None] * leaving]
    quads = np.stack([*near, *far], axis=1)
    convex = [cv2.isContourConvex(quad) for quad in quads.astype(np.float32)]
    return quads[np.array(convex, bool)]


def _paint(picture: np.ndarray, corners: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Points (n, 2) of the canvas, as shares of its sides, and their colours in Lab (n, 3)."""
    step = (np.arange(SAMPLES) + 0.5) / SAMPLES
    places = np.stack(np.meshgrid(step, step), axis=-1).reshape(-1, 2)
    x, y = np.rint(transform(np.linalg.inv(to_rectangle(corners, (1, 1))), places - 0.5)).T
    height, width = picture.shape[:2]
    seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    colours = soft_lab(picture, BLUR_PX)[y[seen].astype(int), x[seen].astype(int)]
    return places[seen], colours


def _likeness(
    quads: np.ndarray, places: np.ndarray, paint: np.ndarray, lab: np.ndarray
) -> np.ndarray:
    """How much of the paint lies where each outline (n, 4, 2) has it, (n,) in [0, 1]."""
    x, y = _mapped(quads, places)
    height, width = lab.shape[:2]
    seen = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    off = np.linalg.norm(lab[y.clip(0, height - 1), x.clip(0, width - 1)] - paint, axis=2)
    return (np.clip(1 - off / FULL_LAB, 0, 1) * seen).mean(axis=1)


def _mapped(quads: np.ndarray, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pixels x and y, int (n, m) each, of places (m, 2) of the unit square in outlines (n, 4, 2):
    the homographies in closed form (Heckbert 1989), thousands at once."""
    first, second, third, fourth = np.moveaxis(quads, 1, 0)
    along, across, bent = second - third, fourth - third, first - second + third - fourth
    scale = _cross(along, across)
    g, h = _cross(bent, across) / scale, _cross(along, bent) / scale
    u, v = places.T
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
    return a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]
