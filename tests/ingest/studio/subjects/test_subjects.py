"""Portraits, still lifes, and corrections of a painting."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from ingest.format.vocabulary import VOCABULARY
from ingest.studio.painting.formats import Subject
from ingest.studio.painting.planner import plan_painting
from ingest.studio.painting.playback import paint_picture
from ingest.studio.scene.compose_scene import compose_scene
from ingest.studio.subjects.sitter import make_sitter
from ingest.studio.subjects.still_life import make_still_life


@pytest.mark.parametrize("subject", ["portrait", "still_life"])
@pytest.mark.parametrize(("seed", "aspect"), [(1, 1.25), (2, 0.75)])
def test_steps_have_words_and_fill_the_canvas(subject: Subject, seed: int, aspect: float) -> None:
    words = [step.word for step in plan_painting(seed, aspect, subject).steps]
    assert set(words) <= set(VOCABULARY)
    assert words[0] in ("sketch", "background")
    assert words[-1] == "details"
    needed = {
        "portrait": {"figure", "face", "eye", "mouth"},
        "still_life": {"table", "vase", "fruit"},
    }
    assert needed[subject] <= set(words)
    picture = paint_picture(seed, (round(90 * aspect), 90), subject)
    assert picture.std() > 20


def test_some_portraits_show_a_painted_hand_and_some_none() -> None:
    hands = {make_sitter(seed, compose_scene(seed, 0.8)).hand for seed in range(30)}
    assert hands == {"none", "chest", "chin"}
    seed = next(s for s in range(30) if make_sitter(s, compose_scene(s, 0.8)).hand == "chin")
    words = [step.word for step in plan_painting(seed, 0.8, "portrait").steps]
    assert words.index("hand") > words.index("face")


def test_everything_of_a_still_life_stands_on_the_table() -> None:
    for seed in range(30):
        still = make_still_life(seed, compose_scene(seed, 1.25))
        assert all(v.y > still.edge for v in still.vessels)
        assert all(f.y > still.edge for f in still.fruits)
        assert {v.kind for v in still.vessels} & {"vase", "jug"}


@pytest.mark.parametrize("seed", [2, 5])
def test_corrections_add_steps_and_the_rest_stays(seed: int) -> None:
    uncorrected, repainted = plan_painting(seed, 1.25), plan_painting(seed, 1.25, "landscape", 2)
    words = [step.word for step in uncorrected.steps]
    more = [step.word for step in repainted.steps]
    assert len(words) + 2 <= len(more) <= len(words) + 4
    remaining = iter(more)
    assert all(word in remaining for word in words)


def test_repainted_parts_are_really_painted_over() -> None:
    plan = plan_painting(1, 1.25, "landscape", 2)
    canvas = plan.canvas(100, 80)
    states = [canvas.picture().astype(int)]
    for step in plan.steps:
        for stroke in step.strokes:
            canvas.apply(stroke)
        states.append(canvas.picture().astype(int))
    changes = [np.abs(b - a).max(axis=2).mean() for a, b in pairwise(states)]
    assert min(changes) > 0
