"""The colour distance of canvases, blank canvases, and reveals as opposed to paintings."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.imaging.colour_distance import change, change_map, detail, is_blank, pyramid
from ingest.video.keyframes.reveal_detection import RevealConfig, is_reveal, straight_share


def picture(seed: int = 0) -> np.ndarray:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (30, 40, 3), dtype=np.uint8)
    return cv2.resize(coarse, (160, 120), interpolation=cv2.INTER_NEAREST)


def test_change_is_zero_for_equal_and_noisy_and_grows_with_area() -> None:
    blank = np.full((120, 160, 3), 200, np.uint8)
    rng = np.random.default_rng(0)
    noisy = np.clip(blank + rng.normal(0, 3, blank.shape), 0, 255).astype(np.uint8)
    assert change(pyramid(blank), pyramid(blank)) == 0
    assert change(pyramid(blank), pyramid(noisy)) < 0.002
    shares = []
    for width in (10, 40, 160):
        other = blank.copy()
        other[:, :width] = (40, 80, 160)
        shares.append(change(pyramid(blank), pyramid(other)))
    assert shares == sorted(shares)
    assert shares[1] == pytest.approx(0.25, abs=0.03)
    assert shares[2] == pytest.approx(1.0, abs=0.01)
    maps = change_map(pyramid(blank), pyramid(picture()))
    assert maps.min() >= 0
    assert maps.max() <= 1


def test_fine_lines_count() -> None:
    blank = np.full((120, 160, 3), 230, np.uint8)
    drawn = blank.copy()
    cv2.circle(drawn, (80, 60), 40, (90, 90, 90), 1, cv2.LINE_AA)
    assert change(pyramid(blank), pyramid(drawn)) > 0.008


def test_blank_canvases() -> None:
    slope = np.linspace(215, 235, 160)[None, :, None] * np.ones((120, 1, 3))
    assert is_blank(slope.astype(np.uint8))
    drawn = slope.astype(np.uint8)
    cv2.line(drawn, (20, 20), (140, 100), (60, 60, 60), 3)
    assert not is_blank(drawn)
    assert not is_blank(picture())
    assert detail(picture()) > 0.3


def test_a_moving_mask_is_a_reveal() -> None:
    finished, states = picture(), []
    for width in range(0, 161, 20):
        state = np.full_like(finished, 250)
        state[:, :width] = finished[:, :width]
        states.append(state)
    assert straight_share(np.stack(states))[0] > 0.95
    assert is_reveal(np.stack(states), RevealConfig())


def test_layers_are_a_painting() -> None:
    finished, states = picture(), []
    washes = cv2.GaussianBlur(finished, (0, 0), 12)
    for width in range(0, 161, 20):
        state = np.full_like(finished, 250)
        state[:, :width] = washes[:, :width]
        states.append(state)
    for height in range(20, 121, 20):
        state = washes.copy()
        state[:height] = finished[:height]
        states.append(state)
    assert not is_reveal(np.stack(states), RevealConfig())
