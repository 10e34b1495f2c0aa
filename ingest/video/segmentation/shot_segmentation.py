"""Finds the canvas of a shot and masks its occluders with the optional pretrained segmenter."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.segmentation.relayed_segmenter import open_segmenter
from ingest.video.segmentation.segmenter import Segmenter, SegmenterConfig

MIN_FOUND = 0.5
"""Least share of the composites in which the canvas is found."""


def segmented_canvas(composites: Sequence[np.ndarray], config: SegmenterConfig) -> Canvas | None:
    """The canvas of a shot; None if the config has no segmenter, or no canvas was found."""
    segmenter = open_segmenter(config)
    return None if segmenter is None else canvas_from_segmenter(segmenter, composites)


def without_occluders(frames: np.ndarray, valid: np.ndarray, config: SegmenterConfig) -> np.ndarray:
    """`valid`, bool (n, h, w), without the occluders in `frames`, RGB uint8 (n, h, w, 3); unchanged
    if the config has no segmenter."""
    segmenter = open_segmenter(config)
    return valid if segmenter is None else valid & ~occluder_masks(segmenter, frames)


def occluder_masks(segmenter: Segmenter, frames: np.ndarray) -> np.ndarray:
    """The occluder masks, bool (n, h, w), of frames RGB uint8 (n, h, w, 3).

    They are dilated by one pixel: occluders are blended with the canvas at their border.
    """
    masks = np.stack(segmenter.occluders(list(frames)))
    kernel = np.ones((3, 3), np.uint8)
    return np.stack([cv2.dilate(mask.astype(np.uint8), kernel) > 0 for mask in masks])


def canvas_from_segmenter(segmenter: Segmenter, composites: Sequence[np.ndarray]) -> Canvas | None:
    """The canvas of a shot: the median of the quadrilaterals in its occluder-free composites.

    Args:
        composites: RGB uint8 (h, w, 3) in shot coordinates.

    Returns:
        The canvas, whose score is the share of composites in which it was found; None below
        `MIN_FOUND`.
    """
    quads = [quad for quad in segmenter.canvas(composites) if quad is not None]
    share = len(quads) / len(composites)
    if not quads or share < MIN_FOUND:
        return None
    return Canvas(np.median(np.stack(quads), axis=0), "quad", share)
