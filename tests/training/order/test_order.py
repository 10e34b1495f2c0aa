"""The order network: labels of a process, the network and its folder, and what is measured."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from ingest.conventions.errors import UserError
from ingest.format.schema import CanvasRef, Provenance, Sample
from ingest.studio.painting.planner import plan_painting
from training.backbone.backbone import PictureFeatures
from training.order.__main__ import VOCABULARY, example_loss, measured, train
from training.order.examples import Example, collect_processes, recoloured
from training.order.labels import NO_WORD, PASSING_WORDS, PlaceLabels, place_labels
from training.order.measure import order_agreement, word_accuracy
from training.order.network import OrderNetwork, OrderPredictor, load_order, place_channels

WORDS = ("sky", "hill", "tree")


def _mask(rows: slice, columns: slice = slice(None)) -> np.ndarray:
    mask = np.zeros((40, 60), bool)
    mask[rows, columns] = True
    return mask


def _features(seed: int = 0) -> PictureFeatures:
    tokens = np.random.default_rng(seed).normal(size=(4, 6, 768)).astype(np.float32)
    return PictureFeatures(tokens / 28, np.zeros((32, 48), np.float32))


def _sample(video: str, number: int) -> Sample:
    """Step `number` of three, painting a quarter more of the canvas each time."""
    image = np.full((40, 60, 3), ord(video), np.uint8)
    reference = CanvasRef(time_s=0, sha256=video)
    return Sample(
        key=f"{video}{number}", current=image, next=image, target=image, interval_s=20,
        instruction=WORDS[(0, 1, 2)[number]], mask=_mask(slice(0, 10 * (number + 1))),
        difference=_mask(slice(0, 40)),
        provenance=Provenance(
            video_id=video, painting_id=video, uri=video, current=reference, target=reference,
            next=CanvasRef(time_s=20.0 * (number + 1), sha256=f"{video}{number}"),
            labeler="rule-2", machine_instruction="", region_rule="test", ingest_version="0",
            config_hash="0",
        ),
    )  # fmt: skip


def _mean_time(network: OrderNetwork, places: np.ndarray) -> float:
    with torch.inference_mode():
        return float(network(torch.from_numpy(places).float()[None])[0].mean())


def test_a_place_has_the_time_and_word_of_its_last_visit() -> None:
    steps = [
        ("sky", _mask(slice(0, 20))),
        ("hill", _mask(slice(20, 40))),
        ("tree", _mask(slice(10, 40), slice(0, 20))),
        ("details", _mask(slice(0, 40))),
    ]
    labels = place_labels(steps, WORDS, (4, 6))
    assert labels is not None
    assert labels.word[0].tolist() == [0] * 6
    assert labels.word[3].tolist() == [2, 2, 1, 1, 1, 1]
    assert labels.last[0, 5] < labels.last[3, 5] < labels.last[3, 0]


def test_a_place_that_is_visited_twice_has_both_times() -> None:
    whole, low = _mask(slice(0, 40)), _mask(slice(20, 40))
    labels = place_labels([("sky", whole), ("hill", low), ("tree", low)], WORDS, (4, 6))
    assert labels is not None
    assert (labels.first == 0.25).all()
    assert labels.last[0, 0] == 0.25
    assert labels.last[3, 0] == 0.875


def test_times_are_shares_of_the_work_that_was_done_before() -> None:
    steps = [("sky", _mask(slice(0, 10))), ("hill", _mask(slice(10, 40)))]
    labels = place_labels(steps, WORDS, (4, 6))
    assert labels is not None
    assert labels.last[0, 0] == pytest.approx(0.125)
    assert labels.last[3, 0] == pytest.approx(0.625)


def test_processes_are_put_together_from_shuffled_samples() -> None:
    samples = [_sample(video, number) for number in (2, 0, 1) for video in ("b", "a")]
    processes = collect_processes(samples)
    assert [p.target[0, 0, 0] for p in processes] == [ord("a"), ord("b")]
    steps = list(processes[0].steps())
    assert [word for word, _ in steps] == ["sky", "hill", "tree"]
    assert [mask.mean() for _, mask in steps] == pytest.approx([0.25, 0.5, 0.75])


def test_fine_tuning_goes_on_from_the_network_that_it_is_given() -> None:
    late = np.full((4, 6), 0.9, np.float32)
    labels = PlaceLabels(late, late, np.zeros((4, 6), np.int64))
    picture = np.full((56, 84, 3), 120, np.uint8)
    places = place_channels(picture, _features().tokens).astype(np.float16)
    begun = train([Example(places, labels)], 60, 0, WORDS)
    told = _mean_time(begun, places)
    further = train([Example(places, labels)], 1, 0, WORDS, begun)
    assert told == pytest.approx(0.9, abs=0.1)
    assert _mean_time(further, places) == pytest.approx(told, abs=0.05)


def test_what_no_example_can_tell_is_left_out() -> None:
    early = np.zeros((4, 6), np.float32)
    labels = PlaceLabels(early, early, np.full((4, 6), NO_WORD))
    picture = np.full((56, 84, 3), 120, np.uint8)
    example = Example(place_channels(picture, _features().tokens).astype(np.float16), labels)
    assert measured(OrderPredictor(OrderNetwork(3).eval(), WORDS), [example]) == {}


def test_words_outside_of_the_vocabulary_label_nothing() -> None:
    labels = place_labels([("dragon", _mask(slice(0, 40)))], WORDS, (4, 6))
    assert labels is not None
    assert (labels.word == NO_WORD).all()


def test_a_process_of_passing_words_only_has_no_labels() -> None:
    assert place_labels([("details", _mask(slice(0, 40)))], WORDS, (4, 6)) is None


def test_words_of_the_studio_are_in_the_vocabulary_or_pass() -> None:
    seen = {
        step.word
        for subject in ("landscape", "portrait", "still_life")
        for seed in range(6)
        for step in plan_painting(seed, 1.0, subject).steps
    }
    assert seen <= {*VOCABULARY, *PASSING_WORDS}


def test_a_network_learns_a_picture_that_it_sees_often() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[20:] = 255
    last = np.repeat([0.2, 0.2, 0.7, 0.7], 6).reshape(4, 6).astype(np.float32)
    labels = PlaceLabels(last / 2, last, np.repeat([0, 0, 1, 1], 6).reshape(4, 6))
    example = Example(place_channels(picture, _features().tokens).astype(np.float16), labels)
    network = train([example] * 8, epochs=8, seed=0)
    with torch.no_grad():
        assert float(example_loss(network, example, flipped=False)) < 0.8


def test_a_folder_gives_back_the_predictions(tmp_path: Path) -> None:
    torch.manual_seed(1)
    predictor = OrderPredictor(OrderNetwork(3), WORDS)
    predictor.save(tmp_path / "order", {"training": {}})
    picture, features = np.full((40, 60, 3), 90, np.uint8), _features()
    before = predictor.predict(picture, features)
    after = load_order(tmp_path / "order").predict(picture, features)
    assert after.last.shape == (4, 6)
    assert after.words.shape == (4, 6, 3)
    assert np.abs(after.last - before.last).max() < 0.01
    assert load_order(tmp_path / "order").vocabulary == WORDS


def test_a_damaged_folder_is_refused_by_name(tmp_path: Path) -> None:
    OrderPredictor(OrderNetwork(3), WORDS).save(tmp_path / "order", {})
    (tmp_path / "order" / "order.safetensors").write_bytes(b"no weights")
    with pytest.raises(UserError, match="order is damaged"):
        load_order(tmp_path / "order")


@pytest.mark.parametrize(
    ("time", "expected"),
    [([0.1, 0.5, 0.9], 1.0), ([0.9, 0.5, 0.1], -1.0), ([0.1, 0.9, 0.5], 1 / 3)],
)
def test_the_order_of_things_is_compared_by_pairs(time: list[float], expected: float) -> None:
    word = np.repeat([0, 1, 2], 6).reshape(3, 6)
    true = np.repeat([0.1, 0.5, 0.9], 6).reshape(3, 6).astype(np.float32)
    found = order_agreement(np.repeat(time, 6).reshape(3, 6), PlaceLabels(true, true, word))
    assert found is not None
    assert found[0] == pytest.approx(expected)


def test_places_without_a_known_word_are_not_counted() -> None:
    early = np.zeros((1, 3), np.float32)
    labels = PlaceLabels(early, early, np.array([[0, 1, NO_WORD]]))
    assert word_accuracy([np.array([[0, 0, 0]])], [labels]) == 0.5


def test_recoloured_pictures_keep_their_shapes() -> None:
    picture = np.zeros((40, 60, 3), np.uint8)
    picture[20:] = (200, 180, 90)
    changed = recoloured(picture, np.random.default_rng(0))
    assert changed.shape == picture.shape
    assert np.abs(changed[5].astype(int) - changed[35]).max() > 20
    assert np.abs(changed[5].astype(int) - changed[15]).max() == 0
