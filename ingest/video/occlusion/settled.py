"""What stands still for a while with all that is around it: paint, even in the colours of hands.

A hand that rests keeps a finger moving, and its outline with it; a patch of paint lies as still as
what it borders on.
"""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.imaging.connected_components import pieces
from ingest.video.imaging.difference import KERNEL, differs

RIM_PX, AROUND_SHARE = 3, 0.55
"""How wide the rim of a piece is, and the share of it that must stand still as well."""


def still_for(frames: np.ndarray, tolerance: np.ndarray, number: int) -> np.ndarray:
    """bool (n, h, w): the pixel keeps its colour for at least `number` frames.

    Args:
        frames: RGB uint8 (n, h, w, 3).
        tolerance: float32 (h, w), difference up to which two looks show the same.
    """
    starts = _since(frames, tolerance)
    ends = len(frames) - 1 - _since(frames[::-1], tolerance)[::-1]
    return ends - starts >= number


def settled_pieces(mask: np.ndarray, still: np.ndarray, valid: np.ndarray) -> np.ndarray:
    """Those pieces of a mask whose rim stands still too; bool (h, w) all.

    Args:
        mask: what may be a hand by its colours, and stands still.
        still: what stands still; valid: what is in view.
    """
    firm = cv2.morphologyEx(mask.astype(np.uint8), cv2.MORPH_OPEN, KERNEL) > 0
    labels, number = pieces(firm)
    near = cv2.dilate(labels.astype(np.float32), KERNEL, iterations=RIM_PX).astype(np.int32)
    rim = (labels == 0) & (near > 0) & valid
    sizes = np.bincount(near[rim], minlength=number)
    stands = np.bincount(near[rim & still], minlength=number) >= AROUND_SHARE * np.maximum(sizes, 1)
    stands[0] = False
    found = stands[labels]
    return mask & (cv2.dilate(found.astype(np.uint8), KERNEL, iterations=RIM_PX) > 0)


def _since(frames: np.ndarray, tolerance: np.ndarray) -> np.ndarray:
    """int16 (n, h, w): the first frame since which the pixel shows what it shows."""
    began = np.zeros(frames.shape[1:3], np.int16)
    level, result = frames[0], np.zeros(frames.shape[:3], np.int16)
    for n, frame in enumerate(frames):
        new = differs(frame, level, tolerance)
        began[new] = n
        level = np.where(new[..., None], frame, level)
        result[n] = began
    return result
