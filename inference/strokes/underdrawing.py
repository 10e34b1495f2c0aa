"""The drawing under a painting: pencil lines along the main edges of the picture, as strokes."""

from __future__ import annotations

import cv2
import numpy as np

from inference.strokes.strokes import BENDS, Strokes, no_strokes
from inference.strokes.textures import NUM_TEXTURES

PENCIL_COLOUR = (96, 90, 86)
"""RGB of the lines."""
SHORTEST_LINE = 0.03
"""Lines shorter than this share of the short side are left out: a drawing gives the large forms."""
STROKE_LENGTH = 0.035
"""Length of one pencil stroke, as a share of the short side."""


def underdrawing(picture: np.ndarray, seed: int) -> Strokes:
    """Pencil strokes along the picture's edges, line after line from the top.

    Args:
        picture: RGB uint8 (H, W, 3).
    """
    short = min(picture.shape[:2])
    lines = [line for line in _edge_lines(picture) if _length(line) >= SHORTEST_LINE * short]
    if not lines:
        return no_strokes()
    lines.sort(key=lambda line: float(line[:, 1].mean()))
    rng = np.random.default_rng([seed, 5])
    pieces = np.concatenate([_pieces(line, STROKE_LENGTH * short) for line in lines])
    start, end = pieces[:, :2], pieces[:, 2:]
    centre, along = (start + end) / 2, end - start
    count = len(pieces)
    return Strokes(
        x=(centre[:, 0] + rng.normal(0, 0.0007 * short, count)).astype(np.float32),
        y=(centre[:, 1] + rng.normal(0, 0.0007 * short, count)).astype(np.float32),
        angle=np.arctan2(along[:, 1], along[:, 0]).astype(np.float32),
        length=(np.hypot(along[:, 0], along[:, 1]) * 1.3 + 2).astype(np.float32),
        width=np.full(count, max(1.6, 0.0042 * short), np.float32),
        bend=np.full(count, len(BENDS) // 2, np.uint8),
        texture=rng.integers(0, NUM_TEXTURES, count).astype(np.uint8),
        colour=np.tile(np.array(PENCIL_COLOUR, np.uint8), (count, 1)),
        opacity=rng.uniform(0.6, 0.95, count).astype(np.float32),
        reveals=np.zeros(count, bool),
    )


def _edge_lines(picture: np.ndarray) -> list[np.ndarray]:
    """Thin edges of the smoothed picture, each float32 (N, 2): x, y along the line."""
    height, width = picture.shape[:2]
    scale = 512 / min(height, width)
    size = (max(8, round(width * scale)), max(8, round(height * scale)))
    small = cv2.resize(picture, size, interpolation=cv2.INTER_AREA)
    smooth = cv2.bilateralFilter(cv2.pyrMeanShiftFiltering(small, 6, 18), 9, 40, 7)
    smooth = cv2.GaussianBlur(smooth, (0, 0), 1.6)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    edges = np.zeros(lab.shape[:2], np.uint8)
    for channel in range(3):
        values = np.ascontiguousarray(lab[..., channel])
        edges = np.maximum(edges, cv2.Canny(values, 40, 95, L2gradient=True))
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_NONE)
    lines = [contour[: len(contour) // 2 + 1, 0].astype(np.float32) / scale for contour in contours]
    return [line for line in lines if len(line) > 3]


def _pieces(line: np.ndarray, length_px: float) -> np.ndarray:
    """A line cut into straight pieces of about `length_px`: float32 (N, 4), x0, y0, x1, y1."""
    along = np.concatenate([[0], np.cumsum(np.linalg.norm(np.diff(line, axis=0), axis=1))])
    count = max(1, round(along[-1] / length_px))
    at = np.linspace(0, along[-1], count + 1)
    points = np.stack([np.interp(at, along, line[:, axis]) for axis in (0, 1)], axis=1)
    return np.concatenate([points[:-1], points[1:]], axis=1).astype(np.float32)


def _length(line: np.ndarray) -> float:
    return float(np.linalg.norm(np.diff(line, axis=0), axis=1).sum())
