"""Detection of the canvas: its outline despite its thickness, or the frame without black bars."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.canvas.canvas import (
    CanvasConfig,
    by_direction,
    find_canvas,
    lasting_change,
    side_support,
)
from ingest.video.canvas.quads import order_corners, turned_clockwise
from ingest.video.placement.place import candidate_canvases

QUADS = [
    [[90, 60], [390, 60], [390, 290], [90, 290]],
    [[120, 50], [400, 80], [380, 300], [80, 280]],
    [[60, 90], [330, 40], [420, 260], [110, 320]],
]


def composites(quad: np.ndarray, thick_px: int = 0, number: int = 8) -> list[np.ndarray]:
    """A canvas (white, then filled) on a grained table, RGB uint8 (360, 480, 3)."""
    rng = np.random.default_rng(0)
    grain = cv2.GaussianBlur(rng.normal(0, 60, (360, 480)).astype(np.float32), (0, 0), 2, sigmaY=9)
    ground = np.clip(np.array([120, 90, 70]) + grain[..., None], 0, 255).astype(np.uint8)
    pictures = []
    for step in range(number):
        image = ground.copy()
        face = np.round(quad * 16).astype(np.int32)
        if thick_px:
            cv2.fillConvexPoly(image, face + [0, 16 * thick_px], (170, 165, 160), shift=4)
        cv2.fillConvexPoly(image, face, (240, 238, 232), cv2.LINE_AA, shift=4)
        paint = image.copy()
        cv2.fillConvexPoly(paint, face, (60, 120, 190), cv2.LINE_AA, shift=4)
        part = round(480 * step / (number - 1))
        image[:, :part] = paint[:, :part]
        pictures.append(cv2.GaussianBlur(image, (0, 0), 0.7))
    return pictures


@pytest.mark.parametrize("quad", QUADS)
@pytest.mark.parametrize("thick_px", [0, 9])
def test_an_outline_is_found_to_a_pixel(quad: list[list[int]], thick_px: int) -> None:
    truth = np.array(quad, np.float64)
    canvas = find_canvas(composites(truth, thick_px), CanvasConfig())
    assert canvas.kind == "quad"
    error = np.linalg.norm(canvas.corners - truth, axis=1)
    assert np.median(error) < 2.0
    assert error.max() < 3.0, error


def test_paint_that_is_there_early_is_no_side() -> None:
    """A dark band along the top, painted before the first composite, lasts as well as the side."""
    truth = np.array(QUADS[0], np.float64)
    pictures = composites(truth)
    opening = pictures[0].copy()
    for picture in pictures:
        picture[70:84, 92:389] = (110, 85, 70)
    canvas = find_canvas(pictures, CanvasConfig(), opening=opening)
    assert np.abs(canvas.corners - truth).max() < 3.0


def test_a_displaced_canvas_is_found_in_one_of_its_positions() -> None:
    """The edges of the opening are still near those of the last half, but of another place."""
    before = np.array([[120, 60], [390, 60], [390, 290], [120, 290]], np.float64)
    after = before - [14, 0]
    pictures = composites(before)[:4] + composites(after)[4:]
    found = list(candidate_canvases(pictures, pictures[0], CanvasConfig()))
    assert np.abs(found[2].corners - after).max() < 3.0


def test_another_exposure_is_no_change() -> None:
    pictures = composites(np.array(QUADS[1], np.float64))
    darker = [np.clip(p * (1.0 if n < 4 else 0.8), 0, 255) for n, p in enumerate(pictures)]
    change = lasting_change([p.astype(np.uint8) for p in darker])
    inside = np.zeros(change.shape, np.uint8)
    cv2.fillConvexPoly(inside, np.array(QUADS[1], np.int32), 1)
    assert change[inside > 0].mean() > 0.9
    assert change[cv2.dilate(inside, np.ones((9, 9))) == 0].mean() < 0.02


def test_a_title_at_the_start_is_no_change_of_the_table() -> None:
    pictures = composites(np.array(QUADS[0], np.float64))
    title = np.full_like(pictures[0], 235)
    change = lasting_change(pictures, title)
    np.testing.assert_array_equal(change, lasting_change(pictures))
    assert 0.2 < change.mean() < 0.7


def test_black_bars_are_cut() -> None:
    rng = np.random.default_rng(1)
    pictures = []
    for step in range(5):
        image = np.zeros((180, 320, 3), np.uint8)
        image[:, 40:280] = rng.integers(60, 220, 3)
        image[20 * step : 20 * step + 90, 60:260] = rng.integers(0, 255, 3)
        pictures.append(image)
    canvas = find_canvas(pictures, CanvasConfig())
    assert canvas.kind == "frame"
    np.testing.assert_allclose(canvas.corners[0], [39.5, -0.5])
    np.testing.assert_allclose(canvas.corners[2], [279.5, 179.5])


def test_a_screen_recording_is_all_canvas() -> None:
    image = np.full((200, 300, 3), 255, np.uint8)
    pictures = [image.copy()]
    for step in range(6):
        cv2.rectangle(image, (20 + 30 * step, 30), (90 + 30 * step, 170), (40 * step, 90, 120), -1)
        pictures.append(image.copy())
    canvas = find_canvas(pictures, CanvasConfig())
    assert canvas.kind == "frame"
    assert canvas.size_px(100) == (150, 100)


def test_corners_are_ordered_from_the_top_left() -> None:
    truth = np.array(QUADS[1], np.float64)
    border = np.array([True, False, False, False])
    for turn in range(4):
        quad, flags = np.roll(truth, turn, axis=0), np.roll(border, turn)
        np.testing.assert_array_equal(order_corners(turned_clockwise(quad, flags)[0]), truth)
    backwards, flags = turned_clockwise(truth[::-1], np.array([True, False, False, False]))
    # Reversed, the side that was named first still lies between the same two corners.
    side = {
        tuple(backwards[int(np.argmax(flags))]),
        tuple(backwards[(int(np.argmax(flags)) + 1) % 4]),
    }
    assert side == {tuple(truth[::-1][0]), tuple(truth[::-1][1])}


def test_strokes_that_run_across_are_no_side() -> None:
    angle = np.zeros((120, 160), np.float32)
    hatched, line = np.zeros((120, 160), bool), np.zeros((120, 160), bool)
    hatched[10:110:3, 70:90] = True
    line[10:110, 80] = True
    quad = np.array([[[20, 10], [80, 10], [80, 110], [20, 110]]], np.float64)
    across_strokes = by_direction(hatched, angle + np.pi / 2)
    assert side_support(quad, hatched[None])[0, 1] > 0.9
    assert side_support(quad, across_strokes)[0, 1] == 0
    assert side_support(quad, by_direction(line, angle))[0, 1] > 0.9
    assert side_support(quad, by_direction(line, angle + np.pi))[0, 1] > 0.9
