"""Cuts a picture into regions by what its places look like to the backbone."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from inference.artist.guided_filter import guided_upsampling
from training.backbone.backbone import PictureFeatures
from training.order.network import PlacePrediction

NUM_REGIONS = 8
"""Clusters of tokens."""
POSITION_WEIGHT = 0.35
"""Weight of a token's place, as against its normalised values."""
COLOUR_WEIGHT = 0.8
"""Weight of a place's Lab colour (each channel in [0, 1])."""
TIME_WEIGHT, WORD_WEIGHT = 1.5, 0.7
"""Weights of the predicted time of the last paint, and of the square roots of the words'
probabilities."""
SHARPNESS = 14.0
"""How fast a place's share in a cluster falls with its distance to the cluster's centre."""
SMALLEST_REGION = 0.006
"""Connected pieces below this share of the picture join what is around them."""
WORK_SIDE_PX = 512
"""Short side at which pieces are cleaned; larger pictures follow their edges afterwards."""


@dataclass(frozen=True, eq=False)
class Regions:
    """Regions of a picture, numbered from 0."""

    labels: np.ndarray
    """uint8 (H, W): the number of each pixel's region."""
    subject: np.ndarray
    """float32 (regions,): mean of the subject map inside each."""

    @property
    def count(self) -> int:
        """Number of regions."""
        return len(self.subject)

    def mask(self, region: int) -> np.ndarray:
        """bool (H, W) of one region."""
        return self.labels == region


def cut_regions(
    picture: np.ndarray,
    features: PictureFeatures,
    prediction: PlacePrediction | None = None,
) -> Regions:
    """Regions by k-means on tokens, colour and place; their rims follow the picture's edges.

    Args:
        picture: RGB uint8 (H, W, 3).
        features: of the same picture.
        prediction: of the same places; places of different times and words are then kept apart.
    """
    grid = _descriptors(picture, features)
    if prediction is not None:
        words = WORD_WEIGHT * np.sqrt(prediction.words)
        grid = np.dstack([grid, TIME_WEIGHT * prediction.last, words]).astype(np.float32)
    shares = _cluster_shares(grid)
    height, width = picture.shape[:2]
    small = _small_picture(picture)
    radius = max(2, round(0.75 * min(small.shape[:2]) / min(grid.shape[:2])))
    planes = [guided_upsampling(np.ascontiguousarray(s), small, radius) for s in shares]
    labels = _cleaned(np.stack(planes).argmax(axis=0).astype(np.uint8))
    if labels.shape != (height, width):
        labels = _enlarged(labels, picture)
    numbers, labels = np.unique(labels, return_inverse=True)
    labels = labels.reshape(height, width).astype(np.uint8)
    subject = cv2.resize(features.subject, (width, height), interpolation=cv2.INTER_LINEAR)
    means = np.array([subject[labels == n].mean() for n in range(len(numbers))], np.float32)
    return Regions(labels, means)


def _descriptors(picture: np.ndarray, features: PictureFeatures) -> np.ndarray:
    """What clusters are made of, float32 (rows, columns, channels)."""
    rows, columns = features.tokens.shape[:2]
    colours = cv2.resize(picture, (columns, rows), interpolation=cv2.INTER_AREA)
    lab = cv2.cvtColor(colours, cv2.COLOR_RGB2LAB).astype(np.float32) / 255
    y, x = np.mgrid[0:rows, 0:columns].astype(np.float32) / max(rows, columns)
    place = POSITION_WEIGHT * np.dstack([x, y])
    return np.dstack([features.tokens, COLOUR_WEIGHT * lab, place]).astype(np.float32)


def _cluster_shares(grid: np.ndarray) -> np.ndarray:
    """Soft assignment of every place, float32 (clusters, rows, columns)."""
    points = grid.reshape(-1, grid.shape[2])
    count = min(NUM_REGIONS, len(points))
    criteria = (cv2.TERM_CRITERIA_EPS + cv2.TERM_CRITERIA_MAX_ITER, 60, 1e-3)
    # The same picture has the same regions, whatever the seed of the painting.
    cv2.setRNGSeed(1)
    start = np.zeros((len(points), 1), np.int32)
    _, _, centres = cv2.kmeans(points, count, start, criteria, 4, cv2.KMEANS_PP_CENTERS)
    distances = ((points[:, None] - centres[None]) ** 2).sum(axis=2)
    weights = np.exp(-SHARPNESS * (distances - distances.min(axis=1, keepdims=True)))
    shares = weights / weights.sum(axis=1, keepdims=True)
    return shares.T.reshape(count, *grid.shape[:2]).astype(np.float32)


def _small_picture(picture: np.ndarray) -> np.ndarray:
    height, width = picture.shape[:2]
    scale = WORK_SIDE_PX / min(height, width)
    if scale >= 1:
        return picture
    size = (round(width * scale), round(height * scale))
    return cv2.resize(picture, size, interpolation=cv2.INTER_AREA)


def _cleaned(labels: np.ndarray) -> np.ndarray:
    """The label map without small pieces: each takes the label most common around it."""
    smallest = SMALLEST_REGION * labels.size
    for _ in range(3):
        changed = False
        for region in np.unique(labels):
            count, pieces, stats, _ = cv2.connectedComponentsWithStats(
                (labels == region).astype(np.uint8), connectivity=4
            )
            for piece in range(1, count):
                if stats[piece, cv2.CC_STAT_AREA] >= smallest:
                    continue
                changed = _join_neighbour(labels, pieces == piece, stats[piece]) or changed
        if not changed:
            break
    return labels


def _join_neighbour(labels: np.ndarray, piece: np.ndarray, stats: np.ndarray) -> bool:
    left, top, width, height = (int(v) for v in stats[:4])
    box = np.s_[max(0, top - 1) : top + height + 1, max(0, left - 1) : left + width + 1]
    inside = piece[box]
    around = cv2.dilate(inside.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool) & ~inside
    if not around.any():
        return False
    labels[box][inside] = np.bincount(labels[box][around]).argmax()
    return True


def _enlarged(labels: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """The label map at the picture's size; rims follow the picture's own edges."""
    height, width = picture.shape[:2]
    radius = max(2, round(2 * min(height, width) / min(labels.shape)))
    best, enlarged = (
        np.full((height, width), -np.inf, np.float32),
        np.zeros((height, width), np.uint8),
    )
    for region in np.unique(labels):
        plane = (labels == region).astype(np.float32)
        plane = guided_upsampling(plane, picture, radius)
        better = plane > best
        best[better], enlarged[better] = plane[better], region
    return enlarged
