"""Plans, their steps, and the artists that paint them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inference.artist.planned import orders
from inference.artist.planned.orders import ORDER_FOLDER, find_order, order_artist
from inference.artist.planned.plan import PaintingPlan, make_plan
from inference.artist.planned.regions import Regions, cut_regions
from inference.artist.planned.schedule import Schedule, fitted_num_steps
from inference.artist.planned.settings import StrokesConfig
from inference.artist.planned.stroke_artist import DRAWING_WORD, StrokeArtist
from inference.rollout.steps import Artist
from ingest.conventions.errors import UserError
from training.backbone.backbone import PictureFeatures
from training.order.network import OrderNetwork, OrderPredictor, PlacePrediction


def _regions() -> Regions:
    labels = np.zeros((60, 80), np.uint8)
    labels[30:], labels[20:45, 30:50] = 1, 2
    return Regions(labels, np.array([0.1, 0.2, 0.9], np.float32))


def _plan(words: tuple[str, ...] = ()) -> PaintingPlan:
    return make_plan(_regions(), [0, 1, 2], "block-in first", words)


def _picture() -> np.ndarray:
    colours = np.array([(120, 160, 220), (110, 90, 40), (200, 30, 30)], np.uint8)
    return colours[_regions().labels]


def _paint(artist: Artist, picture: np.ndarray, interval_s: float = 20.0) -> list[np.ndarray]:
    """All canvases, up to the picture; checks that each step stays in its region."""
    canvases = [np.full_like(picture, StrokesConfig().ground_rgb())]
    while not np.array_equal(canvases[-1], picture):
        assert len(canvases) < 100, "the painting does not end"
        canvas, index = canvases[-1], len(canvases) - 1
        word = artist.instruct(canvas, picture).text
        nothing = np.zeros(picture.shape[:2], bool)
        mask = artist.locate(canvas, picture, nothing, word, interval_s) > 0.5
        canvases.append(artist.render(canvas, picture, mask, word, interval_s, index))
        assert np.array_equal(canvases[-1][~mask], canvas[~mask])
    return canvases


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 1000), st.floats(4, 60))
def test_the_steps_of_a_plan_bring_every_pixel_up_one_level_at_a_time(
    seed: int, num_steps: float
) -> None:
    plan = _plan()
    schedule, levels = Schedule(plan, seed), np.zeros((60, 80), np.uint8)
    for _ in range(400):
        if not schedule.pending_layers(levels):
            break
        step = schedule.next_step(levels, num_steps)
        assert step.mask.any()
        levels = levels + step.mask.astype(np.uint8)
    assert (levels == 4).all()


def test_a_learned_habit_finishes_each_region_within_its_own_times() -> None:
    spans = [(0.0, 0.9), (0.1, 0.2), (0.5, 0.6)]
    plan = make_plan(_regions(), [0, 1, 2], "learned", spans=spans)
    got = [(layer.region, layer.level) for layer in plan.layers]
    ground_and_house = [(n, level) for n in (1, 2) for level in (1, 2, 3, 4)]
    assert got[0] == (0, 1)
    assert [layer for layer in got if layer[0] > 0] == ground_and_house
    assert got.index((1, 4)) < got.index((0, 2)) < got.index((2, 1)) < got.index((0, 4))


def test_what_a_person_names_comes_first_with_a_learned_habit_too() -> None:
    spans = [(0.0, 0.9), (0.1, 0.2), (0.5, 0.6)]
    words = ("sky", "ground", "house")
    plan = make_plan(_regions(), [0, 1, 2], "learned", words, spans=spans).with_first(["house"])
    assert [layer.region for layer in plan.layers[:4]] == [2, 2, 2, 2]
    assert plan.order[0] == 2


def test_a_word_finds_what_is_called_so_or_else_what_looks_most_like_it() -> None:
    likeness = {
        "sky": (0.9, 0.1, 0.2),
        "tree": (0.0, 0.5, 0.6),
        "boat": (0.01, 0.08, 0.1),
        "sun": (0.02, 0.0, 0.0),
    }
    plan = make_plan(_regions(), [0, 1, 2], "block-in first", (), likeness)
    assert {word: plan.named(word) for word in (*likeness, "owl", "shapes")} == {
        "sky": [0],
        "tree": [1, 2],
        "boat": [1, 2],
        "sun": [],
        "owl": [],
        "shapes": [],
    }


def test_what_is_pending_is_known_for_any_number_of_regions() -> None:
    labels = np.arange(40, dtype=np.uint8).reshape(5, 8).repeat(4, axis=0).repeat(4, axis=1)
    plan = make_plan(Regions(labels, np.zeros(40, np.float32)), list(range(40)), "block-in first")
    levels = np.where(labels == 39, 0, 4).astype(np.uint8)
    pending = Schedule(plan, 0).pending_layers(levels)
    assert [(layer.region, layer.level) for layer in pending] == [(39, n) for n in (1, 2, 3, 4)]


def test_a_region_that_a_small_copy_loses_does_not_keep_the_plan_from_ending() -> None:
    labels = np.zeros((400, 400), np.uint8)
    labels[1, 1:300] = 1
    plan = make_plan(Regions(labels, np.zeros(2, np.float32)), [0, 1], "block-in first")
    assert 4 <= fitted_num_steps(plan, 0, 20) <= 20


@pytest.mark.parametrize("wanted", [12, 30, 60])
def test_a_plan_takes_about_as_many_steps_as_were_asked_for(wanted: int) -> None:
    schedule = Schedule(_plan(), 0)
    num_steps, levels, count = fitted_num_steps(_plan(), 0, wanted), np.zeros((60, 80), np.uint8), 0
    while schedule.pending_layers(levels):
        levels = levels + schedule.next_step(levels, num_steps).mask.astype(np.uint8)
        count += 1
    assert abs(count - wanted) <= max(2, wanted // 10)


def test_a_word_chooses_the_region_that_it_names() -> None:
    plan = _plan(("sky", "ground", "house"))
    step = Schedule(plan, 0).next_step(np.zeros((60, 80), np.uint8), 10, "house")
    assert (plan.regions.labels[step.mask] == 2).all()


def test_what_is_behind_is_painted_on_beneath_what_comes_later() -> None:
    step = Schedule(_plan(), 0).next_step(np.zeros((60, 80), np.uint8), 6)
    beneath = (step.hidden == 0) & ~step.run_out
    assert (beneath & (_regions().labels == 2)).any()


def test_an_order_that_leaves_out_a_region_is_refused() -> None:
    with pytest.raises(ValueError, match="3 regions"):
        make_plan(_regions(), [0, 1], "block-in first")


def test_regions_end_where_the_picture_ends_them() -> None:
    picture = _picture()
    tokens = np.zeros((10, 14, 768), np.float32)
    rows, columns = np.arange(10) * 6 + 3, np.arange(14) * 80 // 14 + 2
    labels = _regions().labels[rows][:, columns]
    for region in range(3):
        tokens[labels == region, region] = 1
    regions = cut_regions(picture, PictureFeatures(tokens, np.zeros((80, 112), np.float32)))
    parts = [_regions().labels[regions.mask(region)] for region in range(regions.count)]
    of_one_thing = sum(int(np.bincount(part).max()) for part in parts)
    assert of_one_thing / picture[..., 0].size > 0.97


@pytest.mark.parametrize("name", ["prototype", "coarse-to-fine", "random-regions", "fade-in"])
def test_every_order_arrives_at_the_picture_to_the_bit(name: str) -> None:
    picture = _picture()
    artist = order_artist(name, picture, StrokesConfig(num_steps=10), 20.0, seed=1)  # pyright: ignore[reportArgumentType]
    canvases = _paint(artist, picture)
    assert np.array_equal(canvases[-1], picture)


def test_the_underdrawing_comes_first_and_can_be_left_out() -> None:
    picture = _picture()
    words = []
    for underdrawing in (True, False):
        config = StrokesConfig(num_steps=8, underdrawing=underdrawing)
        artist = order_artist("coarse-to-fine", picture, config, 20.0, seed=1)
        words.append(artist.instruct(picture, picture).text)
    assert words[0] == DRAWING_WORD
    assert words[1] != DRAWING_WORD


def test_half_the_interval_gives_about_twice_as_many_steps() -> None:
    picture, config = _picture(), StrokesConfig(num_steps=14, underdrawing=False)
    counts = [
        len(_paint(order_artist("coarse-to-fine", picture, config, s, seed=1), picture, s)) - 1
        for s in (20.0, 10.0)
    ]
    assert 1.7 <= counts[1] / counts[0] <= 2.3


def test_a_restored_artist_paints_the_same_again() -> None:
    picture = _picture()
    artist = order_artist("coarse-to-fine", picture, StrokesConfig(num_steps=8), 20.0, seed=1)
    canvas, before = np.full_like(picture, 250), artist.snapshot()
    everything = np.ones(picture.shape[:2], bool)
    first = artist.render(canvas, picture, everything, "shapes", 20.0, 0)
    artist.restore(before)
    assert np.array_equal(artist.render(canvas, picture, everything, "shapes", 20.0, 0), first)


def test_a_painting_goes_on_from_a_half_finished_canvas() -> None:
    picture = _picture()
    canvas = np.full_like(picture, StrokesConfig().ground_rgb())
    canvas[:20] = picture[:20]
    artist = order_artist("coarse-to-fine", picture, StrokesConfig(), 20.0, 1, canvas)
    nothing = np.zeros(picture.shape[:2], bool)
    mask = artist.locate(canvas, picture, nothing, artist.instruct(canvas, picture).text, 20.0)
    assert not mask[:12].any()


def test_of_two_regions_alike_the_higher_one_is_painted_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    labels = np.zeros((60, 80), np.uint8)
    labels[:30] = 1
    alike = Regions(labels, np.array([0.4, 0.4], np.float32))
    monkeypatch.setattr(orders, "cut_regions", lambda *_: alike)
    monkeypatch.setattr(orders, "picture_features", lambda _: None)
    artist = order_artist("prototype", _picture(), StrokesConfig(), 20.0, seed=1)
    assert isinstance(artist, StrokeArtist)
    assert artist.plan.order == (1, 0)


def test_a_folder_of_an_order_network_is_a_learned_order(tmp_path: Path) -> None:
    OrderPredictor(OrderNetwork(3), ("sky", "ground", "house")).save(tmp_path / "order", {})
    assert find_order(str(tmp_path / "order")) == ("learned", tmp_path / "order")
    assert find_order("prototype") == ("prototype", ORDER_FOLDER)
    assert find_order(str(tmp_path)) is None


def test_only_the_learned_order_has_a_learned_habit() -> None:
    config = StrokesConfig(habit="learned")
    with pytest.raises(UserError, match="needs the order learned"):
        order_artist("coarse-to-fine", _picture(), config, 20.0, seed=1)


def test_the_learned_order_follows_the_predicted_times_and_words(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    class Predictor:
        vocabulary = ("sky", "ground", "house")

        def predict(self, picture: np.ndarray, features: PictureFeatures) -> PlacePrediction:
            labels = _regions().labels[3::6, 3::6].astype(np.int64)
            # The house, which is region 2, is painted first, then the ground, then the sky.
            last = (1 - labels / 2).astype(np.float32)
            return PlacePrediction(last / 2, last, np.eye(3)[labels])

    monkeypatch.setattr(orders, "load_order", lambda _: Predictor())
    picture = _picture()
    artist = order_artist("learned", picture, StrokesConfig(underdrawing=False), 20.0, seed=1)
    assert isinstance(artist, StrokeArtist)
    words = [artist.plan.words[region] for region in artist.plan.order]
    known = [word for word in words if word != "shapes"]
    assert known[0] == "house"
    assert known[-1] == "sky"
