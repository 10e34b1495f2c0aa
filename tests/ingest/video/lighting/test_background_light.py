"""The light is estimated from the background of the canvas, not from the paint."""

import cv2
import numpy as np

from ingest.video.lighting.background_light import background_gains
from tests.ingest.video.placement.test_place import FACE, SIZE, filmed


def test_light_is_estimated_from_the_table_not_from_the_paint() -> None:
    light = np.linspace(0.85, 1.1, 30)[:, None] * np.array([1.0, 0.98, 1.03])
    frames = []
    for number, gain in enumerate(light):
        image = filmed((240 - 6 * number, 235, 240 - 5 * number)).astype(np.float32)
        frames.append(np.clip(image * gain, 0, 255).astype(np.uint8))
    found = background_gains(frames, [np.eye(3)] * 30, [FACE], SIZE, 0.5)
    assert found is not None
    evened = found * light
    assert np.abs(evened / evened.mean(axis=0) - 1).max() < 0.02


def test_without_background_no_light_is_estimated() -> None:
    frame = filmed((90, 90, 90))
    whole = np.array([[0, 0], [320, 0], [320, 240], [0, 240]], np.float64)
    assert background_gains([frame] * 20, [np.eye(3)] * 20, [whole], SIZE, 0.5) is None


def test_an_inconsistent_background_gives_no_light() -> None:
    rng = np.random.default_rng(5)
    coarse = [rng.integers(30, 240, (15, 20, 3), np.uint8) for _ in range(20)]
    frames = [cv2.resize(picture, SIZE) for picture in coarse]
    assert background_gains(frames, [np.eye(3)] * 20, [FACE], SIZE, 0.5) is None
