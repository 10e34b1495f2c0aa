"""Finds regions that stand still together with their surroundings: paint, even if skin-coloured.

A hand that rests keeps a finger moving, and its outline with it. A patch of paint lies as still as
what it borders on.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.connected_components import label_components
from ingest.video.imaging.difference import KERNEL, differs

RIM_PX = 3
"""Width of the rim around a region, in pixels."""
MIN_STATIC_RIM_SHARE = 0.55
"""Least share of a region's rim that must be static too."""


def static_pixels(frames: np.ndarray, tolerance: np.ndarray, min_frames: int) -> np.ndarray:
    """Returns bool (n, h, w): where the pixel keeps its colour for at least `min_frames` frames.

    Args:
        frames: RGB uint8 (n, h, w, 3).
        tolerance: float32 (h, w), largest difference between equal observations.
    """
    starts = _static_since(frames, tolerance)
    ends = len(frames) - 1 - _static_since(frames[::-1], tolerance)[::-1]
    return ends - starts >= min_frames


def regions_with_static_rim(mask: np.ndarray, static: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Returns the regions of a mask whose rim is static; bool (h, w) all.

    Args:
        mask: what may be a hand by its colours, and is static.
        static: what is static.
        valid: what is in view.
    """
    opened = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
    labels, number = label_components(opened)
    near = cv2.dilate(labels.astype(np.float32), KERNEL, iterations=RIM_PX).astype(np.int32)
    rim = (labels == 0) & (near > 0) & valid
    sizes = np.bincount(near[rim], minlength=number)
    static_sizes = np.bincount(near[rim & static], minlength=number)
    kept = static_sizes >= MIN_STATIC_RIM_SHARE * np.maximum(sizes, 1)
    kept[0] = False
    found = kept[labels]
    return mask & (cv2.dilate(found.astype(np.uint8), KERNEL, iterations=RIM_PX) > 0)


def _static_since(frames: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """Returns int16 (n, h, w): the first frame since which the pixel keeps its colour."""
    began = np.zeros(frames.shape[1:3], np.int16)
    colour, result = frames[0], np.zeros(frames.shape[:3], np.int16)
    for n, frame in enumerate(frames):
        new = differs(frame, colour, tolerance)
        began[new] = n
        colour = np.where(new[..., None], frame, colour)
        result[n] = began
    return result
