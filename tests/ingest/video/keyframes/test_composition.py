"""The border of a keyframe shows no table."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.imaging.geometry import pixel_scale, rectified, to_rectangle
from ingest.video.keyframes.composition import without_mixed_border


@pytest.mark.parametrize("side_px", [60, 120, 250])
def test_no_table_is_left_at_the_rim_of_a_keyframe(side_px: int) -> None:
    paint, table = np.array([40, 60, 90]), np.array([230, 220, 210])
    corners = side_px * (np.array([[0.3, 0.2], [1.31, 0.23], [1.28, 1.22], [0.33, 1.18]]) + 0.003)
    fine = np.full((2 * side_px * 8, 2 * side_px * 8, 3), table, np.uint8)
    outline = np.round(((corners + 0.5) * 8 - 0.5) * 16).astype(np.int32)
    cv2.fillConvexPoly(fine, outline, paint.tolist(), shift=4)
    frame = cv2.resize(fine, (2 * side_px, 2 * side_px), interpolation=cv2.INTER_AREA)
    matrix = to_rectangle(corners, (128, 128))
    seen = rectified(frame, matrix, (128, 128))
    clean = without_mixed_border(seen, float(pixel_scale(matrix)))
    assert np.abs(seen.astype(float) - paint).max() > 40
    assert np.abs(clean.astype(float) - paint).max() <= 10
