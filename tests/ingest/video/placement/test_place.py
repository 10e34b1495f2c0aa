"""Sides are refined to the painted face, and poses to static points."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.side_refinement import BeforeAfter, margin_view, refine_sides
from ingest.video.imaging.geometry import transform, warp
from ingest.video.registration.homography import normalised_grey
from ingest.video.registration.static_reference import StaticReference

SIZE = (320, 240)
FACE = np.array([[60.3, 40.8], [259.6, 52.2], [250.4, 201.7], [52.1, 190.4]])
"""True corners of the painted face, which has a white rim."""


def table() -> np.ndarray:
    rng = np.random.default_rng(1)
    grain = cv2.GaussianBlur(rng.normal(0, 60, SIZE[::-1]).astype(np.float32), (0, 0), 1.5)
    return np.clip(np.array([110, 80, 60]) + grain[..., None], 0, 255).astype(np.uint8)


def filmed(paint: tuple[int, int, int]) -> np.ndarray:
    """A canvas with a rim of three pixels, its face in one colour, drawn with soft edges."""
    big = cv2.resize(table(), None, fx=4, fy=4, interpolation=cv2.INTER_CUBIC)
    middle = FACE.mean(axis=0)
    rim = middle + 1.03 * (FACE - middle)
    for corners, colour in ((rim, (240, 240, 240)), (FACE, paint)):
        points = np.round(((corners + 0.5) * 4 - 0.5) * 16).astype(np.int32)
        cv2.fillConvexPoly(big, points, colour, cv2.LINE_AA, shift=4)
    return cv2.resize(big, SIZE, interpolation=cv2.INTER_AREA)


def test_sides_move_from_the_rim_onto_the_painted_face() -> None:
    middle = FACE.mean(axis=0)
    found = Canvas(middle + 1.03 * (FACE - middle), "quad", 1.0)
    view, size = margin_view(found)
    early, late = (warp(filmed(c), view, size) for c in ((240, 240, 240), (60, 110, 70)))
    moved = refine_sides(found, [BeforeAfter(early, late)])
    assert np.abs(found.corners - FACE).max() > 2.5
    assert np.abs(moved.corners - FACE).max() < 0.5


def test_sides_without_paint_stay() -> None:
    found = Canvas(FACE, "quad", 1.0)
    view, size = margin_view(found)
    blank = warp(filmed((240, 240, 240)), view, size)
    np.testing.assert_allclose(
        refine_sides(found, [BeforeAfter(blank, blank)]).corners, FACE, atol=1e-6
    )


def test_a_pose_is_refined_on_static_points_despite_paint_and_hand() -> None:
    composites = [filmed(c) for c in ((240, 240, 240), (200, 120, 90), (60, 110, 70))]
    reference = StaticReference(composites)
    assert reference.is_reliable
    true = np.array([[0.999, -0.011, 3.1], [0.011, 0.999, -2.2], [0, 0, 1.0]])
    frame = warp(filmed((20, 40, 160)), np.linalg.inv(true), SIZE)
    cv2.line(frame, (170, 120), (330, 200), (205, 150, 125), 30)
    guess = true.copy()
    guess[:2, 2] += (2.0, -1.5)
    refined = reference.refine_pose(normalised_grey(frame), guess)
    assert refined is not None
    at_truth, at_guess = (
        np.abs(transform(m, FACE) - transform(true, FACE)).max() for m in (refined.pose, guess)
    )
    assert at_truth < 0.4 < at_guess


def test_the_pose_of_another_scene_is_not_refined() -> None:
    reference = StaticReference([filmed((240, 240, 240))] * 3)
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)
    assert reference.refine_pose(normalised_grey(noise), np.eye(3)) is None
