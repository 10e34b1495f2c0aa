"""Follows the view through camera shake, moved canvases and cuts, one frame at a time.

Frames of one place form a *take*: they share coordinates, those of its first frame scaled to
`AlignConfig.side_px`. Each frame is registered to the take's anchor, an early composite whose table
and canvas borders stay as they are, so errors do not add up; when the anchor no longer holds, to
the composite (a running median of the last registered frames: hands fade out of it, new paint gets
in). Where that fails, features find the frame's place in an earlier take; else a new take starts.
Memory is bounded: a few frames and composites a take, a few takes.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.geometry import scaling, valid_area, warp
from ingest.video.imaging.median import middle_look
from ingest.video.registration.agreement import coarse_grey, same_place
from ingest.video.registration.homography import (
    Features,
    corners_to_track,
    features,
    follow,
    grey,
    recover,
)


class AlignConfig(Config):
    """How frames are registered."""

    side_px: int = Field(default=480, ge=120)
    """Short side of the frames that are registered; more is finer and slower."""
    recent_frames: int = Field(default=7, ge=3)
    """Frames whose median is the take's composite."""
    refresh_every: int = Field(default=4, ge=1)
    """Frames between two computations of the composite."""
    max_takes: int = Field(default=6, ge=1)
    """Takes that a lost frame is compared with."""


@dataclass(frozen=True)
class Pose:
    """Where a frame lies: its take and the homography from the scaled frame to the take."""

    take: int
    matrix: np.ndarray


@dataclass(frozen=True, eq=False)
class Sight:
    """One frame as it is registered; made once, used by many."""

    colour: np.ndarray
    """RGB uint8 (h, w, 3), scaled to the config's side."""
    grey: np.ndarray
    """Its contrast-stretched grey."""
    coarse: np.ndarray
    """Its plain grey at the size at which places are compared."""

    @classmethod
    def of(cls, colour: np.ndarray) -> Sight:
        return cls(colour, grey(colour), coarse_grey(colour))


@dataclass(eq=False)
class Take:
    """What is known of one place."""

    number: int
    matrix: np.ndarray
    composite: np.ndarray
    """RGB uint8 (h, w, 3) in take coordinates."""
    recent: deque[np.ndarray]
    num_frames: int = 0
    last_position: int = 0
    """Which frame was the last of this take."""
    coarse: np.ndarray = field(init=False)
    anchor: tuple[np.ndarray, np.ndarray] | None = None
    """Grey picture and points of the composite that frames are registered to while it holds."""
    _to_track: tuple[np.ndarray, np.ndarray] | None = None
    _features: Features | None = None

    def __post_init__(self) -> None:
        self.renew(self.composite)

    @property
    def size(self) -> tuple[int, int]:
        return self.composite.shape[1], self.composite.shape[0]

    def renew(self, composite: np.ndarray) -> None:
        self.composite, self.coarse = composite, coarse_grey(composite)
        self._to_track = self._features = None

    def to_track(self) -> tuple[np.ndarray, np.ndarray]:
        """Grey picture and points of the composite; while the anchor holds nobody asks for them."""
        if self._to_track is None:
            known = grey(self.composite)
            self._to_track = known, corners_to_track(known)
        return self._to_track

    def features(self) -> Features:
        if self._features is None:
            self._features = features(self.to_track()[0])
        return self._features


class Tracker:
    """Registers the frames of a video in their order."""

    def __init__(self, config: AlignConfig) -> None:
        self.config = config
        self.takes: list[Take] = []
        self._current: Take | None = None
        self._position = -1

    def add(self, sight: Sight) -> Pose:
        """Register the next frame."""
        self._position += 1
        found = self._place(sight)
        if found is None:
            found = self._start_take(sight.colour), np.eye(3)
        take, matrix = found
        self._current, take.matrix = take, matrix
        self._learn(take, sight.colour)
        return Pose(take.number, matrix)

    def _place(self, sight: Sight) -> tuple[Take, np.ndarray] | None:
        if self._current is None:
            return None
        matrix = _followed(self._current, sight)
        if matrix is not None:
            return self._current, matrix
        # The view that was left last is most likely to come back, and has changed least.
        takes = sorted(self.takes, key=lambda take: (-take.last_position, take.number))
        seen = features(sight.grey)
        for take in takes[: self.config.max_takes]:
            matrix = None if take is self._current else _followed(take, sight)
            if matrix is not None:
                return take, matrix
            found = recover(take.features(), seen, sight.grey.shape)
            if found is not None and _agrees(take, sight, found.matrix):
                finer = _followed(take, sight, found.matrix)
                return take, found.matrix if finer is None else finer
        return None

    def _start_take(self, small: np.ndarray) -> Take:
        recent: deque[np.ndarray] = deque(maxlen=self.config.recent_frames)
        take = Take(len(self.takes), np.eye(3), small, recent)
        self.takes.append(take)
        return take

    def _learn(self, take: Take, small: np.ndarray) -> None:
        """Add a registered frame to the take's composite."""
        seen = warp(small, take.matrix, take.size)
        outside = ~valid_area(small.shape, take.matrix, take.size)
        cv2.copyTo(take.composite, outside.view(np.uint8), seen)
        take.recent.append(seen)
        take.num_frames += 1
        take.last_position = self._position
        if take.num_frames % self.config.refresh_every:
            return
        take.renew(middle_look(take.recent))
        if take.anchor is None:
            take.anchor = take.to_track()


def _followed(take: Take, sight: Sight, start: np.ndarray | None = None) -> np.ndarray | None:
    """The frame's matrix by tracking from the take's last pose (or `start`), if it fits."""
    start = take.matrix if start is None else start
    correction = _correction(take, warp(sight.grey, start, take.size))
    for matrix in ([] if correction is None else [correction @ start]) + [start]:
        if _agrees(take, sight, matrix):
            return matrix / matrix[2, 2]
    return None


def _correction(take: Take, seen: np.ndarray) -> np.ndarray | None:
    if take.anchor is not None:
        found = follow(*take.anchor, seen)
        if found is not None and found.is_firm:
            return found.matrix
        # Too much has changed since: the next composite becomes the anchor.
        take.anchor = None
    found = follow(*take.to_track(), seen)
    return None if found is None else found.matrix


def _agrees(take: Take, sight: Sight, matrix: np.ndarray) -> bool:
    height, width = take.coarse.shape
    shrink = scaling(height / take.size[1])
    coarse = shrink @ matrix @ np.linalg.inv(scaling(sight.coarse.shape[0] / sight.grey.shape[0]))
    seen = warp(sight.coarse, coarse, (width, height))
    return same_place(take.coarse, seen, valid_area(sight.coarse.shape, coarse, (width, height)))
