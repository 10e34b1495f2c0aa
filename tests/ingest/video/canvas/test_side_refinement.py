"""Refinement of the sides of the canvas onto its painted face."""

import cv2
import numpy as np
import pytest

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.side_refinement import BeforeAfter, margin_view, refine_sides

CORNERS = np.array([[60, 50], [380, 50], [380, 306], [60, 306]], np.float64)


def _pictures(off_px: float, early_band_px: int = 0) -> tuple[Canvas, np.ndarray, np.ndarray]:
    """A canvas found `off_px` too large at its top, before and after it is painted; at first only
    a band along its top is painted, if any."""
    rng = np.random.default_rng(1)
    shape = (360, 440, 3)
    table = np.full(shape, (140, 100, 70), np.float64)
    blank, paint = np.full(shape, 235.0), np.full(shape, (60, 90, 150), np.float64)
    early, late = table.copy(), table.copy()
    early[50:306, 60:380], late[50:306, 60:380] = blank[50:306, 60:380], paint[50:306, 60:380]
    early[50 : 50 + early_band_px, 60:380] = paint[50 : 50 + early_band_px, 60:380]
    found = CORNERS - 0.5
    found[:2, 1] -= off_px
    canvas = Canvas(found, "quad", 1.0)
    view, size = margin_view(canvas)
    pictures = (p + rng.normal(0, 2, shape) for p in (early, late))
    seen = [cv2.warpPerspective(p.clip(0, 255).astype(np.uint8), view, size) for p in pictures]
    return canvas, seen[0], seen[1]


@pytest.mark.parametrize("off_px", [0.0, 1.5, 3.0, 5.5])
def test_a_side_moves_onto_the_painted_face(off_px: float) -> None:
    canvas, early, late = _pictures(off_px)
    assert (
        np.abs(refine_sides(canvas, [BeforeAfter(early, late)]).corners - (CORNERS - 0.5)).max()
        < 0.5
    )


def test_paint_that_was_there_at_the_start_moves_no_side() -> None:
    canvas, early, late = _pictures(0.0, early_band_px=4)
    assert (
        np.abs(refine_sides(canvas, [BeforeAfter(early, late)]).corners - canvas.corners).max()
        < 0.5
    )


def test_a_side_that_is_painted_early_is_found_in_the_first_frame() -> None:
    canvas, blank, late = _pictures(1.5)
    _, early, _ = _pictures(1.5, early_band_px=20)
    first = early.copy()
    first[:, : first.shape[1] // 2] = blank[:, : first.shape[1] // 2]
    assert np.abs(refine_sides(canvas, [BeforeAfter(early, late)]).corners[:2, 1] - 49.5).max() > 1
    both = refine_sides(canvas, [BeforeAfter(early, late), BeforeAfter(first, late)])
    assert np.abs(both.corners - (CORNERS - 0.5)).max() < 0.6
