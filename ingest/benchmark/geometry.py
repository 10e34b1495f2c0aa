"""Where the canvas was found against where it was."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.ledger.outcome import StoredKeyframe
from ingest.studio.script.truth import Truth
from ingest.video.imaging.geometry import transform


def outline(truth: Truth, frame_index: int) -> np.ndarray | None:
    """Outer corners of the canvas in a frame, float64 (4, 2); None where no canvas is seen.

    The truth gives the centres of the corner pixels; ingest gives the outer edge, half a canvas
    pixel further out.
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
    """Distances in pixels between found and true corners, four a keyframe.

    They are given for a canvas whose short side is 512 px, whatever the film's size.
    """
    errors: list[float] = []
    for stored in keyframes:
        true = outline(truth, stored.keyframe.frame_index or 0)
        if true is None:
            # A keyframe of a frame without canvas is as wrong as can be: a canvas side off.
            errors += [512.0] * 4
            continue
        found = np.array(stored.keyframe.corners_px, np.float64)
        sides = np.linalg.norm(np.roll(true, -1, axis=0) - true, axis=1)
        scale = 512 / min(float(sides[[0, 2]].mean()), float(sides[[1, 3]].mean()))
        errors += [float(d) * scale for d in np.linalg.norm(found - true, axis=1)]
    return errors
