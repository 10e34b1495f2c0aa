"""Finds the canvas in a take: a quadrilateral whose sides are there from the start, around the
place where paint stays.

Works on hand-free composites of the take. Sides are lines of *lasting* edges (edges that only
appear later are paint); the change between composites says where painting happens. Footage that
is all canvas (screen recordings, close-ups) has no better quadrilateral than the frame itself,
less its black bars.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.canvas.quads import (
    Line,
    are_sensible,
    candidate_quads,
    hough_lines,
    order_corners,
    points_along,
    refine_corners,
    turned_clockwise,
)
from ingest.video.imaging.geometry import transform
from ingest.video.imaging.median import kth_smallest, median_look, middle_look
from ingest.video.lighting.light import apply_gain, common_gain

DIFFERENT_LAB = 14.0
"""Lab distance of blurred composites that counts as change."""
ANOTHER_SCENE = 0.8
"""Share of the frame that differs from the opening from which that shows another scene."""
CANNY = 25, 70
"""Gradients from which an edge goes on, and from which it begins."""
LONGEST = 5.0
"""How much longer than the shortest the longest side may be."""
DIRECTIONS, SAME_DIRECTION_RAD = 8, np.radians(25)
"""Directions that edges are told apart by, and how far an edge may be turned from one: strokes run
all ways, the side of a canvas one."""
BORDER_SUPPORT, OVERLAP_WEIGHT = 0.35, 0.9
"""What a border of the frame counts as a side of the canvas (an edge all along counts 1), and what
the overlap of change and canvas weighs against the support of the sides."""


class CanvasConfig(Config):
    """How the canvas is found."""

    min_area: float = Field(default=0.08, gt=0, lt=1)
    """Smallest canvas, as a share of the frame."""
    min_margin: float = Field(default=0.12, ge=0)
    """By how much a quadrilateral must score above the whole frame to be taken for the canvas."""
    max_lines: int = Field(default=36, ge=8)
    """Candidate lines for the sides."""
    black_bar_level: float = Field(default=28.0, ge=0, le=255)
    """Brightness up to which a plain border of the frame is a bar and is cut."""


@dataclass(frozen=True)
class Canvas:
    """The canvas in take coordinates."""

    corners: np.ndarray
    """float64 (4, 2): top left, top right, bottom right, bottom left."""
    kind: str
    """quad: an own outline was found; frame: the frame less its bars."""
    score: float

    def size_px(self, short_side_px: int) -> tuple[int, int]:
        """(width, height) of the rectified canvas with that short side."""
        tl, tr, br, bl = self.corners
        width = (np.linalg.norm(tr - tl) + np.linalg.norm(br - bl)) / 2
        height = (np.linalg.norm(bl - tl) + np.linalg.norm(br - tr)) / 2
        factor = short_side_px / min(width, height)
        return max(short_side_px, round(width * factor)), max(short_side_px, round(height * factor))


def typical_pose(matrices: list[np.ndarray], size: tuple[int, int]) -> np.ndarray:
    """The matrix (3, 3) among those given that places a frame of `size` (w, h) as most others do.

    A take is named after its first frame, which may be an unusual one (zoomed, or just moved).
    """
    width, height = size
    outline = np.array([[0, 0], [width, 0], [width, height], [0, height]], np.float64)
    placed = np.stack([transform(matrix, outline) for matrix in matrices])
    thin = placed[:: max(1, len(placed) // 100)]
    distance = np.abs(placed[:, None] - thin[None]).max(axis=(2, 3))
    return matrices[int(np.argmin(np.median(distance, axis=1)))]


def find_canvas(
    composites: list[np.ndarray],
    config: CanvasConfig,
    change: np.ndarray | None = None,
    opening: np.ndarray | None = None,
    strengths: list[np.ndarray] | None = None,
) -> Canvas:
    """The canvas of a take.

    Args:
        composites: RGB uint8 (h, w, 3) of the take in order of time, at least one.
        change: bool (h, w), where painting happens; what changes in the composites if not given.
        opening: the very first frames, RGB uint8 (h, w, 3), laid over the composites.
        strengths: `edge_strength` of every composite, if that is known.
    """
    left, top, right, bottom = content_box(composites, config)
    frame = _corners_of(left, top, right, bottom)
    edges, angle, strength = lasting_edges(composites, strengths)
    change = lasting_change(composites) if change is None else change
    inner = np.zeros(edges.shape, bool)
    inner[top + 3 : bottom - 3, left + 3 : right - 3] = True
    lines = hough_lines(edges & inner, config.max_lines)
    borders = [Line.through(frame[i], frame[(i + 1) % 4], is_border=True) for i in range(4)]
    quads, is_border = candidate_quads(lines + borders, edges.shape)
    sensible = are_sensible(quads, edges.shape, config.min_area, LONGEST)
    quads, is_border = quads[sensible], is_border[sensible]
    directed = by_direction(edges, angle)
    whole = float(_scores(frame[None], np.ones((1, 4), bool), directed, change)[0])
    if len(quads):
        scores = _scores(quads, is_border, directed, change)
        best = int(np.argmax(scores))
        if scores[best] > whole + config.min_margin:
            quad, border = turned_clockwise(quads[best], is_border[best])
            early = None if opening is None else _edges_of(opening)
            fine = refine_corners(quad, border, strength, early)
            return Canvas(order_corners(fine), "quad", float(scores[best]))
    return Canvas(frame, "frame", whole)


def whole_frame(composites: list[np.ndarray], config: CanvasConfig) -> Canvas:
    """The frame less its black bars, for footage that is all canvas."""
    return Canvas(_corners_of(*content_box(composites, config)), "frame", BORDER_SUPPORT)


def _corners_of(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """The outer corners of a box of pixels."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - 0.5


def content_box(composites: list[np.ndarray], config: CanvasConfig) -> tuple[int, int, int, int]:
    """(left, top, right, bottom) of the frame without plain black bars."""
    channels = [channel for image in composites for channel in cv2.split(image)]
    brightest = functools.reduce(cv2.max, channels).astype(np.float32)
    columns = np.percentile(brightest, 98, axis=0) > config.black_bar_level
    rows = np.percentile(brightest, 98, axis=1) > config.black_bar_level
    if not columns.any() or not rows.any():
        return 0, 0, brightest.shape[1], brightest.shape[0]
    left, right = int(np.argmax(columns)), len(columns) - int(np.argmax(columns[::-1]))
    top, bottom = int(np.argmax(rows)), len(rows) - int(np.argmax(rows[::-1]))
    return left, top, right, bottom


def lasting_edges(
    composites: list[np.ndarray], strengths: list[np.ndarray] | None = None
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Edges that are in (nearly) all composites: bool (h, w), the angle (h, w) of what lies across
    them, in radians, and their `lasting_strength`."""
    lasting = lasting_strength(composites, strengths)
    dx, dy = _gradient(median_look(composites))
    factor = np.minimum(1.0, lasting / np.maximum(np.hypot(dx, dy), 1e-3))
    dx16, dy16 = ((d * factor).clip(-32000, 32000).astype(np.int16) for d in (dx, dy))
    return cv2.Canny(dx16, dy16, *CANNY, L2gradient=True) > 0, np.arctan2(dy, dx), lasting


def lasting_strength(
    composites: list[np.ndarray], strengths: list[np.ndarray] | None = None
) -> np.ndarray:
    """How much of an edge every pixel is in (nearly) all composites, float32 (h, w)."""
    if strengths is None:
        strengths = [edge_strength(image) for image in composites]
    # Some composites may have a hand on the side, or be blurred.
    return kth_smallest(strengths, min(max(1, len(composites) // 4), len(composites) - 1))


def edge_strength(picture: np.ndarray) -> np.ndarray:
    """How much of an edge every pixel of a picture, RGB uint8 (h, w, 3), is: float32 (h, w)."""
    return cv2.magnitude(*_gradient(picture))


def picture_edges(picture: np.ndarray) -> np.ndarray:
    """bool (h, w): the edges of one picture, RGB uint8 (h, w, 3)."""
    dx, dy = (d.clip(-32000, 32000).astype(np.int16) for d in _gradient(picture))
    return cv2.Canny(dx, dy, *CANNY, L2gradient=True) > 0


def _edges_of(picture: np.ndarray) -> np.ndarray:
    """How much of an edge every pixel or a neighbour is, float32 (h, w): the picture may be laid
    over others a little wrong."""
    return cv2.dilate(edge_strength(picture), np.ones((7, 7), np.uint8))


def lasting_change(
    composites: list[np.ndarray], opening: np.ndarray | None = None, even_light: bool = True
) -> np.ndarray:
    """bool (h, w): where the first and the last composites differ for good.

    Args:
        composites: RGB uint8 (h, w, 3) of a take in order of time.
        opening: the very first frames; what is painted in the first composite already differs from
            them only.
        even_light: composites lie far apart in time, and another exposure is no change. Not so for
            pictures of one short stretch: there a wash of paint is likelier than another exposure.
    """
    part = max(1, len(composites) // 5)
    late = _smooth(middle_look(composites[-part:]))
    changed = _changed(middle_look(composites[:part]), late, even_light)
    if opening is not None:
        since = _changed(opening, late, even_light)
        # A title that was taken for the view's start differs everywhere, also from the table.
        changed |= since & (since.mean() < ANOTHER_SCENE)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    return cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _changed(early: np.ndarray, late: np.ndarray, even_light: bool) -> np.ndarray:
    """bool (h, w): where two pictures differ, the later of them smooth already."""
    seen = _smooth(early)
    # Another exposure would be change everywhere.
    lit = apply_gain(late, common_gain(seen, late)) if even_light else late
    lab = [cv2.cvtColor(p, cv2.COLOR_RGB2LAB).astype(np.float32) for p in (seen, lit)]
    return np.linalg.norm(lab[1] - lab[0], axis=2) > DIFFERENT_LAB


def _smooth(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 2)


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The gradient (Sobel) of the channel that changes most, float32 (h, w) twice."""
    best_x = best_y = most = np.zeros(0)
    for k, smooth in enumerate(cv2.split(cv2.GaussianBlur(image, (0, 0), 1.2))):
        dx, dy = cv2.Sobel(smooth, cv2.CV_32F, 1, 0), cv2.Sobel(smooth, cv2.CV_32F, 0, 1)
        change = dx * dx + dy * dy
        if not k:
            best_x, best_y, most = dx, dy, change
            continue
        more = cv2.compare(change, most, cv2.CMP_GT)
        for channel, best in ((dx, best_x), (dy, best_y), (change, most)):
            cv2.copyTo(channel, more, best)
    return best_x, best_y


def by_direction(edges: np.ndarray, angle: np.ndarray) -> np.ndarray:
    """bool (DIRECTIONS, h, w): the edges that lie about across each of the directions."""
    across = np.arange(DIRECTIONS) * np.pi / DIRECTIONS
    turned = np.abs((angle[edges] - across[:, None] + np.pi / 2) % np.pi - np.pi / 2)
    directed = np.zeros((DIRECTIONS, *edges.shape), bool)
    directed[:, edges] = turned < SAME_DIRECTION_RAD
    return directed


def _scores(
    quads: np.ndarray, is_border: np.ndarray, edges: np.ndarray, change: np.ndarray
) -> np.ndarray:
    """How well quads (n, 4, 2) fit: edges along the sides, and change inside, all of it and only.

    `edges` as `side_support` takes them.

    Returns float (n,): mean and least side support (0 to 1 each, weighted), plus twice the overlap
    of change and quadrilateral.
    """
    support = side_support(quads, edges)
    support = np.where(is_border, BORDER_SUPPORT, support)
    scale = 8
    small = cv2.resize(change.astype(np.float32), None, fx=1 / scale, fy=1 / scale)
    total = max(float(small.sum()), 1e-6)
    overlap = np.zeros(len(quads))
    promising = np.argsort(-(support.mean(1) + support.min(1)), kind="stable")[:400]
    for i in promising:
        inside = np.zeros(small.shape, np.uint8)
        cv2.fillConvexPoly(inside, np.round(quads[i] / scale).astype(np.int32), 1)
        hit = float(small[inside > 0].sum())
        union = float(inside.sum()) + total - hit
        # Containment counts more than density: many paintings leave margins.
        overlap[i] = 0.7 * hit / total + 0.3 * hit / union
    return 0.5 * support.mean(axis=1) + 0.5 * support.min(axis=1) + OVERLAP_WEIGHT * overlap


def side_support(quads: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of each side, (n, 4), that lies on an edge; parts outside count as absent.

    Args:
        edges: bool (k, h, w), those across each of k directions in half a turn; with one, all.
    """
    near = np.stack([cv2.dilate(some.astype(np.uint8), np.ones((5, 5))) > 0 for some in edges])
    x, y = points_along(quads, np.linspace(0.04, 0.96, 48))
    height, width = edges.shape[1:]
    inside = (x >= 0) & (y >= 0) & (x < width) & (y < height)
    along = np.roll(quads, -1, axis=1) - quads
    across = np.arctan2(along[..., 0], -along[..., 1]) % np.pi
    direction = np.rint(across * len(edges) / np.pi).astype(int) % len(edges)
    hit = near[direction[..., None], y.clip(0, height - 1), x.clip(0, width - 1)] & inside
    return hit.mean(axis=2)
