"""Builds the artists that paint a picture in strokes, region by region in an order that is learned
or made by hand; and the fade-in."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

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
from training.backbone.backbone import has_backbone, picture_features
from training.order.network import SEEN_SIDE_PX, PlacePrediction, load_order

USUAL_INTERVAL_S = 20.0
"""Interval for which `StrokesConfig.num_steps` counts."""
HEIGHT_WEIGHT = 0.25
"""How much a region's mean height in the picture (0 top, 1 bottom) counts beside its subject score:
painters begin with what is far away, and that is higher up. By eye it puts sky before water and the
wall before the table in 7 of 20 old masters, and spoils none."""
ORDER_FOLDER = Path(__file__).parents[3] / "weights" / "order"
"""Folder of the order network, in the repository."""
LEAST_SURE, LEAST_LIKELY = 0.75, 0.3
"""Mean probability that a region's word must have: to be its instruction, and to be found when a
person asks for it."""
NEAR_TIE = 0.1
"""Regions whose subject scores are closer than this may change places with the seed."""


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
) -> Artist:
    """The artist of that name for one picture.

    Args:
        picture: RGB uint8 (H, W, 3).
        interval_s: seconds of a step.
        seed: decides strokes, habit and what the order leaves open.
        canvas: RGB uint8 (H, W, 3) to go on from; None for a blank one.
        say: words of the things that are painted first, in this order.

    Raises:
        UserError: nothing in the picture looks like one of the words.
    """
    ground = config.ground_rgb()
    if name == "fade-in":
        first = np.broadcast_to(ground, picture.shape) if canvas is None else canvas
        return FadeArtist(first, wanted_num_steps(config, interval_s))
    plan = _plan(name, picture, seed).with_first(say)
    wanted = wanted_num_steps(config, interval_s)
    total_s = fitted_num_steps(plan, seed, wanted) * interval_s
    medium = medium_named(config.medium)
    return StrokeArtist(picture, plan, medium, total_s, seed, ground, config.underdrawing, canvas)


def wanted_num_steps(config: StrokesConfig, interval_s: float | None) -> int:
    """Steps of a painting at that interval; None for the usual one."""
    return max(1, round(config.num_steps * USUAL_INTERVAL_S / (interval_s or USUAL_INTERVAL_S)))


def _plan(name: OrderName, picture: np.ndarray, seed: int) -> PaintingPlan:
    rng = np.random.default_rng([seed, 41])
    habit: Habit = "block-in first" if rng.random() < 0.5 else "thing by thing"
    if name == "coarse-to-fine" or not has_backbone():
        whole = np.zeros(picture.shape[:2], np.uint8)
        return make_plan(Regions(whole, np.zeros(1, np.float32)), [0], "block-in first")
    features = picture_features(picture)
    if name == "learned":
        predictor = load_order(ORDER_FOLDER)
        prediction = predictor.predict(picture, picture_features(picture, SEEN_SIDE_PX))
        prediction = _on_grid(prediction, features.tokens.shape[:2])
        regions = cut_regions(picture, features, prediction)
        scores = _region_means(regions, prediction.time)
        scores = scores + rng.uniform(0, NEAR_TIE, regions.count)
        means = np.stack(
            [_region_means(regions, plane) for plane in np.moveaxis(prediction.words, 2, 0)]
        )
        words, guesses = (
            _region_words(means, predictor.vocabulary, least)
            for least in (LEAST_SURE, LEAST_LIKELY)
        )
        return make_plan(regions, _sorted(scores), habit, words, guesses)
    regions = cut_regions(picture, features)
    if name == "random-regions":
        return make_plan(regions, [int(n) for n in rng.permutation(regions.count)], habit)
    scores = regions.subject + HEIGHT_WEIGHT * _heights(regions)
    return make_plan(regions, _sorted(scores + rng.uniform(0, NEAR_TIE, regions.count)), habit)


def _sorted(scores: np.ndarray) -> list[int]:
    return [int(n) for n in np.argsort(scores, kind="stable")]


def _on_grid(prediction: PlacePrediction, grid: tuple[int, ...]) -> PlacePrediction:
    """A prediction on another grid of places, by interpolation."""
    size = (grid[1], grid[0])
    planes = [cv2.resize(plane, size) for plane in np.moveaxis(prediction.words, 2, 0)]
    return PlacePrediction(cv2.resize(prediction.time, size), np.dstack(planes))


def _region_means(regions: Regions, places: np.ndarray) -> np.ndarray:
    """Mean of a value of places, float (rows, columns), over the pixels of each region."""
    height, width = regions.labels.shape
    values = cv2.resize(places, (width, height), interpolation=cv2.INTER_LINEAR)
    return np.array([values[regions.mask(n)].mean() for n in range(regions.count)])


def _region_words(means: np.ndarray, vocabulary: tuple[str, ...], least: float) -> tuple[str, ...]:
    """The likeliest word of each region, or "shapes" where its probability is below `least`.

    Args:
        means: float (words, regions), mean probability of each word over each region.
    """
    best = means.argmax(axis=0)
    return tuple(
        vocabulary[word] if means[word, n] >= least else UNNAMED for n, word in enumerate(best)
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
