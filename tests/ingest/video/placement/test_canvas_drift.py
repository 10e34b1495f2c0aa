"""Parts of a video that drifted together are corrected by the canvas in neighbouring parts."""

from __future__ import annotations

import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.imaging.geometry import transform
from ingest.video.placement.canvas_drift import correct_canvas_drift
from tests.ingest.video.scenes import CORNERS, scene, static_video

CANVAS = Canvas(CORNERS, "quad", 1.5)
SHEARED = np.array([[1, 0.02, -4], [0.004, 1, 1.5], [0, 0, 1.0]])


def errors(sheared: range, anchored: dict[int, float]) -> tuple[set[int], np.ndarray]:
    """The corrected frames, and the largest corner error of each frame in pixels."""
    sampled = static_video([scene(20 + 3 * n) for n in range(48)])
    for i in sheared:
        sampled.set_pose(i, SHEARED)
    corrected = correct_canvas_drift(sampled, list(range(48)), anchored, CANVAS)
    poses = [sampled.frames[i].pose.matrix for i in range(48)]
    return corrected, np.array([np.abs(transform(p, CORNERS) - CORNERS).max() for p in poses])


def test_drifted_parts_are_corrected_one_after_another() -> None:
    corrected, error_px = errors(range(24), dict.fromkeys(range(24, 48), 0.8))
    assert corrected == set(range(24))
    assert np.abs(transform(SHEARED, CORNERS) - CORNERS).max() > 2.5
    assert error_px.max() < 0.5


def test_frames_that_show_hardly_any_table_do_not_anchor_a_part() -> None:
    faint = dict.fromkeys(range(24), 0.1)
    corrected, error_px = errors(range(24), faint | dict.fromkeys(range(24, 48), 0.8))
    assert corrected == set(range(24))
    assert error_px.max() < 0.5


def test_anchored_parts_are_not_corrected() -> None:
    corrected, error_px = errors(range(24), dict.fromkeys(range(0, 48, 2), 0.8))
    assert not corrected
    assert error_px[:24].min() > 2.5


def test_without_anchored_frames_nothing_is_corrected() -> None:
    assert errors(range(24), {})[0] == set()
