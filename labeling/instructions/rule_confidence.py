"""The confidence of the built-in labeler: how likely its word is right, also on unknown kinds.

The share of a word among all words says nothing about pictures of a kind that no prototype was
fitted to. So the confidence is a logistic function of three numbers: that share, how far the region
is from the word's prototype, and how far the finished painting is from the studio's landscapes
(``rule_pictures.csv``). `labeling.instructions.rule_fit calibrate` fits it on other kinds as well.
"""

from __future__ import annotations

import csv
import functools
import io
import math
from importlib import resources

import cv2
import numpy as np

PICTURES_FILE = "rule_pictures.csv"
"""Name of the file beside this one: a row of `picture_measures` for each painting."""
GRID = 3
"""Cells along each side of a picture, of which the mean colour is measured."""
NUM_NEAREST = 3
"""Nearest known pictures whose mean distance counts."""
SHRINKAGE = 0.3
"""Share of the covariance that is replaced by that of equal, independent measures."""
COEFFICIENTS = (5.32, 0.65, -0.98, -7.06)
"""Of 1, the log-odds of the share, the distance of the region and that of the picture."""


def picture_measures(picture: np.ndarray) -> np.ndarray:
    """Mean Lab of a grid of cells, float64 (27,), of a picture, RGB uint8 (H, W, 3)."""
    lab = cv2.cvtColor(picture.astype(np.float32) / 255, cv2.COLOR_RGB2LAB)
    return cv2.resize(lab, (GRID, GRID), interpolation=cv2.INTER_AREA).ravel().astype(np.float64)


def picture_distance(picture: np.ndarray) -> float:
    """How far a finished painting, RGB uint8 (H, W, 3), is from the nearest ones that the labeler
    knows; about 0.75 for the studio's landscapes, above 1 for portraits and still lifes."""
    return distance_to(picture_measures(picture), known_pictures())


def distance_to(measures: np.ndarray, known: np.ndarray) -> float:
    """The distance of `picture_measures`, (27,), from the nearest rows of `known`, (N, 27): the
    root of the mean squared Mahalanobis distance per measure."""
    inverse = _inverse_covariance(known.tobytes(), known.shape)
    steps = known - measures
    squared = np.einsum("ni,ij,nj->n", steps, inverse, steps) / len(measures)
    return float(np.sqrt(np.sort(squared)[:NUM_NEAREST].mean()))


def calibrated(share: float, region_distance: float, picture_distance: float) -> float:
    """The probability that a word is right, in (0, 1).

    Args:
        share: of the word among all words, in [0, 1].
        region_distance: mean squared distance of the region's measures from the word's prototype,
            in squared standard deviations.
        picture_distance: of the finished painting from known ones.
    """
    values = inputs_of(share, region_distance, picture_distance)
    odds = sum(c * v for c, v in zip(COEFFICIENTS, values, strict=True))
    return 1 / (1 + math.exp(-odds))


def inputs_of(
    share: float, region_distance: float, picture_distance: float
) -> tuple[float, float, float, float]:
    """What `COEFFICIENTS` are multiplied with."""
    share = min(max(share, 1e-3), 1 - 1e-3)
    return 1.0, math.log(share / (1 - share)), region_distance, picture_distance


def pictures_csv(measures: list[np.ndarray]) -> bytes:
    """The content of `PICTURES_FILE`."""
    text = io.StringIO(newline="")
    csv.writer(text, lineterminator="\n").writerows([f"{v:.2f}" for v in row] for row in measures)
    return text.getvalue().encode()


@functools.cache
def known_pictures() -> np.ndarray:
    """The pictures that ship with the package, float64 (N, 27)."""
    file = resources.files("labeling.instructions").joinpath(PICTURES_FILE)
    rows = csv.reader(file.read_text(encoding="utf-8").splitlines())
    return np.array([[float(cell) for cell in row] for row in rows])


@functools.lru_cache(maxsize=8)
def _inverse_covariance(data: bytes, shape: tuple[int, int]) -> np.ndarray:
    """The inverse covariance of the rows of a float64 table, shrunk towards independence."""
    table = np.frombuffer(data).reshape(shape)
    covariance = np.cov(table.T)
    even = np.trace(covariance) / shape[1] * np.eye(shape[1])
    return np.linalg.inv((1 - SHRINKAGE) * covariance + SHRINKAGE * even)
