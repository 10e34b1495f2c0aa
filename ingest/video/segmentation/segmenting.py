"""How ingest uses a segmenter: the canvas of a take from many finds, and what to leave out."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.segmentation.relay import open_segmenter
from ingest.video.segmentation.segmenter import Segmenter, SegmenterConfig

MIN_FOUND = 0.5
"""Share of the composites in which the canvas must be found."""


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
