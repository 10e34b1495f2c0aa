"""Upsampling of coarse maps along the edges of an image."""

from __future__ import annotations

import numpy as np

from inference.artist.guided_filter import guided_upsampling


def two_halves(boundary_px: int) -> np.ndarray:
    guide = np.full((64, 64, 3), (60, 90, 160), np.uint8)
    guide[:, boundary_px:] = (190, 150, 60)
    return guide


def test_boundary_moves_to_the_picture_edge() -> None:
    coarse = np.zeros((8, 8), np.float32)
    coarse[:, 4:] = 1  # at 32 px, in cells of 8 px; the picture's edge is at 36 px
    spread = guided_upsampling(coarse, two_halves(36), radius_px=12)
    assert spread.shape == (64, 64)
    boundary_px = np.argmax(spread[:, 12:52] > 0.5, axis=1) + 12
    assert np.abs(boundary_px - 36).max() <= 1
    assert (spread[:, 38:] > 0.5).all()


def test_flat_picture_leaves_the_map_smooth() -> None:
    coarse = np.zeros((8, 8), np.float32)
    coarse[:, 4:] = 1
    spread = guided_upsampling(coarse, np.full((64, 64, 3), 128, np.uint8), radius_px=4)
    assert np.abs(np.diff(spread, axis=1)).max() < 0.2
    assert spread[:, :8].max() < 0.05
    assert spread[:, -8:].min() > 0.95


def test_constant_map_stays_constant() -> None:
    rng = np.random.default_rng(0)
    guide = rng.integers(0, 256, (40, 56, 3), dtype=np.uint8)
    spread = guided_upsampling(np.full((5, 7), 0.7, np.float32), guide, radius_px=6)
    assert np.allclose(spread, 0.7, atol=1e-3)
