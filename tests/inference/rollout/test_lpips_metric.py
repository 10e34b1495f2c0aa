"""`LpipsMetric`: distances at one size for pictures of any size."""

from __future__ import annotations

import numpy as np

from inference.rollout.lpips_metric import LpipsMetric


class Recorder:
    """Pixel distance that remembers the sizes it was given."""

    def __init__(self) -> None:
        self.shapes: list[tuple[int, ...]] = []

    def features(self, images: np.ndarray) -> list[np.ndarray]:
        self.shapes.append(images.shape)
        return list(images.astype(np.float32) / 255)

    def compare(self, first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
        return np.abs(np.stack(first) - np.stack(second)).mean(axis=3)

    def mean_distances(self, first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
        return self.compare(first, second).mean(axis=(1, 2))


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


def test_features_of_a_canvas_that_is_used_again_are_computed_once() -> None:
    recorder = Recorder()
    measure = LpipsMetric(recorder, side_px=32)
    target, canvas = np.zeros((40, 40, 3), np.uint8), np.full((40, 40, 3), 255, np.uint8)
    for _ in range(4):
        painted = canvas // 2
        measure.difference(canvas, target)
        measure.distance(canvas, painted)
        measure.distance(painted, target)
        canvas = painted
    assert len(recorder.shapes) == 1 + 1 + 4
