"""Perceptual distances of a real and a painted process, computed once for all metrics."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import cv2
import numpy as np

from inference.evaluation.choices import BARE_DISTANCE, DIFFERENCE_THRESHOLD
from inference.evaluation.process import Process, compared_size
from ingest.conventions.errors import UserError
from labeling.regions.perceptual import Features, PerceptualDistance

MASK_SIDE_PX = 256
"""Short side at which step masks are kept and overlapped."""


@dataclass(frozen=True, eq=False)
class Curves:
    """Distances of one process."""

    times_s: np.ndarray
    """float64 (N,)."""
    to_target: np.ndarray
    """float64 (N,): LPIPS of each frame to the finished painting."""
    masks: np.ndarray
    """bool (N - 1, h, w): where each step painted, D(frame, next frame, 0.2)."""


@dataclass(frozen=True, eq=False)
class Comparison:
    """A painted process beside the real one."""

    real: Curves
    painted: Curves
    nearest: np.ndarray
    """float64 (real frames,): LPIPS of each real frame to the painted one nearest in time."""
    nearest_in_progress: np.ndarray
    """The same, with time counted as a share of each process's own duration."""


def compare(
    real: Process, painted: Process, target: np.ndarray, perceptual: PerceptualDistance
) -> Comparison:
    """Measure a painted process against the real one.

    Args:
        target: the finished painting, RGB uint8 (H, W, 3); it gives the compared size.

    Raises:
        UserError: a process is no process, or its shape is not that of the painting.
    """
    height, width = compared_size(target)
    for process in (real, painted):
        _check_shape(process, target)
    goal = _features(perceptual, cv2.resize(target, (width, height), interpolation=cv2.INTER_AREA))
    ours, theirs = (p.scaled_to(height, width) for p in (real, painted))
    ours, theirs = (_from_bare(p, perceptual) for p in (ours, theirs))
    # Partners never go back in time, so the painted frames are walked through once.
    in_time = nearest_frames(ours.times_s, theirs.times_s)
    in_progress = nearest_frames(_progress(ours), _progress(theirs))
    real_walk, painted_walk = _Walk(goal, perceptual), _Walk(goal, perceptual)
    real_features = [real_walk.step(frame) for frame in ours.frames]
    nearest, nearest_in_progress = np.full((2, len(ours.frames)), np.nan)
    for number, frame in enumerate(theirs.frames):
        features = painted_walk.step(frame)
        for partners, found in ((in_time, nearest), (in_progress, nearest_in_progress)):
            for index in np.flatnonzero(partners == number):
                found[index] = _distance(perceptual, real_features[index], features)
    return Comparison(
        real_walk.curves(ours.times_s), painted_walk.curves(theirs.times_s), nearest,
        nearest_in_progress,
    )  # fmt: skip


def _progress(process: Process) -> list[float]:
    return [time_s / process.duration_s for time_s in process.times_s]


def nearest_frames(real_s: Sequence[float], painted_s: Sequence[float]) -> np.ndarray:
    """Index of the painted frame nearest in time to each real one, int (N,); the earlier of two
    that are equally near. After the painting's end it is the last."""
    gaps = np.abs(np.asarray(real_s)[:, None] - np.asarray(painted_s)[None])
    return gaps.argmin(axis=1)


class _Walk:
    """Goes through the frames of a process in order and measures each."""

    def __init__(self, goal: Features, perceptual: PerceptualDistance) -> None:
        self._goal, self._perceptual = goal, perceptual
        self._before: Features | None = None
        self._to_target: list[float] = []
        self._masks: list[np.ndarray] = []

    def step(self, frame: np.ndarray) -> Features:
        """Measure the next frame; returns its features."""
        features = _features(self._perceptual, frame)
        self._to_target.append(_distance(self._perceptual, features, self._goal))
        if self._before is not None:
            self._masks.append(_mask(self._perceptual, self._before, features))
        self._before = features
        return features

    def curves(self, times_s: Sequence[float]) -> Curves:
        """The distances of all frames so far."""
        return Curves(np.array(times_s), np.array(self._to_target), np.array(self._masks))


def _from_bare(process: Process, perceptual: PerceptualDistance) -> Process:
    """The process, beginning with a blank canvas."""
    first = process.frames[0]
    plain = np.broadcast_to(np.median(first, axis=(0, 1)).astype(np.uint8), first.shape)
    distance = perceptual.distances(first[None], np.ascontiguousarray(plain)[None])[0]
    return process if distance < BARE_DISTANCE else process.starting_white()


def _features(perceptual: PerceptualDistance, frame: np.ndarray) -> Features:
    return perceptual.features(frame[None])[0]


def _distance(perceptual: PerceptualDistance, first: Features, second: Features) -> float:
    return float(perceptual.mean_distances([first], [second])[0])


def _mask(perceptual: PerceptualDistance, first: Features, second: Features) -> np.ndarray:
    """bool (h, w) at `MASK_SIDE_PX`: pixels whose LPIPS is above the threshold."""
    distance = perceptual.compare([first], [second])[0]
    height, width = distance.shape
    scale = min(1.0, MASK_SIDE_PX / min(height, width))
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    changed = (distance > DIFFERENCE_THRESHOLD).astype(np.uint8)
    return cv2.resize(changed, size, interpolation=cv2.INTER_NEAREST) > 0


def _check_shape(process: Process, target: np.ndarray) -> None:
    height, width = process.frames[0].shape[:2]
    wanted = target.shape[1] / target.shape[0]
    if abs(width / height / wanted - 1) > 0.05:
        raise UserError(
            f"{process.name}: frames of {width}x{height} px do not have the shape of the painting "
            f"({target.shape[1]}x{target.shape[0]} px): crop them, or name the right painting"
        )
