"""The built-in labeler: classifies a painted region by its colour, position, shape and texture.

It needs no network and no download. It serves demos, tests, and first labels that people correct;
it confuses objects of like colour and position, such as a lilac mountain and a lilac cloud. Each
word has one or two prototypes: Gaussians of the measures, fitted to the studio's landscapes by
`labeling.instructions.rule_fit` (``rule_prototypes.csv``). The label is the most likely word. Its
confidence is calibrated on other kinds of paintings (`labeling.instructions.rule_confidence`).
"""

from __future__ import annotations

import csv
import functools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import resources

import cv2
import numpy as np

from labeling.instructions.labeler import Answer, PairImages
from labeling.instructions.rule_confidence import calibrated, picture_distance

RULE_VERSION = 2
"""Raised when the same pairs get other answers: they are then asked again."""
PROTOTYPES_FILE = "rule_prototypes.csv"
"""Name of the file beside this one."""
WORKING_SIDE_PX = 160
"""Short side to which larger images are scaled down before they are measured."""
MIN_COLOUR_CHANGE = 5.0
"""CIELAB distance below which a pixel of the mask counts as changed illumination, not as paint."""
BLANK_CHROMA = 12.0
"""CIELAB chroma below which a light pixel counts as blank canvas."""
BLANK_LIGHTNESS = 62.0
"""CIELAB lightness above which a grey pixel counts as blank canvas."""
MAX_DEVIATIONS = 4.0
"""Bound of each measure's distance from a prototype, in standard deviations."""
TEMPERATURE = 2.0
"""Divides the scores before the softmax. The measures are correlated, so their sum overstates the
evidence."""
NO_CHANGE_ANSWER = Answer("details", 0.3)
"""The answer if no change is visible: finishing touches are often that small."""

MEASURES = (
    "top", "bottom", "center", "width", "height", "area", "fill", "light", "chroma", "green",
    "yellow", "texture", "scattered", "repainted",
)  # fmt: skip
"""Names of the measures of `measure_region`; columns of `rule_prototypes.csv`."""


@dataclass(frozen=True)
class Prototype:
    """How regions of one word look; a word may have several prototypes."""

    word: str
    frequency: float
    """Share of this prototype among all steps."""
    median: np.ndarray
    """Median of each of `MEASURES`, float64 (14,)."""
    deviation: np.ndarray
    """Standard deviation of each of `MEASURES`, float64 (14,), positive."""


class RuleLabeler:
    """Labels by the most likely prototype; a `labeling.instructions.labeler.Labeler`."""

    name, prompt, reads_mask = f"rule-{RULE_VERSION}", "", True

    def __init__(self, temperature: float = TEMPERATURE) -> None:
        self._prototypes = read_prototypes()
        self._temperature = temperature

    def __call__(self, pairs: Sequence[PairImages]) -> list[Answer]:
        """The most likely word of the vocabulary and its probability for each pair."""
        return [
            self.classify(measure_region(pair), picture_distance(pair.target)) for pair in pairs
        ]

    def load(self) -> None:
        """Does nothing."""

    def prepare(self, pairs: Sequence[PairImages]) -> Sequence[PairImages]:
        """Returns the pairs unchanged."""
        return pairs

    def answer(self, prepared: Sequence[PairImages]) -> list[Answer]:
        """The answer to each pair."""
        return self(prepared)

    def classify(self, measures: dict[str, float] | None, picture: float) -> Answer:
        """The most likely word for the result of `measure_region`.

        Args:
            picture: `picture_distance` of the finished painting.
        """
        if measures is None:
            return NO_CHANGE_ANSWER
        word, share, distance = self.likeliest(measures)
        return Answer(word, calibrated(share, distance, picture))

    def likeliest(self, measures: dict[str, float]) -> tuple[str, float, float]:
        """The most likely word, its share among all words, and the mean squared distance of the
        measures from its nearest prototype."""
        values = np.array([measures[name] for name in MEASURES])
        scores = np.array([_score(p, values) for p in self._prototypes]) / self._temperature
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        by_word: dict[str, float] = {}
        for prototype, share in zip(self._prototypes, shares.tolist(), strict=True):
            by_word[prototype.word] = by_word.get(prototype.word, 0.0) + share
        best = max(by_word, key=lambda word: by_word[word])
        distance = min(_distances(p, values).mean() for p in self._prototypes if p.word == best)
        return best, by_word[best], float(distance)


@functools.cache
def read_prototypes() -> tuple[Prototype, ...]:
    """The prototypes that ship with the package."""
    text = (
        resources.files("labeling.instructions")
        .joinpath(PROTOTYPES_FILE)
        .read_text(encoding="utf-8")
    )
    return tuple(
        Prototype(
            word=row["word"],
            frequency=float(row["frequency"]),
            median=np.array([float(row[name]) for name in MEASURES]),
            deviation=np.array([float(row[f"{name}_deviation"]) for name in MEASURES]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def measure_region(pair: PairImages) -> dict[str, float] | None:
    """Measure the painted region of a pair.

    Positions and sizes are shares of the canvas, y from the top: ``top`` and ``bottom`` (5th and
    95th percentile), ``center`` (mean), ``width`` and ``height`` (5th to 95th percentile) and
    ``area``. ``fill`` is the share of its bounding box. Mean colour on the next canvas: ``light``
    and ``chroma`` in [0, 1], ``green`` and ``yellow`` in [-1, 1]. ``texture`` is the contrast of
    fine structure, ``scattered`` the share outside the largest connected component, ``repainted``
    the share that was not blank before.

    Returns:
        Each of `MEASURES` by name; None if no paint is visible.
    """
    current, following, painted = _painted_region(pair)
    if not painted.any():
        return None
    height, width = painted.shape
    y, x = np.nonzero(painted)
    top, bottom = np.percentile(y, [5, 95]) / height
    left, right = np.percentile(x, [5, 95]) / width
    light, a, b = (float(v) for v in following[painted].mean(axis=0))
    _, _, stats, _ = cv2.connectedComponentsWithStats(painted.astype(np.uint8), connectivity=8)
    largest = int(stats[1:, cv2.CC_STAT_AREA].max())
    area = float(painted.mean())
    box = max(1 / height, bottom - top) * max(1 / width, right - left)
    fine = following[..., 0] - cv2.GaussianBlur(following[..., 0], (0, 0), 2.0)
    blank = (np.hypot(current[..., 1], current[..., 2]) < BLANK_CHROMA) & (
        current[..., 0] > BLANK_LIGHTNESS
    )
    return {
        "top": float(top), "bottom": float(bottom), "center": float(y.mean() / height),
        "width": float(right - left), "height": float(bottom - top),
        "area": area, "fill": min(1.0, 0.81 * area / float(box)),
        "light": light / 100, "chroma": float(np.hypot(a, b)) / 60,
        "green": -a / 30, "yellow": b / 60,
        "texture": float(fine[painted].std()) / 100,
        "scattered": 1 - largest / len(y),
        "repainted": float(1 - blank[painted].mean()),
    }  # fmt: skip


def _painted_region(pair: PairImages) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Find the painted pixels at the working size.

    Returns:
        Current and next canvas, CIELAB float32 (H, W, 3), and the painted pixels, bool (H, W).
    """
    height, width = pair.mask.shape
    scale = min(1.0, WORKING_SIDE_PX / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    current, following = (_lab(image, size) for image in (pair.current, pair.next))
    mask = cv2.resize(pair.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    change = following - current
    if not mask.all():
        change = change - np.median(change[~mask], axis=0)
    # The LPIPS mask is larger than the paint; the colour change selects the painted pixels in it.
    # If it selects none, the strokes were too small for LPIPS: clearly changed pixels are taken.
    distance = np.linalg.norm(change, axis=2)
    painted = mask & (distance > MIN_COLOUR_CHANGE)
    return current, following, painted if painted.any() else distance > 2 * MIN_COLOUR_CHANGE


def _lab(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def _distances(prototype: Prototype, values: np.ndarray) -> np.ndarray:
    """Squared, bounded distance of each measure from a prototype, in standard deviations."""
    deviations = np.abs(values - prototype.median) / prototype.deviation
    return np.minimum(MAX_DEVIATIONS, deviations) ** 2


def _score(prototype: Prototype, values: np.ndarray) -> float:
    """Log-likelihood of the measures under independent normal distributions with bounded outliers,
    plus the log of the prototype's frequency."""
    distances = _distances(prototype, values)
    likelihood = -(0.5 * distances + np.log(prototype.deviation)).sum()
    return float(likelihood + np.log(prototype.frequency))
