"""Plans of landscapes: order of steps, strokes, variety of scenes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.format.vocabulary import VOCABULARY
from ingest.studio.painting.planner import plan_painting
from ingest.studio.scene.compose_scene import compose_scene

SEEDS = (0, 3, 5, 11)


@pytest.mark.parametrize("seed", SEEDS)
def test_words_come_from_the_vocabulary_and_details_come_last(seed: int) -> None:
    words = [step.word for step in plan_painting(seed, 1.25).steps]
    assert set(words) <= set(VOCABULARY)
    assert words[-1] == "details"
    assert words[0] in ("sky", "background", "sketch")


@pytest.mark.parametrize("seed", SEEDS)
def test_painted_back_to_front(seed: int) -> None:
    words = [step.word for step in plan_painting(seed, 1.25).steps]
    order = ("sky", "mountain", "hill", "ground", "grass", "flower")
    first = [words.index(word) for word in order if word in words]
    assert first == sorted(first)
    if "reflection" in words:
        assert words.index("reflection") > words.index("water")


def test_same_seed_same_strokes() -> None:
    plan_painting.cache_clear()
    first = plan_painting(4, 1.25)
    plan_painting.cache_clear()
    second = plan_painting(4, 1.25)
    for a, b in zip(first.steps, second.steps, strict=True):
        assert a.word == b.word
        for s, t in zip(a.strokes, b.strokes, strict=True):
            assert np.array_equal(s.path, t.path)
            assert np.array_equal(s.colour, t.colour)
            assert s.texture == t.texture


def test_strokes_are_finite_colours_and_sizes() -> None:
    for seed in SEEDS:
        for step in plan_painting(seed, 1.25).steps:
            for stroke in step.strokes:
                assert np.isfinite(stroke.path).all()
                assert 0 < stroke.width < 0.5
                assert stroke.colour.min() >= 0
                assert stroke.colour.max() <= 255


def test_seeds_differ_in_what_they_show() -> None:
    scenes = [compose_scene(seed, 1.25) for seed in range(60)]
    assert {s.water for s in scenes} == {"none", "lake", "river", "sea"}
    assert {s.season for s in scenes} == {"spring", "summer", "autumn", "winter", "desert"}
    assert len({s.hour for s in scenes}) == 6
    assert 0.1 < np.mean([s.house is not None for s in scenes]) < 0.5
    assert {len(s.mountains) for s in scenes} >= {0, 1, 2}


@settings(max_examples=40, deadline=None)
@given(seed=st.integers(0, 10**6), aspect=st.floats(0.3, 3.5))
def test_compositions_fit_any_canvas(seed: int, aspect: float) -> None:
    scene = compose_scene(seed, aspect)
    assert scene.width / scene.height == pytest.approx(aspect, rel=1e-6)
    assert min(scene.width, scene.height) == pytest.approx(1)
    assert 0.4 * scene.height < scene.horizon < 0.7 * scene.height
    assert all(np.isfinite(peaks).all() for peaks, _ in scene.mountains)
    assert np.isfinite(scene.shore).all()
