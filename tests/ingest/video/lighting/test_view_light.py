"""Views with lights of their own are brought to the light of the first view."""

import numpy as np

from ingest.video.lighting.view_light import view_gains


def _footage() -> tuple[np.ndarray, list[int]]:
    """Three views of four frames, the middle one in warmer light, paint growing all the while."""
    rng = np.random.default_rng(2)
    canvas = np.clip(rng.normal(170, 12, (60, 80, 3)), 0, 255)
    frames = []
    for n in range(12):
        canvas[10:20, 5 + 4 * n : 9 + 4 * n] = (60, 110, 80)
        light = np.array([1.2, 1.05, 0.85]) if 4 <= n < 8 else np.ones(3)
        frames.append(np.clip(canvas * light, 0, 255).astype(np.uint8))
    return np.stack(frames), [n // 4 for n in range(12)]


def test_views_are_brought_to_the_light_of_the_first() -> None:
    frames, views = _footage()
    found = view_gains(frames, np.ones(frames.shape[:3], bool), views)
    assert np.abs(found[:4] - 1).max() < 0.01
    assert np.abs(found[4:8] * [1.2, 1.05, 0.85] - 1).max() < 0.03
    assert np.abs(found[8:] - 1).max() < 0.03


def test_a_single_view_keeps_its_light() -> None:
    frames, _ = _footage()
    found = view_gains(frames, np.ones(frames.shape[:3], bool), [0] * len(frames))
    assert np.abs(found - 1).max() < 0.02
