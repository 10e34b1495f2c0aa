"""Displacements of the canvas are estimated to a fraction of a pixel and compensated."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.canvas.canvas import Canvas, CanvasConfig
from ingest.video.canvas.outline_matching import OutlineMatcher
from ingest.video.imaging.geometry import transform, warp
from ingest.video.placement.displacement_compensation import compensate_displacements
from ingest.video.placement.displacement_estimation import estimate_displacement
from ingest.video.placement.motion_models import ShiftAndRotation, SmallHomography
from ingest.video.placement.place import place_canvas
from ingest.video.segmentation.segmenter import SegmenterConfig
from tests.ingest.video.scenes import CORNERS, SIZE, displaced, scene, static_video

SKIN = (205, 150, 125)
ROUGH = np.array([[1, 0, -7], [0, 1, 9], [0, 0, 1.0]])
"""Undoes the shift of `displaced` approximately, and none of its rotation."""


def worst(to_home: np.ndarray | None, there: np.ndarray, home: np.ndarray = CORNERS) -> float:
    """The largest corner error in pixels."""
    assert to_home is not None
    return float(np.linalg.norm(transform(to_home, there) - home, axis=1).max())


@pytest.mark.parametrize("strokes", [0, 25, 200], ids=["blank", "begun", "finished"])
def test_a_displacement_is_found_to_a_fraction_of_a_pixel(strokes: int) -> None:
    there = displaced(2)
    matcher = OutlineMatcher(Canvas(CORNERS, "quad", 1.5))
    assert worst(ROUGH, there) > 6
    to_home = estimate_displacement(scene(strokes), scene(strokes + 3, there), matcher, ROUGH)
    assert worst(to_home, there) < 0.6


def test_a_hand_on_the_canvas_does_not_matter() -> None:
    there = displaced(2)
    before, after = scene(60), scene(66, there)
    cv2.line(after, (250, 200), (470, 330), SKIN, 60)
    matcher = OutlineMatcher(Canvas(CORNERS, "quad", 1.5))
    assert worst(estimate_displacement(before, after, matcher, ROUGH), there) < 0.6


def test_a_wrong_initial_estimate_does_not_matter() -> None:
    there = displaced(2)
    matcher = OutlineMatcher(Canvas(CORNERS, "quad", 1.5))
    wrong = np.array([[1, 0, 14], [0, 1, 9], [0, 0, 1.0]])
    assert worst(estimate_displacement(scene(60), scene(63, there), matcher, wrong), there) < 0.6


def test_an_obliquely_viewed_canvas_is_rotated_correctly() -> None:
    squeezed = np.array([[1, 0.08, 0], [0, 0.62, 60], [0, 0, 1.0]])
    there = displaced(3)
    before, after = (warp(scene(80, c), squeezed, SIZE) for c in (CORNERS, there))
    home, away = transform(squeezed, CORNERS), transform(squeezed, there)
    matcher = OutlineMatcher(Canvas(home, "quad", 1.5))
    assert worst(estimate_displacement(before, after, matcher, ROUGH), away, home) < 0.6


def test_noise_gives_no_displacement() -> None:
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    matcher = OutlineMatcher(Canvas(CORNERS, "quad", 1.5))
    to_home = estimate_displacement(scene(0), noise, matcher, ROUGH)
    assert to_home is None or worst(to_home, displaced()) > 3


@pytest.mark.parametrize(
    "motion", [ShiftAndRotation(), SmallHomography()], ids=["shift-and-rotation", "homography"]
)
def test_displacements_are_linear_in_the_parameters(
    motion: ShiftAndRotation | SmallHomography,
) -> None:
    rng = np.random.default_rng(0)
    points = rng.uniform(-1, 1, (20, 2))
    parameters = rng.normal(0, 1e-3, 4 if isinstance(motion, ShiftAndRotation) else 8)
    moved = transform(motion.homography(parameters), points) - points
    for i, direction in enumerate(np.eye(2)):
        predicted = motion.design_matrix(points, np.tile(direction, (20, 1))) @ parameters
        np.testing.assert_allclose(predicted, moved[:, i], atol=2e-5)


def test_two_displacements_are_compensated() -> None:
    there, further = displaced(2), displaced(-2, (-9, -8))
    corners = [there] * 14 + [CORNERS] * 22 + [further] * 14
    sampled = static_video([scene(30 + n, c) for n, c in enumerate(corners)])
    used = list(range(50))
    composites = [sampled.frame_cache.image(i) for i in range(2, 50, 5)]
    moved = compensate_displacements(
        sampled, used, set(used), composites, Canvas(CORNERS, "quad", 1.5)
    )
    assert moved.keys() == {*range(14), *range(36, 50)}
    for n in used:
        assert worst(sampled.shot_from_frame(n), corners[n]) < 0.8


def test_a_moved_canvas_is_placed_as_exactly_as_a_static_one() -> None:
    """The whole placement, with a slightly shaking camera and a hand that comes and goes."""
    rng, images, truth = np.random.default_rng(5), [], []
    for n in range(60):
        there = CORNERS if n < 26 else displaced(2)
        picture = scene(4 * n, there)
        if n % 3:
            cv2.line(picture, (180 + 3 * n, 180), (470, 350), SKIN, 40)
        shake = np.array([[1, 0, rng.normal(0, 1)], [0, 1, rng.normal(0, 1)], [0, 0, 1.0]])
        images.append(cv2.warpPerspective(picture, shake, SIZE, borderMode=cv2.BORDER_REPLICATE))
        truth.append(transform(shake, there))
    sampled = static_video(images)
    placed = place_canvas(sampled, "scene", CanvasConfig(), SegmenterConfig())
    assert len(placed.used) > 50
    assert placed.canvas.kind == "quad"
    errors = [
        np.linalg.norm(
            transform(sampled.shot_from_frame(i), truth[i]) - placed.canvas.corners, axis=1
        )
        for i in placed.used
    ]
    assert np.percentile(errors, 95) < 2.0
