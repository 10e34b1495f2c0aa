"""Computes the pose of every sampled frame of a video in a single decoding pass.

Each frame is kept as a small copy, a grey copy and a JPEG (`FrameCache`), so its original pixels
are not needed in memory.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ingest.conventions.errors import Refusal
from ingest.video.decoding.decode import Video
from ingest.video.decoding.frame_cache import FrameCache
from ingest.video.imaging.geometry import resize_to, scaling, valid_area, warp
from ingest.video.registration.tracking import AlignConfig, Pose, PreparedFrame, Tracker
from ingest.video.segmentation.captions import Caption, find_captions

SMALL_SIDE_PX = 240
"""Short side of the small copies of the frames."""
MIN_FRAMES = 12
"""Least number of frames of the main view. Paint cannot be told from hands with fewer."""


@dataclass(frozen=True)
class SampledFrame:
    """One sampled frame: its pose and two small copies."""

    index: int
    """Number of the frame in the video."""
    time_s: float
    pose: Pose
    small: np.ndarray
    """RGB uint8 (h, w, 3), short side `SMALL_SIDE_PX` or that of registration if it is less, from
    which light and occluders are estimated."""
    grey: np.ndarray
    """uint8 (h, w), contrast-normalised grey at the size at which frames are registered."""


@dataclass(frozen=True, eq=False)
class SampledVideo:
    """All sampled frames of a video with their poses."""

    frames: list[SampledFrame]
    side_px: int
    """Short side of the frames when they are registered."""
    frame_cache: FrameCache
    frame_shape: tuple[int, ...]
    """(height, width, 3) of the frames in the video."""
    captions: tuple[Caption, ...] = ()
    """Captions, as boxes in the small copies of the frames."""

    def set_pose(self, i: int, matrix: np.ndarray, shot: int | None = None) -> None:
        """Replace the homography (3, 3) from frame `i` to shot coordinates.

        Args:
            shot: number of the shot that the frame belongs to from now on; unchanged if None.
        """
        shot = self.frames[i].pose.shot if shot is None else shot
        self.frames[i] = replace(self.frames[i], pose=Pose(shot, matrix / matrix[2, 2]))

    def shot_from_frame(self, i: int) -> np.ndarray:
        """Returns the homography (3, 3) from frame `i` at full size to shot coordinates."""
        factor = min(1.0, self.side_px / min(self.frame_shape[:2]))
        return self.frames[i].pose.matrix @ scaling(factor)

    def shot_from_small(self, i: int) -> np.ndarray:
        """Returns the homography (3, 3) from its small copy to shot coordinates."""
        # It is made from the copy at `side_px`, which may be the smaller one.
        shrunk = min(1.0, min(SMALL_SIDE_PX, self.side_px) / min(self.frame_shape[:2]))
        return self.shot_from_frame(i) @ np.linalg.inv(scaling(shrunk))

    def shot_from_cached(self, i: int) -> np.ndarray:
        """Returns the homography (3, 3) from its cached copy to shot coordinates."""
        return self.shot_from_frame(i) @ np.linalg.inv(scaling(self.frame_cache.factor))


def register_video(video: Video, config: AlignConfig) -> SampledVideo:
    """Decode the sampled frames of a video and register each of them.

    Raises:
        Refusal: too-short.
    """
    tracker, frame_cache, frames, shape = Tracker(config), FrameCache(), [], (0, 0, 3)
    for frame in video.frames(video.sample_times()):
        shape = frame.image.shape
        frame_cache.add(frame.image)
        prepared = PreparedFrame.of(resize_to(frame.image, config.side_px)[0])
        pose = tracker.register(prepared)
        small, _ = resize_to(prepared.colour, SMALL_SIDE_PX)
        frames.append(SampledFrame(frame.index, frame.time_s, pose, small, prepared.grey))
    if len(frames) < MIN_FRAMES:
        raise Refusal(
            "too-short",
            f"{video.path.name} gives {len(frames)} frames, at least {MIN_FRAMES} are needed to "
            "tell paint from hands",
        )
    sampled = SampledVideo(frames, config.side_px, frame_cache, shape)
    greys = [cv2.cvtColor(frame.small, cv2.COLOR_RGB2GRAY) for frame in frames]
    return replace(
        sampled, captions=find_captions(greys, lambda i: _neighbour_difference(sampled, greys, i))
    )


def _neighbour_difference(
    sampled: SampledVideo, greys: list[np.ndarray], i: int
) -> np.ndarray | None:
    """Returns the absolute difference of the frames before and after frame `i`, warped into `i`.

    It is uint8 (h, w), 0 where one of them does not show the place; None if the three frames are
    not all of one shot.

    Args:
        greys: small grey copies of all frames.
    """
    if not 0 < i < len(greys) - 1:
        return None
    if len({sampled.frames[k].pose.shot for k in (i - 1, i, i + 1)}) > 1:
        return None
    to_frame = np.linalg.inv(sampled.shot_from_small(i))
    height, width = greys[i].shape
    in_view, warped = np.ones((height, width), bool), []
    for k in (i - 1, i + 1):
        matrix = to_frame @ sampled.shot_from_small(k)
        warped.append(warp(greys[k], matrix, (width, height)))
        in_view &= valid_area((height, width), matrix, (width, height))
    return np.where(in_view, cv2.absdiff(*warped), 0)
