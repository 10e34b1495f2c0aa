"""How much of a painting is done already."""

from __future__ import annotations

import cv2
import numpy as np
import pytest

from ingest.video.keyframes.painted_share import finished_share


@pytest.fixture
def painting() -> np.ndarray:
    """A picture with structure everywhere, RGB uint8 (192, 240, 3)."""
    noise = np.random.default_rng(0).uniform(0, 255, (24, 30, 3)).astype(np.float32)
    return cv2.resize(noise, (240, 192), interpolation=cv2.INTER_CUBIC).clip(0, 255).astype("uint8")


def test_blank_wash_half_and_whole(painting: np.ndarray) -> None:
    blank = np.full_like(painting, 250)
    wash = cv2.GaussianBlur(painting, (0, 0), 40)
    half = blank.copy()
    half[:96] = painting[:96]
    shares = [finished_share(canvas, painting) for canvas in (blank, wash, half, painting)]
    assert shares == pytest.approx([0, 0, 0.5, 1], abs=0.06)


def test_a_sketch_is_little(painting: np.ndarray) -> None:
    edges = cv2.Canny(painting, 60, 120)
    sketch = np.where(edges[..., None] > 0, 60, 250).astype("uint8").repeat(3, axis=2)
    assert finished_share(sketch, painting) < 0.2


def test_a_shift_of_a_pixel_and_other_light_change_little(painting: np.ndarray) -> None:
    moved = np.roll(painting, 1, axis=1)
    darker = (painting * 0.9).astype("uint8")
    assert finished_share(moved, painting) > 0.8
    assert finished_share(darker, painting) > 0.8


def test_a_picture_without_detail_counts_as_not_begun() -> None:
    grey = np.full((64, 80, 3), 128, np.uint8)
    assert finished_share(grey, grey) == 0
