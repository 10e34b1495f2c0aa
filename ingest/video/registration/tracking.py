"""Registers each frame of a video to its shot by point tracking and feature matching.

Frames of one scene form a *shot*, also when the video returns to the scene after a cut. The frames
of a shot share coordinates: the pixels of its first frame, scaled to `AlignConfig.side_px`.

A frame is registered to the anchor of the current shot, an early composite, so errors do not
accumulate. When the picture has changed too much for that, the frame is registered to the composite
(median of the last registered frames: hands are removed, new paint is included), which becomes the
anchor when it is next computed. If tracking fails, SIFT features search for the frame in other
shots. If that fails, a new shot starts. A shot stores a few frames and composites.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

import cv2
import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.video.imaging.geometry import scaling, valid_area, warp
from ingest.video.imaging.median import upper_median
from ingest.video.registration.homography import (
    Features,
    corners_to_track,
    normalised_grey,
    register_by_features,
    register_by_tracking,
    sift_features,
)
from ingest.video.registration.scene_agreement import comparison_grey, shows_same_scene


class AlignConfig(Config):
    """How frames are registered."""

    side_px: int = Field(default=480, ge=120)
    """Short side of the frames that are registered; more is finer and slower."""
    recent_frames: int = Field(default=7, ge=3)
    """Number of last registered frames whose median is the composite of the shot."""
    refresh_every: int = Field(default=4, ge=1)
    """Number of frames after which the composite is computed again."""
    max_takes: int = Field(default=6, ge=1)
    """Number of shots, last seen first, that a frame is searched for in when tracking fails."""


@dataclass(frozen=True)
class Pose:
    """The shot that a frame belongs to, and the homography from the scaled frame to the shot."""

    shot: int
    """Number of the shot, from 0."""
    matrix: np.ndarray
    """Homography (3, 3)."""


@dataclass(frozen=True, eq=False)
class PreparedFrame:
    """The copies of one frame that registration needs, computed once."""

    colour: np.ndarray
    """RGB uint8 (h, w, 3), scaled to `AlignConfig.side_px`."""
    grey: np.ndarray
    """uint8 (h, w), contrast-normalised (`normalised_grey`)."""
    coarse: np.ndarray
    """Small grey copy uint8 for `shows_same_scene`."""

    @classmethod
    def of(cls, colour: np.ndarray) -> PreparedFrame:
        return cls(colour, normalised_grey(colour), comparison_grey(colour))


@dataclass(eq=False)
class Shot:
    """State of one shot while the video is registered."""

    number: int
    matrix: np.ndarray
    """Homography (3, 3) of the last frame that was registered to this shot."""
    composite: np.ndarray
    """RGB uint8 (h, w, 3) in shot coordinates: median of `recent`, at first the first frame."""
    recent: deque[np.ndarray]
    """The last registered frames, RGB uint8 (h, w, 3) in shot coordinates."""
    num_frames: int = 0
    last_position: int = 0
    """Position in the video of the last frame of this shot."""
    coarse: np.ndarray = field(init=False)
    """Small grey copy uint8 of the composite for `shows_same_scene`."""
    anchor: tuple[np.ndarray, np.ndarray] | None = None
    """Grey image (h, w) and points (n, 2) of an early composite; None until there is one, and after
    tracking to it failed."""
    _to_track: tuple[np.ndarray, np.ndarray] | None = None
    _features: Features | None = None

    def __post_init__(self) -> None:
        self.set_composite(self.composite)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) of the composite."""
        return self.composite.shape[1], self.composite.shape[0]

    def set_composite(self, composite: np.ndarray) -> None:
        """Replace the composite, RGB uint8 (h, w, 3)."""
        self.composite, self.coarse = composite, comparison_grey(composite)
        self._to_track = self._features = None

    def to_track(self) -> tuple[np.ndarray, np.ndarray]:
        """Returns the grey image (h, w) and points (n, 2) of the composite, computed on demand."""
        if self._to_track is None:
            grey = normalised_grey(self.composite)
            self._to_track = grey, corners_to_track(grey)
        return self._to_track

    def features(self) -> Features:
        """Returns the SIFT features of the composite, computed on demand."""
        if self._features is None:
            self._features = sift_features(self.to_track()[0])
        return self._features


class Tracker:
    """Registers the frames of a video one after another."""

    def __init__(self, config: AlignConfig) -> None:
        self.config = config
        self.shots: list[Shot] = []
        self._current: Shot | None = None
        self._position = -1

    def register(self, frame: PreparedFrame) -> Pose:
        """Returns the pose of the next frame."""
        self._position += 1
        found = self._find(frame)
        if found is None:
            found = self._start_shot(frame.colour), np.eye(3)
        shot, matrix = found
        self._current, shot.matrix = shot, matrix
        self._update_composite(shot, frame.colour)
        return Pose(shot.number, matrix)

    def _find(self, frame: PreparedFrame) -> tuple[Shot, np.ndarray] | None:
        """Returns the known shot that shows the frame, and the homography (3, 3) to it, or None."""
        if self._current is None:
            return None
        matrix = _pose_by_tracking(self._current, frame)
        if matrix is not None:
            return self._current, matrix
        # A scene that was left recently is most likely to return, and has changed least.
        shots = sorted(self.shots, key=lambda shot: (-shot.last_position, shot.number))
        features = sift_features(frame.grey)
        for shot in shots[: self.config.max_takes]:
            matrix = None if shot is self._current else _pose_by_tracking(shot, frame)
            if matrix is not None:
                return shot, matrix
            found = register_by_features(shot.features(), features, frame.grey.shape)
            if found is not None and _agrees_with_composite(shot, frame, found.matrix):
                finer = _pose_by_tracking(shot, frame, found.matrix)
                return shot, found.matrix if finer is None else finer
        return None

    def _start_shot(self, small: np.ndarray) -> Shot:
        recent: deque[np.ndarray] = deque(maxlen=self.config.recent_frames)
        shot = Shot(len(self.shots), np.eye(3), small, recent)
        self.shots.append(shot)
        return shot

    def _update_composite(self, shot: Shot, small: np.ndarray) -> None:
        """Add a registered frame to the composite of its shot."""
        seen = warp(small, shot.matrix, shot.size)
        outside = ~valid_area(small.shape, shot.matrix, shot.size)
        cv2.copyTo(shot.composite, outside.view(np.uint8), seen)
        shot.recent.append(seen)
        shot.num_frames += 1
        shot.last_position = self._position
        if shot.num_frames % self.config.refresh_every:
            return
        shot.set_composite(upper_median(shot.recent))
        if shot.anchor is None:
            shot.anchor = shot.to_track()


def _pose_by_tracking(
    shot: Shot, frame: PreparedFrame, start: np.ndarray | None = None
) -> np.ndarray | None:
    """Returns the homography of a frame by tracking from the last pose of a shot (or `start`).

    Returns None if the frame does not look like the composite there.
    """
    start = shot.matrix if start is None else start
    correction = _correction(shot, warp(frame.grey, start, shot.size))
    for matrix in ([] if correction is None else [correction @ start]) + [start]:
        if _agrees_with_composite(shot, frame, matrix):
            return matrix / matrix[2, 2]
    return None


def _correction(shot: Shot, seen: np.ndarray) -> np.ndarray | None:
    """Returns the homography (3, 3) that corrects a frame that is warped to a shot, or None.

    Args:
        seen: contrast-normalised grey uint8 (h, w) in shot coordinates.
    """
    if shot.anchor is not None:
        found = register_by_tracking(*shot.anchor, seen)
        if found is not None and found.is_reliable:
            return found.matrix
        # The picture has changed too much. The next composite becomes the anchor.
        shot.anchor = None
    found = register_by_tracking(*shot.to_track(), seen)
    return None if found is None else found.matrix


def _agrees_with_composite(shot: Shot, frame: PreparedFrame, matrix: np.ndarray) -> bool:
    """Returns True if the composite and the frame, warped by `matrix`, show the same scene."""
    height, width = shot.coarse.shape
    shrink = scaling(height / shot.size[1])
    coarse = shrink @ matrix @ np.linalg.inv(scaling(frame.coarse.shape[0] / frame.grey.shape[0]))
    seen = warp(frame.coarse, coarse, (width, height))
    return shows_same_scene(
        shot.coarse, seen, valid_area(frame.coarse.shape, coarse, (width, height))
    )
