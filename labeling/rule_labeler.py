"""The built-in labeler: guesses what was painted from colour, place, shape, size and texture.

It needs no network and no download, and it is meant for demos, tests and as a first guess for a
human to correct: it cannot tell a lilac mountain from a lilac cloud that lies where mountains do.
Each word has a prototype, the values that things of this name tend to have in landscapes; the guess
is the word whose prototype is nearest, the confidence its share among all words.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import cv2
import numpy as np

from ingest.vocabulary import VOCABULARY
from labeling.instructions import Answer, PairImages

WORKING_SIDE_PX = 160
"""Shapes and colours of a region show at this short side as well as at any larger one."""
MIN_COLOUR_CHANGE = 8.0
"""CIELAB distance below which a pixel of the mask counts as light drift, not as paint."""
BLANK_CHROMA, BLANK_LIGHTNESS = 12.0, 62.0
"""CIELAB bounds of a canvas without paint: greyish and light."""
TEMPERATURE = 3.0
"""Divides the scores before the softmax. The measures of a region depend on each other, so their
sum overstates the evidence; set so that the mean confidence comes near the accuracy on films of
the studio (docs/labeling.md)."""
BROAD = 0.35
"""Deviation of a measure that a prototype says nothing about."""
WORST = 4.0
"""No single measure can speak against a word by more than this many deviations."""

PROTOTYPES: dict[str, dict[str, tuple[float, float]]] = {
    "background": {"area": (0.95, 0.1), "repainted": (0.1, 0.3), "height": (0.95, 0.1)},
    "sketch": {"fill": (0.1, 0.1), "repainted": (0.0, 0.2), "chroma": (0.05, 0.1),
               "area": (0.08, 0.1), "light": (0.45, 0.2)},
    "sky": {"top": (0.0, 0.05), "center": (0.26, 0.1), "width": (0.95, 0.1), "area": (0.42, 0.15),
            "light": (0.68, 0.2), "fill": (0.85, 0.15), "texture": (0.03, 0.04),
            "repainted": (0.1, 0.3)},
    "sun": {"center": (0.25, 0.15), "area": (0.02, 0.03), "light": (0.88, 0.1),
            "yellow": (0.45, 0.3), "repainted": (1.0, 0.2), "width": (0.15, 0.1),
            "fill": (0.75, 0.15)},
    "moon": {"center": (0.2, 0.12), "area": (0.01, 0.015), "light": (0.9, 0.1),
             "chroma": (0.08, 0.1), "repainted": (1.0, 0.2), "width": (0.1, 0.08),
             "fill": (0.75, 0.15)},
    "cloud": {"center": (0.2, 0.12), "area": (0.12, 0.1), "light": (0.85, 0.12),
              "chroma": (0.1, 0.12), "repainted": (1.0, 0.2), "scattered": (0.4, 0.35),
              "bottom": (0.35, 0.12)},
    "mountain": {"center": (0.42, 0.1), "top": (0.27, 0.12), "bottom": (0.55, 0.1),
                 "area": (0.16, 0.1), "light": (0.48, 0.18), "yellow": (-0.1, 0.2),
                 "width": (0.85, 0.2), "scattered": (0.05, 0.2)},
    "hill": {"center": (0.53, 0.08), "top": (0.42, 0.1), "bottom": (0.63, 0.1), "area": (0.14, 0.1),
             "light": (0.48, 0.15), "green": (0.15, 0.2), "yellow": (0.2, 0.25),
             "width": (0.95, 0.15), "scattered": (0.05, 0.2)},
    "ground": {"center": (0.77, 0.09), "bottom": (0.98, 0.05), "top": (0.57, 0.1),
               "area": (0.4, 0.15), "width": (0.97, 0.08), "fill": (0.85, 0.15),
               "yellow": (0.3, 0.3), "repainted": (0.2, 0.4)},
    "field": {"center": (0.72, 0.1), "bottom": (0.9, 0.1), "top": (0.55, 0.1), "area": (0.28, 0.15),
              "width": (0.95, 0.1), "yellow": (0.55, 0.2), "green": (0.15, 0.25),
              "light": (0.6, 0.15)},
    "path": {"center": (0.82, 0.08), "bottom": (0.98, 0.05), "area": (0.07, 0.06),
             "light": (0.65, 0.15), "yellow": (0.25, 0.2), "width": (0.4, 0.2),
             "repainted": (1.0, 0.2), "scattered": (0.1, 0.2)},
    "water": {"center": (0.75, 0.12), "area": (0.25, 0.15), "yellow": (-0.2, 0.25),
              "texture": (0.04, 0.04), "width": (0.9, 0.2), "light": (0.55, 0.2),
              "top": (0.58, 0.1)},
    "reflection": {"center": (0.72, 0.1), "area": (0.12, 0.1), "repainted": (1.0, 0.15),
                   "light": (0.48, 0.18), "yellow": (-0.1, 0.25), "top": (0.58, 0.1),
                   "scattered": (0.4, 0.3)},
    "rock": {"center": (0.8, 0.12), "area": (0.04, 0.04), "chroma": (0.12, 0.1),
             "light": (0.45, 0.15), "repainted": (1.0, 0.2), "fill": (0.4, 0.25)},
    "tree": {"center": (0.5, 0.13), "area": (0.12, 0.1), "light": (0.33, 0.13), "green": (0.2, 0.2),
             "yellow": (0.2, 0.25), "height": (0.5, 0.2), "texture": (0.08, 0.05),
             "repainted": (0.9, 0.25)},
    "bush": {"center": (0.68, 0.08), "area": (0.06, 0.05), "light": (0.38, 0.13),
             "green": (0.25, 0.2), "yellow": (0.3, 0.25), "height": (0.2, 0.12),
             "repainted": (1.0, 0.2), "scattered": (0.4, 0.3)},
    "house": {"center": (0.57, 0.1), "area": (0.03, 0.03), "width": (0.2, 0.12),
              "height": (0.18, 0.1), "fill": (0.65, 0.2), "repainted": (1.0, 0.2),
              "green": (-0.2, 0.2), "scattered": (0.05, 0.15)},
    "boat": {"center": (0.7, 0.08), "area": (0.015, 0.02), "width": (0.18, 0.1),
             "height": (0.13, 0.08), "repainted": (1.0, 0.2), "scattered": (0.05, 0.15)},
    "fence": {"center": (0.75, 0.08), "area": (0.03, 0.03), "width": (0.8, 0.2),
              "height": (0.15, 0.08), "fill": (0.25, 0.15), "repainted": (1.0, 0.2),
              "chroma": (0.15, 0.12)},
    "grass": {"center": (0.85, 0.08), "bottom": (0.98, 0.05), "area": (0.18, 0.12),
              "green": (0.25, 0.2), "yellow": (0.45, 0.25), "width": (0.95, 0.12),
              "texture": (0.09, 0.05), "repainted": (1.0, 0.2), "scattered": (0.4, 0.35)},
    "flower": {"center": (0.83, 0.09), "area": (0.04, 0.04), "chroma": (0.5, 0.25),
               "green": (-0.4, 0.35), "scattered": (0.85, 0.2), "repainted": (1.0, 0.15),
               "width": (0.85, 0.2)},
    "bird": {"center": (0.25, 0.12), "area": (0.004, 0.006), "light": (0.3, 0.15),
             "scattered": (0.7, 0.3), "repainted": (1.0, 0.15), "chroma": (0.1, 0.1)},
    "figure": {"center": (0.68, 0.08), "area": (0.008, 0.01), "width": (0.07, 0.05),
               "height": (0.15, 0.08), "repainted": (1.0, 0.2), "light": (0.35, 0.2)},
    "details": {"area": (0.05, 0.06), "scattered": (0.85, 0.2), "repainted": (1.0, 0.15),
                "width": (0.9, 0.2), "height": (0.75, 0.25)},
}  # fmt: skip
"""Word to measure to (usual value, deviation); `measure_region` says what the measures are."""


class RuleLabeler:
    """Nearest prototype; a `labeling.instructions.Labeler`."""

    name, prompt, reads_mask = "rule-1", "", True

    def __call__(self, pairs: Sequence[PairImages]) -> list[Answer]:
        """A word of the vocabulary and its probability among all words for each pair."""
        return [self._guess(pair) for pair in pairs]

    def _guess(self, pair: PairImages) -> Answer:
        measures = measure_region(pair)
        if measures is None:
            # Nothing changed: a finishing touch too faint to see, if it is anything.
            return Answer("details", 0.0)
        names = [word for word in VOCABULARY if word in PROTOTYPES]
        scores = np.array([_score(PROTOTYPES[word], measures) for word in names]) / TEMPERATURE
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        best = int(shares.argmax())
        return Answer(names[best], float(shares[best]))


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
        "area": area, "fill": min(1.0, 0.81 * area / box),
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
    # The mask is looser than the paint; colour says which of its pixels were touched.
    return current, following, mask & (np.linalg.norm(change, axis=2) > MIN_COLOUR_CHANGE)


def _lab(image: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    small = cv2.resize(image, size, interpolation=cv2.INTER_AREA).astype(np.float32) / 255
    return cv2.cvtColor(small, cv2.COLOR_RGB2LAB)


def _score(prototype: dict[str, tuple[float, float]], measures: dict[str, float]) -> float:
    """Log-likelihood of the measures under independent normal distributions, outliers bounded.

    A measure that a prototype does not name is spread broadly, so that words with few measures
    have no advantage.
    """
    score = 0.0
    for name, value in measures.items():
        usual, deviation = prototype.get(name, (value, BROAD))
        distance = min(WORST, abs(value - usual) / deviation) if name in prototype else 1.0
        score -= 0.5 * distance * distance + math.log(deviation)
    return score
