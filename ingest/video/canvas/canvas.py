"""Detects the canvas of a shot: the quadrilateral that fits lasting edges and encloses the paint.

The input are occluder-free composites of the shot. Candidate sides are lines of *lasting* edges:
edges that appear later are paint. The change between composites shows where painting happens. In
footage that is all canvas (screen recordings, close-ups) no quadrilateral scores better than the
frame itself; the canvas is then the frame without its black bars.
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from typing import Literal

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
from ingest.video.imaging.median import kth_smallest, pixel_median, upper_median
from ingest.video.lighting.light import apply_gain, common_gain

CHANGED_LAB = 14.0
"""Lab distance of two blurred composites from which a pixel has changed."""
OTHER_SCENE_SHARE = 0.8
"""Share of pixels that differ from the opening frames from which these show another scene."""
CANNY_THRESHOLDS = 25, 70
"""Lower and upper gradient threshold of the Canny detector."""
MAX_SIDE_RATIO = 5.0
"""Largest ratio of the longest side of a canvas to its shortest."""
NUM_DIRECTIONS = 8
"""Number of edge directions that are kept apart: brush strokes run all ways, a side one."""
SAME_DIRECTION_RAD = np.radians(25)
"""Largest angle between an edge and the direction that it is counted with."""
BORDER_SUPPORT = 0.35
"""Support of a side that is a border of the frame; a side with an edge all along has 1."""
OVERLAP_WEIGHT = 0.9
"""Weight of the overlap of change and quadrilateral, relative to the support of the sides."""


class CanvasConfig(Config):
    """How the canvas is found."""

    min_area: float = Field(default=0.08, gt=0, lt=1)
    """Smallest canvas, as a share of the frame."""
    min_margin: float = Field(default=0.12, ge=0)
    """How much higher than the whole frame a quadrilateral must score to be the canvas."""
    max_lines: int = Field(default=36, ge=8)
    """Most candidate lines for the sides."""
    black_bar_level: float = Field(default=28.0, ge=0, le=255)
    """Brightness (0 to 255) up to which a uniform border of the frame is a black bar and is cut."""


@dataclass(frozen=True)
class Canvas:
    """The canvas in shot coordinates."""

    corners: np.ndarray
    """float64 (4, 2): top left, top right, bottom right, bottom left."""
    kind: Literal["quad", "frame"]
    """quad: an outline was detected; frame: the canvas is the frame without its black bars."""
    score: float
    """Of a detection by edges, that of `find_canvas`; of one by the segmenter, the share of
    composites in which the canvas was found."""

    def size_px(self, short_side_px: int) -> tuple[int, int]:
        """(width, height) of the rectified canvas with that short side."""
        tl, tr, br, bl = self.corners
        width = (np.linalg.norm(tr - tl) + np.linalg.norm(br - bl)) / 2
        height = (np.linalg.norm(bl - tl) + np.linalg.norm(br - tr)) / 2
        factor = short_side_px / min(width, height)
        return max(short_side_px, round(width * factor)), max(short_side_px, round(height * factor))


def find_canvas(
    composites: list[np.ndarray],
    config: CanvasConfig,
    change: np.ndarray | None = None,
    opening: np.ndarray | None = None,
    strengths: list[np.ndarray] | None = None,
) -> Canvas:
    """The canvas of a shot.

    Args:
        composites: RGB uint8 (h, w, 3) of the shot in order of time, at least one.
        change: bool (h, w), where painting happens; the change of the composites by default.
        opening: the first frames as one picture, RGB uint8 (h, w, 3), aligned to the composites.
        strengths: `edge_strength` of every composite; computed if not given.
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
    sensible = are_sensible(quads, edges.shape, config.min_area, MAX_SIDE_RATIO)
    quads, is_border = quads[sensible], is_border[sensible]
    directed = by_direction(edges, angle)
    whole = float(_scores(frame[None], np.ones((1, 4), bool), directed, change)[0])
    if len(quads):
        scores = _scores(quads, is_border, directed, change)
        best = int(np.argmax(scores))
        if scores[best] > whole + config.min_margin:
            quad, border = turned_clockwise(quads[best], is_border[best])
            early = None if opening is None else _dilated_edge_strength(opening)
            fine = refine_corners(quad, border, strength, early)
            return Canvas(order_corners(fine), "quad", float(scores[best]))
    return Canvas(frame, "frame", whole)


def whole_frame(composites: list[np.ndarray], config: CanvasConfig) -> Canvas:
    """The frame without its black bars, for footage that is all canvas."""
    return Canvas(_corners_of(*content_box(composites, config)), "frame", BORDER_SUPPORT)


def _corners_of(left: int, top: int, right: int, bottom: int) -> np.ndarray:
    """The outer corners, float64 (4, 2), of a box of pixels."""
    return np.array([[left, top], [right, top], [right, bottom], [left, bottom]]) - 0.5


def content_box(composites: list[np.ndarray], config: CanvasConfig) -> tuple[int, int, int, int]:
    """The frame without black bars: (left, top, right, bottom) in pixels, ends exclusive."""
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
    """Edges that (nearly) all composites show.

    Returns:
        The edges, bool (h, w); the angle of the gradient in radians, float32 (h, w); and the
        `lasting_strength`, float32 (h, w).
    """
    lasting = lasting_strength(composites, strengths)
    dx, dy = _gradient(pixel_median(composites))
    factor = np.minimum(1.0, lasting / np.maximum(np.hypot(dx, dy), 1e-3))
    dx16, dy16 = ((d * factor).clip(-32000, 32000).astype(np.int16) for d in (dx, dy))
    return (
        cv2.Canny(dx16, dy16, *CANNY_THRESHOLDS, L2gradient=True) > 0,
        np.arctan2(dy, dx),
        lasting,
    )


def lasting_strength(
    composites: list[np.ndarray], strengths: list[np.ndarray] | None = None
) -> np.ndarray:
    """The gradient that every pixel has in (nearly) all composites, float32 (h, w)."""
    if strengths is None:
        strengths = [edge_strength(image) for image in composites]
    # A low quantile, not the minimum: a hand may hide a side in some composites, or blur it.
    return kth_smallest(strengths, min(max(1, len(composites) // 4), len(composites) - 1))


def edge_strength(picture: np.ndarray) -> np.ndarray:
    """The gradient magnitude of a picture, RGB uint8 (h, w, 3): float32 (h, w)."""
    return cv2.magnitude(*_gradient(picture))


def picture_edges(picture: np.ndarray) -> np.ndarray:
    """The Canny edges, bool (h, w), of one picture, RGB uint8 (h, w, 3)."""
    dx, dy = (d.clip(-32000, 32000).astype(np.int16) for d in _gradient(picture))
    return cv2.Canny(dx, dy, *CANNY_THRESHOLDS, L2gradient=True) > 0


def _dilated_edge_strength(picture: np.ndarray) -> np.ndarray:
    """The largest edge strength within 3 pixels, float32 (h, w): it tolerates small errors of
    registration."""
    return cv2.dilate(edge_strength(picture), np.ones((7, 7), np.uint8))


def lasting_change(
    composites: list[np.ndarray], opening: np.ndarray | None = None, even_light: bool = True
) -> np.ndarray:
    """Where the first and the last composites differ: bool (h, w).

    Args:
        composites: RGB uint8 (h, w, 3) of a shot in order of time.
        opening: the first frames as one picture, RGB uint8 (h, w, 3). Paint that the first
            composite already shows differs from them alone.
        even_light: compensate exposure before comparing. Right for composites far apart in time;
            wrong within seconds, where a wash of paint is likelier than another exposure.
    """
    part = max(1, len(composites) // 5)
    late = _smooth(upper_median(composites[-part:]))
    changed = _changed(upper_median(composites[:part]), late, even_light)
    if opening is not None:
        since = _changed(opening, late, even_light)
        # A title card in place of the opening differs everywhere, also on the table.
        changed |= since & (since.mean() < OTHER_SCENE_SHARE)
    kernel = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (5, 5))
    return cv2.morphologyEx(changed.astype(np.uint8), cv2.MORPH_OPEN, kernel) > 0


def _changed(early: np.ndarray, late: np.ndarray, even_light: bool) -> np.ndarray:
    """Where two pictures RGB uint8 (h, w, 3) differ: bool (h, w); `late` is blurred already."""
    seen = _smooth(early)
    # Without this another exposure would be a change everywhere.
    lit = apply_gain(late, common_gain(seen, late)) if even_light else late
    lab = [cv2.cvtColor(p, cv2.COLOR_RGB2LAB).astype(np.float32) for p in (seen, lit)]
    return np.linalg.norm(lab[1] - lab[0], axis=2) > CHANGED_LAB


def _smooth(image: np.ndarray) -> np.ndarray:
    return cv2.GaussianBlur(image, (0, 0), 2)


def _gradient(image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The Sobel gradient of the channel with the largest one: dx and dy, float32 (h, w) each."""
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
    """Edges, bool (h, w), by the direction of their gradient, float (h, w) in radians.

    Returns bool (NUM_DIRECTIONS, h, w): directions in steps of a half turn / NUM_DIRECTIONS. They
    overlap.
    """
    across = np.arange(NUM_DIRECTIONS) * np.pi / NUM_DIRECTIONS
    turned = np.abs((angle[edges] - across[:, None] + np.pi / 2) % np.pi - np.pi / 2)
    directed = np.zeros((NUM_DIRECTIONS, *edges.shape), bool)
    directed[:, edges] = turned < SAME_DIRECTION_RAD
    return directed


def _scores(
    quads: np.ndarray, is_border: np.ndarray, edges: np.ndarray, change: np.ndarray
) -> np.ndarray:
    """How well quads (n, 4, 2) fit: edges lie along the sides, all change lies inside.

    `edges` as `side_support` takes them; `change` bool (h, w).

    Returns float (n,): half the mean plus half the least side support (0 to 1), plus
    `OVERLAP_WEIGHT` times the overlap of change and quadrilateral (0 to 1).
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
        # Recall of the change counts more than overlap: many paintings leave margins.
        overlap[i] = 0.7 * hit / total + 0.3 * hit / union
    return 0.5 * support.mean(axis=1) + 0.5 * support.min(axis=1) + OVERLAP_WEIGHT * overlap


def side_support(quads: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Share of each side, (n, 4), that lies on an edge; parts out of view count as without.

    Args:
        edges: bool (k, h, w), by k gradient directions as of `by_direction`; k = 1: all edges.
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
