"""Full-size canvases: unchanged where nothing is painted, equal to the target where finished."""

from __future__ import annotations

import cv2
import numpy as np

from inference.artist.detail import (
    full_size_canvas,
    interpolation_weight_and_residual,
    keep_outside,
)

SMALL = (24, 32)


def shrink(image: np.ndarray) -> np.ndarray:
    size = SMALL[::-1]
    return cv2.resize(image.astype(np.float32), size, interpolation=cv2.INTER_AREA)


def composed(canvas: np.ndarray, target: np.ndarray, rendered: np.ndarray) -> np.ndarray:
    whole = np.ones(canvas.shape[:2], bool)
    return full_size_canvas(canvas, target, whole, shrink(canvas), rendered, shrink(target), 4)


def test_a_place_that_has_arrived_carries_the_targets_detail(target: np.ndarray) -> None:
    white = np.full_like(target, 255)
    painted = composed(white, target, shrink(target))
    assert np.abs(painted - target).mean() < 1.5


def test_a_place_left_alone_stays(target: np.ndarray) -> None:
    white = np.full_like(target, 255)
    painted = full_size_canvas(
        white, target, np.zeros(target.shape[:2], bool), shrink(white), shrink(white),
        shrink(target), 4,
    )  # fmt: skip
    assert np.array_equal(painted, white)


def test_an_underpainting_in_another_colour_is_kept(target: np.ndarray) -> None:
    white = np.full_like(target, 255)
    rendered = np.full((*SMALL, 3), (150.0, 60.0, 40.0), np.float32)
    painted = composed(white, target, rendered)
    assert np.abs(shrink(painted) - rendered).mean() < 12


def test_interpolation_and_residual_add_up() -> None:
    rng = np.random.default_rng(1)
    before, rendered, decoded_target = rng.uniform(0, 255, (3, 6, 8, 3)).astype(np.float32)
    inside = rng.random((6, 8)).astype(np.float32)
    alpha, residual = interpolation_weight_and_residual(before, rendered, decoded_target, inside)
    assert alpha.min() >= 0
    assert alpha.max() <= 1
    whole = before + alpha[..., None] * (decoded_target - before) + residual
    assert np.allclose(whole, rendered, atol=1e-3)


def test_where_no_way_is_left_the_region_decides() -> None:
    same = np.full((4, 4, 3), 90, np.float32)
    inside = np.zeros((4, 4), np.float32)
    inside[:2] = 1
    alpha, _ = interpolation_weight_and_residual(same, same, same, inside)
    assert np.allclose(alpha, inside)


def test_outside_the_region_every_pixel_stays(target: np.ndarray) -> None:
    mask = np.zeros(target.shape[:2], bool)
    mask[30:60, 20:100] = True
    white = np.full_like(target, 255)
    painted = keep_outside(white, target.astype(np.float32), mask, feather_px=4)
    assert (painted[~mask] == 255).all()
    assert np.array_equal(painted[40:50, 40:80], target[40:50, 40:80])
    edge = painted[30, 40:80].astype(int)
    between = (edge - target[30, 40:80]) / (255.0 - target[30, 40:80])
    assert 0.5 < between.mean() < 1, "paint fades in at the region's edge"


def test_a_region_at_the_canvas_border_has_no_soft_edge_there(target: np.ndarray) -> None:
    whole = np.ones(target.shape[:2], bool)
    white = np.full_like(target, 255)
    assert np.array_equal(keep_outside(white, target.astype(np.float32), whole, 6), target)
