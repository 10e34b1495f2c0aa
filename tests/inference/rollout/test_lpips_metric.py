"""`LpipsMetric`: distances at one size for pictures of any size."""

from __future__ import annotations

import numpy as np

from inference.rollout.lpips_metric import LpipsMetric


class Recorder:
    """Pixel distance that remembers the sizes it was given."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def maps(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        self.shapes.append(first.shape)
        return np.abs(first.astype(np.float32) - second).mean(axis=3) / 255

    def distances(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        return self.maps(first, second).mean(axis=(1, 2))


def test_canvases_are_measured_at_one_size() -> None:
    recorder = Recorder()
    measure = LpipsMetric(recorder, side_px=32)
    black, white = np.zeros((90, 120, 3), np.uint8), np.full((90, 120, 3), 255, np.uint8)
    assert measure.distance(black, white) == 1.0
    half = white.copy()
    half[:45] = 0
    difference = measure.difference(half, white)
    assert difference.shape == (90, 120)
    assert difference[:40].all()
    assert not difference[50:].any()
    assert set(recorder.shapes) == {(1, 32, 43, 3)}
