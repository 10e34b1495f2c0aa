"""Frames are registered to a fraction of a pixel, and cuts between shots are recognised."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.imaging.geometry import scaling, to_rectangle, transform, valid_area, warp
from ingest.video.registration.tracking import AlignConfig, PreparedFrame, Tracker

SIZE = (320, 240)


def scene(seed: int) -> np.ndarray:
    """A table with a nearly white canvas on it, RGB uint8 (240, 320, 3)."""
    rng = np.random.default_rng(seed)
    ground = cv2.GaussianBlur(rng.normal(0, 90, (240, 320)).astype(np.float32), (0, 0), 2)
    image = np.clip(np.array([100, 80, 60]) + ground[..., None], 0, 255).astype(np.uint8)
    cv2.fillConvexPoly(image, np.array([[70, 50], [250, 60], [240, 200], [60, 190]]), (235,) * 3)
    return image


def shaken(image: np.ndarray, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """The scene from a slightly moved camera, and the homography from scene to frame."""
    angle, shift = rng.normal(0, 0.6), rng.normal(0, 4, 2)
    matrix = np.vstack([cv2.getRotationMatrix2D((160, 120), angle, 1.0), [0, 0, 1]])
    matrix[:2, 2] += shift
    matrix[2, :2] = rng.normal(0, 3e-6, 2)
    moved = cv2.warpPerspective(image, matrix, SIZE, borderMode=cv2.BORDER_REFLECT)
    return moved, matrix


def test_camera_shake_is_tracked_despite_paint_and_hands() -> None:
    rng, canvas = np.random.default_rng(0), scene(1)
    tracker, errors = Tracker(AlignConfig(side_px=240)), []
    first: np.ndarray | None = None
    for number in range(40):
        cv2.circle(canvas, (80 + 4 * number, 120), 14, (40, 90 + number, 160), -1)
        frame, matrix = shaken(canvas, rng)
        cv2.line(frame, (100 + 3 * number, 110), (330, 240), (200, 150, 120), 30)
        pose = tracker.register(PreparedFrame.of(frame))
        first = matrix if first is None else first
        corners = np.array([[70, 50], [250, 60], [240, 200], [60, 190]], np.float64)
        placed = transform(pose.matrix @ matrix @ np.linalg.inv(first), transform(first, corners))
        errors.append(np.linalg.norm(placed - transform(first, corners), axis=1).max())
        assert pose.shot == 0
    assert np.median(errors) < 0.6
    assert max(errors) < 2.0


def test_a_static_camera_gets_the_identity() -> None:
    tracker, image = Tracker(AlignConfig(side_px=240)), scene(2)
    rng = np.random.default_rng(0)
    for _ in range(12):
        noisy = np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)
        np.testing.assert_array_equal(tracker.register(PreparedFrame.of(noisy)).matrix, np.eye(3))


def test_cuts_start_shots_and_returns_find_them() -> None:
    tracker = Tracker(AlignConfig(side_px=240))
    here, there = scene(3), scene(4)[::-1].copy()
    frames = [here] * 10 + [there] * 6 + [here] * 10
    shots = [tracker.register(PreparedFrame.of(frame)).shot for frame in frames]
    assert shots == [0] * 10 + [1] * 6 + [0] * 10


def test_a_blank_canvas_that_fills_the_view_is_one_shot() -> None:
    tracker, image = Tracker(AlignConfig(side_px=240)), np.full((240, 320, 3), 250, np.uint8)
    for number in range(30):
        cv2.circle(image, (20 + 9 * number, 120), 20, (60, 90, 6 * number), -1)
        assert tracker.register(PreparedFrame.of(image.copy())).shot == 0


@pytest.mark.parametrize("factor", [0.5, 0.37, 2.0])
def test_scaling_matches_how_pictures_are_resized(factor: float) -> None:
    image = cv2.GaussianBlur(scene(6), (0, 0), 4)
    resized = cv2.resize(image, None, fx=factor, fy=factor, interpolation=cv2.INTER_LINEAR)
    warped = warp(image, scaling(factor), (resized.shape[1], resized.shape[0]))
    inner = (slice(4, -4), slice(4, -4))
    assert np.abs(resized[inner].astype(int) - warped[inner]).mean() < 1.0


def test_rectangle_and_valid_area() -> None:
    corners = np.array([[-0.5, -0.5], [99.5, -0.5], [99.5, 79.5], [-0.5, 79.5]])
    np.testing.assert_allclose(to_rectangle(corners, (100, 80)), np.eye(3), atol=1e-6)
    shifted = np.array([[1, 0, 10], [0, 1, 0], [0, 0, 1.0]])
    seen = valid_area((80, 100), shifted, (100, 80))
    assert not seen[:, :9].any()
    assert seen[2:-2, 12:].all()
