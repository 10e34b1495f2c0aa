"""Sides on the painted face, frames settled on what stays, light told by the surroundings."""

from __future__ import annotations

import cv2
import numpy as np

from ingest.video.canvas.canvas import Canvas
from ingest.video.canvas.face import Painting, margin_view, on_face
from ingest.video.imaging.geometry import transform, warp
from ingest.video.lighting.background_light import surrounding_gains
from ingest.video.registration.homography import grey
from ingest.video.registration.settle import Ground

SIZE = (320, 240)
FACE = np.array([[60.3, 40.8], [259.6, 52.2], [250.4, 201.7], [52.1, 190.4]])
"""True corners of the painted face; around it runs a white rim."""


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
    moved = on_face(found, [Painting(early, late)])
    assert np.abs(found.corners - FACE).max() > 2.5
    assert np.abs(moved.corners - FACE).max() < 0.5


def test_sides_without_paint_stay() -> None:
    found = Canvas(FACE, "quad", 1.0)
    view, size = margin_view(found)
    bare = warp(filmed((240, 240, 240)), view, size)
    np.testing.assert_allclose(on_face(found, [Painting(bare, bare)]).corners, FACE, atol=1e-6)


def test_a_frame_settles_on_what_stays_although_paint_and_hand_do_not() -> None:
    composites = [filmed(c) for c in ((240, 240, 240), (200, 120, 90), (60, 110, 70))]
    ground = Ground(composites)
    assert ground.is_firm
    true = np.array([[0.999, -0.011, 3.1], [0.011, 0.999, -2.2], [0, 0, 1.0]])
    frame = warp(filmed((20, 40, 160)), np.linalg.inv(true), SIZE)
    cv2.line(frame, (170, 120), (330, 200), (205, 150, 125), 30)
    guess = true.copy()
    guess[:2, 2] += (2.0, -1.5)
    settled = ground.settle(grey(frame), guess)
    assert settled is not None
    at_truth, at_guess = (
        np.abs(transform(m, FACE) - transform(true, FACE)).max() for m in (settled.pose, guess)
    )
    assert at_truth < 0.4 < at_guess


def test_a_frame_of_something_else_does_not_settle() -> None:
    ground = Ground([filmed((240, 240, 240))] * 3)
    noise = np.random.default_rng(0).integers(0, 255, (*SIZE[::-1], 3), dtype=np.uint8)
    assert ground.settle(grey(noise), np.eye(3)) is None


def test_light_is_told_by_the_table_not_by_the_paint() -> None:
    light = np.linspace(0.85, 1.1, 30)[:, None] * np.array([1.0, 0.98, 1.03])
    frames = []
    for number, gain in enumerate(light):
        image = filmed((240 - 6 * number, 235, 240 - 5 * number)).astype(np.float32)
        frames.append(np.clip(image * gain, 0, 255).astype(np.uint8))
    found = surrounding_gains(frames, [np.eye(3)] * 30, [FACE], SIZE, 0.5)
    assert found is not None
    evened = found * light
    assert np.abs(evened / evened.mean(axis=0) - 1).max() < 0.02


def test_without_surroundings_there_is_no_light_to_tell() -> None:
    frame = filmed((90, 90, 90))
    whole = np.array([[0, 0], [320, 0], [320, 240], [0, 240]], np.float64)
    assert surrounding_gains([frame] * 20, [np.eye(3)] * 20, [whole], SIZE, 0.5) is None


def test_surroundings_that_agree_on_nothing_tell_no_light() -> None:
    rng = np.random.default_rng(5)
    coarse = [rng.integers(30, 240, (15, 20, 3), np.uint8) for _ in range(20)]
    frames = [cv2.resize(picture, SIZE) for picture in coarse]
    assert surrounding_gains(frames, [np.eye(3)] * 20, [FACE], SIZE, 0.5) is None
