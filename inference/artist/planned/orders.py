"""Builds the artists that paint a picture in strokes, region by region in an order that is learned
or made by hand; and the fade-in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import cast, get_args

import cv2
import numpy as np

from inference.artist.planned.plan import UNNAMED, Habit, PaintingPlan, make_plan
from inference.artist.planned.regions import Regions, cut_regions
from inference.artist.planned.schedule import fitted_num_steps
from inference.artist.planned.settings import OrderName, StrokesConfig
from inference.artist.planned.stroke_artist import StrokeArtist
from inference.rollout.steps import Artist, Instruction
from inference.strokes.medium import medium_named
from ingest.conventions.errors import UserError
from training.backbone.backbone import PictureFeatures, has_backbone, picture_features
from training.order.network import (
    SEEN_SIDE_PX,
    SETTINGS_FILE,
    OrderPredictor,
    PlacePrediction,
    load_order,
)

USUAL_INTERVAL_S = 20.0
"""Interval for which `StrokesConfig.num_steps` counts."""
HEIGHT_WEIGHT = 0.25
"""How much a region's mean height in the picture (0 top, 1 bottom) counts beside its subject score:
painters begin with what is far away, and that is higher up. By eye it puts sky before water and the
wall before the table in 7 of 20 old masters, and spoils none."""
ORDER_FOLDER = Path(__file__).parents[3] / "weights" / "order"
"""Folder of the order network, in the repository."""
LEAST_SURE = 0.75
"""Mean probability that a region's word must have to be its instruction."""
NEAR_TIE = 0.1
"""Regions whose subject scores are closer than this may change places with the seed."""


def find_order(painter: str) -> tuple[OrderName, Path] | None:
    """The order that a painter's name stands for, and the folder of its order network.

    A folder that `python -m training.order` wrote is a learned order. Other folders come before
    orders of that name. None: the painter has networks of its own.
    """
    folder = Path(painter)
    if (folder / SETTINGS_FILE).is_file():
        return "learned", folder
    if painter in get_args(OrderName) and not folder.is_dir():
        return cast(OrderName, painter), ORDER_FOLDER
    return None


class FadeArtist(Artist):
    """The picture appears everywhere at once: the simplest rival."""

    def __init__(self, first_canvas: np.ndarray, num_steps: int) -> None:
        self._first, self._num_steps = first_canvas.astype(np.float32), num_steps

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return Instruction(UNNAMED, None)

    def places_word(self, word: str) -> bool:
        if word != UNNAMED:
            raise UserError(f"the order fade-in knows no words, got {word!r}: take learned")
        return True

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        return np.ones(target.shape[:2], np.float32)

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        share = min(1.0, (index + 1) / self._num_steps)
        mixed = self._first + share * (target - self._first)
        return np.where(mask[..., None], np.rint(mixed), canvas).astype(np.uint8)


def order_artist(
    name: OrderName,
    picture: np.ndarray,
    config: StrokesConfig,
    interval_s: float,
    seed: int,
    canvas: np.ndarray | None = None,
    say: Sequence[str] = (),
    network: Path = ORDER_FOLDER,
) -> Artist:
    """The artist of that name for one picture.

    Args:
        picture: RGB uint8 (H, W, 3).
        interval_s: seconds of a step.
        seed: decides strokes, habit and what the order leaves open.
        canvas: RGB uint8 (H, W, 3) to go on from; None for a blank one.
        say: words of the things that are painted first, in this order.
        network: folder of the order network, for `learned`.

    Raises:
        UserError: nothing in the picture looks like one of the words.
    """
    ground = config.ground_rgb()
    if name == "fade-in":
        first = np.broadcast_to(ground, picture.shape) if canvas is None else canvas
        return FadeArtist(first, wanted_num_steps(config, interval_s))
    habit = _habit(name, config, seed)
    plan = order_plan(name, picture, seed, habit, network).with_first(say)
    wanted = wanted_num_steps(config, interval_s)
    total_s = fitted_num_steps(plan, seed, wanted) * interval_s
    medium = medium_named(config.medium)
    return StrokeArtist(picture, plan, medium, total_s, seed, ground, config.underdrawing, canvas)


def wanted_num_steps(config: StrokesConfig, interval_s: float | None) -> int:
    """Steps of a painting at that interval; None for the usual one."""
    return max(1, round(config.num_steps * USUAL_INTERVAL_S / (interval_s or USUAL_INTERVAL_S)))


def order_plan(
    name: OrderName,
    picture: np.ndarray,
    seed: int,
    habit: Habit = "block-in first",
    network: Path = ORDER_FOLDER,
) -> PaintingPlan:
    """The regions of a picture, RGB uint8 (H, W, 3), and when each is painted; without the backbone
    the whole picture is one."""
    rng = np.random.default_rng([seed, 43])
    if name == "coarse-to-fine" or not has_backbone():
        whole = np.zeros(picture.shape[:2], np.uint8)
        return make_plan(Regions(whole, np.zeros(1, np.float32)), [0], "block-in first")
    features = picture_features(picture)
    if name == "learned":
        return _learned_plan(load_order(network), picture, features, habit, rng)
    regions = cut_regions(picture, features)
    if name == "random-regions":
        return make_plan(regions, [int(n) for n in rng.permutation(regions.count)], habit)
    scores = regions.subject + HEIGHT_WEIGHT * _heights(regions)
    return make_plan(regions, _sorted(scores + rng.uniform(0, NEAR_TIE, regions.count)), habit)


def _learned_plan(
    predictor: OrderPredictor,
    picture: np.ndarray,
    features: PictureFeatures,
    habit: Habit,
    rng: np.random.Generator,
) -> PaintingPlan:
    """The plan by the times and words that the order network predicts."""
    prediction = predictor.predict(picture, picture_features(picture, SEEN_SIDE_PX))
    prediction = _on_grid(prediction, features.tokens.shape[:2])
    regions = cut_regions(picture, features, prediction)
    shift = rng.uniform(0, NEAR_TIE, regions.count)
    first, last = (
        _region_means(regions, times) + shift for times in (prediction.first, prediction.last)
    )
    means = np.stack(
        [_region_means(regions, plane) for plane in np.moveaxis(prediction.words, 2, 0)]
    )
    words = _region_words(means, predictor.vocabulary)
    likeness = dict(zip(predictor.vocabulary, map(tuple, means.tolist()), strict=True))
    spans = list(zip(first.tolist(), last.tolist(), strict=True)) if habit == "learned" else []
    return make_plan(regions, _sorted(last), habit, words, likeness, spans)


def _habit(name: OrderName, config: StrokesConfig, seed: int) -> Habit:
    """The habit that the settings ask for; auto is decided by the seed.

    Raises:
        UserError: the order knows no learned times.
    """
    if config.habit == "auto":
        drawn = np.random.default_rng([seed, 41]).random()
        return "block-in first" if drawn < 0.5 else "thing by thing"
    if config.habit == "learned" and name != "learned":
        raise UserError(
            f"inference.strokes.habit learned needs the order learned, got {name}: choose block-in "
            "first or thing by thing"
        )
    return config.habit


def _sorted(scores: np.ndarray) -> list[int]:
    return [int(n) for n in np.argsort(scores, kind="stable")]


def _on_grid(prediction: PlacePrediction, grid: tuple[int, ...]) -> PlacePrediction:
    """A prediction on another grid of places, by interpolation."""
    size = (grid[1], grid[0])
    planes = [cv2.resize(plane, size) for plane in np.moveaxis(prediction.words, 2, 0)]
    first, last = cv2.resize(prediction.first, size), cv2.resize(prediction.last, size)
    return PlacePrediction(first, last, np.dstack(planes))


def _region_means(regions: Regions, places: np.ndarray) -> np.ndarray:
    """Mean of a value of places, float (rows, columns), over the pixels of each region."""
    height, width = regions.labels.shape
    values = cv2.resize(places, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.array([values[regions.mask(n)].mean() for n in range(regions.count)])


def _region_words(means: np.ndarray, vocabulary: tuple[str, ...]) -> tuple[str, ...]:
    """The likeliest word of each region, or "shapes" where none is likely.

    Args:
        means: float (words, regions), mean probability of each word over each region.
    """
    best = means.argmax(axis=0)
    return tuple(
        vocabulary[word] if means[word, n] >= LEAST_SURE else UNNAMED for n, word in enumerate(best)
    )


def _heights(regions: Regions) -> np.ndarray:
    """Mean height of each region, float (regions,): 0 at the top, 1 at the bottom."""
    rows = (np.arange(regions.labels.shape[0]) + 0.5) / regions.labels.shape[0]
    return np.array(
        [
            (regions.mask(n).mean(axis=1) @ rows) / regions.mask(n).mean(axis=1).sum()
            for n in range(regions.count)
        ]
    )
