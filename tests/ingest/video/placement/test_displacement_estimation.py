"""A pushed canvas is brought back to a fraction of a pixel, by all that went along."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.canvas.canvas import Canvas, CanvasConfig
from ingest.video.canvas.outline import OutlineView
from ingest.video.imaging.geometry import transform, warp
from ingest.video.placement.displacement import bring_back
from ingest.video.placement.displacement_estimation import exact_push
from ingest.video.placement.place import place_canvas
from ingest.video.registration.motions import Turn, Warp
from ingest.video.segmentation.segmenter import SegmenterConfig
from tests.ingest.video.scenes import CORNERS, SIZE, pushed, scene, still

SKIN = (205, 150, 125)
ROUGH = np.array([[1, 0, -7], [0, 1, 9], [0, 0, 1.0]])
"""Undoes the shift of `pushed` by and large, and none of its turn."""


def worst(back: np.ndarray | None, there: np.ndarray, home: np.ndarray = CORNERS) -> float:
    assert back is not None
    return float(np.linalg.norm(transform(back, there) - home, axis=1).max())


@pytest.mark.parametrize("strokes", [0, 25, 200], ids=["bare", "begun", "finished"])
def test_a_push_is_found_to_a_fraction_of_a_pixel(strokes: int) -> None:
    there = pushed(2)
    view = OutlineView(Canvas(CORNERS, "quad", 1.5))
    assert worst(ROUGH, there) > 6
    back = exact_push(scene(strokes), scene(strokes + 3, there), view, ROUGH)
    assert worst(back, there) < 0.6


def test_a_hand_on_the_canvas_and_a_side_that_is_not_seen_do_not_matter() -> None:
    there = pushed(2)
    before, after = scene(60), scene(66, there)
    cv2.line(after, (250, 200), (470, 330), SKIN, 60)
    view = OutlineView(Canvas(CORNERS, "quad", 1.5))
    assert worst(exact_push(before, after, view, ROUGH), there) < 0.6


def test_a_guess_that_is_far_off_does_not_matter() -> None:
    there = pushed(2)
    view = OutlineView(Canvas(CORNERS, "quad", 1.5))
    wrong = np.array([[1, 0, 14], [0, 1, 9], [0, 0, 1.0]])
    assert worst(exact_push(scene(60), scene(63, there), view, wrong), there) < 0.6


def test_a_canvas_that_is_seen_from_aside_turns_by_unequal_amounts() -> None:
    squeezed = np.array([[1, 0.08, 0], [0, 0.62, 60], [0, 0, 1.0]])
    there = pushed(3)
    before, after = (warp(scene(80, c), squeezed, SIZE) for c in (CORNERS, there))
    home, away = transform(squeezed, CORNERS), transform(squeezed, there)
    view = OutlineView(Canvas(home, "quad", 1.5))
    assert worst(exact_push(before, after, view, ROUGH), away, home) < 0.6


def test_nothing_is_said_where_nothing_agrees() -> None:
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 255, (SIZE[1], SIZE[0], 3), dtype=np.uint8)
    view = OutlineView(Canvas(CORNERS, "quad", 1.5))
    back = exact_push(scene(0), noise, view, ROUGH)
    assert back is None or worst(back, pushed()) > 3


@pytest.mark.parametrize("motion", [Turn(), Warp()], ids=["turn", "warp"])
def test_the_numbers_of_a_motion_say_where_places_go(motion: Turn | Warp) -> None:
    rng = np.random.default_rng(0)
    places = rng.uniform(-1, 1, (20, 2))
    numbers = rng.normal(0, 1e-3, 4 if isinstance(motion, Turn) else 8)
    moved = transform(motion.matrix(numbers), places) - places
    for i, way in enumerate(np.eye(2)):
        told = motion.design(places, np.tile(way, (20, 1))) @ numbers
        np.testing.assert_allclose(told, moved[:, i], atol=2e-5)


def test_frames_are_brought_back_from_two_places() -> None:
    there, further = pushed(2), pushed(-2, (-9, -8))
    corners = [there] * 14 + [CORNERS] * 22 + [further] * 14
    look = still([scene(30 + n, c) for n, c in enumerate(corners)])
    used = list(range(50))
    composites = [look.spool.image(i) for i in range(2, 50, 5)]
    moved = bring_back(look, used, set(used), composites, Canvas(CORNERS, "quad", 1.5))
    assert moved.keys() == {*range(14), *range(36, 50)}
    for n in used:
        assert worst(look.take_from_frame(n), corners[n]) < 0.8


def test_a_pushed_canvas_is_placed_as_exactly_as_one_that_lies_still() -> None:
    """All of placing, by a camera that shakes a little, with a hand that comes and goes."""
    rng, images, truth = np.random.default_rng(5), [], []
    for n in range(60):
        there = CORNERS if n < 26 else pushed(2)
        picture = scene(4 * n, there)
        if n % 3:
            cv2.line(picture, (180 + 3 * n, 180), (470, 350), SKIN, 40)
        shake = np.array([[1, 0, rng.normal(0, 1)], [0, 1, rng.normal(0, 1)], [0, 0, 1.0]])
        images.append(cv2.warpPerspective(picture, shake, SIZE, borderMode=cv2.BORDER_REPLICATE))
        truth.append(transform(shake, there))
    look = still(images)
    placed = place_canvas(look, "scene", CanvasConfig(), SegmenterConfig())
    assert len(placed.used) > 50
    assert placed.canvas.kind == "quad"
    errors = [
        np.linalg.norm(transform(look.take_from_frame(i), truth[i]) - placed.canvas.corners, axis=1)
        for i in placed.used
    ]
    assert np.percentile(errors, 95) < 2.0
