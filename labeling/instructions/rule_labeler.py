"""The built-in labeler: guesses what was painted from colour, place, shape, size and texture.

It needs no network and no download, and it is meant for demos, tests and as a first guess for a
human to correct: it cannot tell a lilac mountain from a lilac cloud that lies where mountains do.
Each word has a prototype, what things of this name usually look like in the studio's landscapes
(``rule_prototypes.csv``, made by `labeling.instructions.rule_fit`); the guess is the word whose
prototype is nearest, the confidence its share among all words.
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

PROTOTYPES_FILE = "rule_prototypes.csv"
WORKING_SIDE_PX = 160
"""Shapes and colours of a region show at this short side as well as at any larger one."""
MIN_COLOUR_CHANGE = 5.0
"""CIELAB distance below which a pixel of the mask counts as light drift, not as paint."""
BLANK_CHROMA, BLANK_LIGHTNESS = 12.0, 62.0
"""CIELAB bounds of a canvas without paint: greyish and light."""
WORST = 4.0
"""No single measure can speak against a word by more than this many deviations."""
TEMPERATURE = 2.0
"""Divides the scores before the softmax. The measures of a region depend on each other, so their
sum overstates the evidence; `python -m labeling.instructions.rule_fit` found the value that makes
the mean confidence equal to the accuracy."""
NOTHING_SEEN = Answer("details", 0.3)
"""The answer where no change is seen: finishing touches are what is too small to see, but not the
only such thing."""

MEASURES = (
    "top", "bottom", "center", "width", "height", "area", "fill", "light", "chroma", "green",
    "yellow", "texture", "scattered", "repainted",
)  # fmt: skip
"""What `measure_region` measures, the columns of `rule_prototypes.csv`."""


@dataclass(frozen=True)
class Prototype:
    """What things of one name look like in landscapes; a word may have several."""

    word: str
    frequency: float
    """How often it is painted, among all words."""
    usual: np.ndarray
    """Usual value of each of `MEASURES`, float64 (14,)."""
    deviation: np.ndarray
    """How far it strays, float64 (14,), positive."""


class RuleLabeler:
    """Nearest prototype; a `labeling.instructions.labeler.Labeler`."""

    name, prompt, reads_mask = "rule-1", "", True

    def __init__(self, temperature: float = TEMPERATURE) -> None:
        self._prototypes = read_prototypes()
        self._temperature = temperature

    def __call__(self, pairs: Sequence[PairImages]) -> list[Answer]:
        """A word of the vocabulary and its share among all words for each pair."""
        return [self.guess(measure_region(pair)) for pair in pairs]

    def load(self) -> None:
        """Nothing has to be loaded."""

    def prepare(self, pairs: Sequence[PairImages]) -> Sequence[PairImages]:
        """Nothing is made before; see `labeling.instructions.labeler.Labeler`."""
        return pairs

    def answer(self, prepared: Sequence[PairImages]) -> list[Answer]:
        """The answers to pairs that were prepared."""
        return self(prepared)

    def guess(self, measures: dict[str, float] | None) -> Answer:
        """The nearest word to what `measure_region` measured."""
        if measures is None:
            return NOTHING_SEEN
        values = np.array([measures[name] for name in MEASURES])
        scores = np.array([_score(p, values) for p in self._prototypes]) / self._temperature
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        by_word: dict[str, float] = {}
        for prototype, share in zip(self._prototypes, shares.tolist(), strict=True):
            by_word[prototype.word] = by_word.get(prototype.word, 0.0) + share
        best = max(by_word, key=lambda word: by_word[word])
        return Answer(best, by_word[best])


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
            usual=np.array([float(row[name]) for name in MEASURES]),
            deviation=np.array([float(row[f"{name}_deviation"]) for name in MEASURES]),
        )
        for row in csv.DictReader(text.splitlines())
    )


def measure_region(pair: PairImages) -> dict[str, float] | None:
    """What the painted region looks like, or None where no paint is seen.

    Positions and sizes are shares of the canvas, y from the top: ``top``, ``bottom`` (5th and 95th
    percentile), ``center``, ``width``, ``height`` (5th to 95th), ``area``, ``fill`` (area of
    its own box). Colours of the next canvas there: ``light`` and ``chroma`` in [0, 1], ``green``
    and ``yellow`` in [-1, 1]. ``texture``: contrast of fine structure; ``scattered``: share outside
    the largest connected piece; ``repainted``: share that was painted before.
    """
    current, following, painted = _painted(pair)
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


def _painted(pair: PairImages) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """CIELAB current and next (H, W, 3) at the working size, and where paint was put (H, W)."""
    height, width = pair.mask.shape
    scale = min(1.0, WORKING_SIDE_PX / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    current, following = (_lab(image, size) for image in (pair.current, pair.next))
    mask = cv2.resize(pair.mask.astype(np.float32), size, interpolation=cv2.INTER_AREA) >= 0.5
    change = following - current
    if not mask.all():
        change = change - np.median(change[~mask], axis=0)
    # The mask is looser than the paint; colour says which of its pixels were touched. Touches too
    # small for the mask show by colour alone, where it is clear.
    distance = np.linalg.norm(change, axis=2)
    painted = mask & (distance > MIN_COLOUR_CHANGE)
    return current, following, painted if painted.any() else distance > 2 * MIN_COLOUR_CHANGE


def _lab(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def _score(prototype: Prototype, values: np.ndarray) -> float:
    """Log-likelihood of the measures under independent normal distributions, outliers bounded,
    plus the logarithm of the word's frequency."""
    distances = np.minimum(WORST, np.abs(values - prototype.usual) / prototype.deviation)
    likelihood = -(0.5 * distances**2 + np.log(prototype.deviation)).sum()
    return float(likelihood + np.log(prototype.frequency))
