"""Measures the error of the detected corners of the canvas against the true ones."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.ledger.outcome import StoredKeyframe
from ingest.studio.script.truth import Truth
from ingest.video.imaging.geometry import transform


def outline(truth: Truth, frame_index: int) -> np.ndarray | None:
    """True outer corners of the canvas in a frame, float64 (4, 2); None where no canvas is seen.

    The ground truth has the centres of the corner pixels. The corners of ingest lie on the outer
    edge, half a canvas pixel further out.
    """
    centres = truth.corners_at(frame_index / truth.fps)
    if centres is None:
        return None
    width, height = truth.canvas_px
    inner = np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)], np.float32)
    matrix = cv2.getPerspectiveTransform(inner, centres.astype(np.float32)).astype(np.float64)
    outer = np.array([(0, 0), (width, 0), (width, height), (0, height)], np.float64) - 0.5
    return transform(matrix, outer)


def corner_errors(truth: Truth, keyframes: list[StoredKeyframe]) -> list[float]:
    """Distances between detected and true corners, four per keyframe.

    The unit is a pixel of a canvas whose short side has 512 px, whatever the size of the film.
    """
    errors: list[float] = []
    for stored in keyframes:
        true = outline(truth, stored.keyframe.frame_index or 0)
        if true is None:
            # A keyframe from a frame without canvas has the largest error: a whole side.
            errors += [512.0] * 4
            continue
        found = np.array(stored.keyframe.corners_px, np.float64)
        sides = np.linalg.norm(np.roll(true, -1, axis=0) - true, axis=1)
        scale = 512 / min(float(sides[[0, 2]].mean()), float(sides[[1, 3]].mean()))
        errors += [float(d) * scale for d in np.linalg.norm(found - true, axis=1)]
    return errors
