"""The one pass over a video: every sampled frame registered as it comes, and what is kept of it.

A video is decoded once. What is kept of a frame is bounded (a JPEG and a small copy), so memory
does not grow with the video's length or size.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import cv2
import numpy as np

from ingest.conventions.errors import Refusal
from ingest.video.decoding.decode import Video
from ingest.video.decoding.spool import Spool
from ingest.video.imaging.geometry import resize_to, scaling, valid_area, warp
from ingest.video.registration.tracking import AlignConfig, Pose, Sight, Tracker
from ingest.video.segmentation.captions import Caption, find_captions

SMALL_SIDE_PX = 240
MIN_FRAMES = 12
"""Frames of the main view that are needed to tell paint from hands."""


@dataclass(frozen=True)
class Looked:
    """One frame as it was looked at."""

    index: int
    time_s: float
    pose: Pose
    small: np.ndarray
    """RGB uint8, small: for light and cover."""
    grey: np.ndarray
    """Grey uint8 at the size at which frames are registered."""


@dataclass(frozen=True, eq=False)
class Look:
    """All frames that were looked at."""

    looked: list[Looked]
    side_px: int
    """Short side of the frames as they were registered."""
    spool: Spool
    frame_shape: tuple[int, ...]
    captions: tuple[Caption, ...] = ()
    """Boxes of the frames' small copies that show no canvas."""

    def lay(self, i: int, matrix: np.ndarray, take: int | None = None) -> None:
        """Give frame `i` another homography (3, 3) to take coordinates; its take stays, or is
        `take`."""
        take = self.looked[i].pose.take if take is None else take
        self.looked[i] = replace(self.looked[i], pose=Pose(take, matrix / matrix[2, 2]))

    def take_from_frame(self, i: int) -> np.ndarray:
        """Homography from the pixels of frame `i`, as it is in the video, to take coordinates."""
        factor = min(1.0, self.side_px / min(self.frame_shape[:2]))
        return self.looked[i].pose.matrix @ scaling(factor)

    def take_from_small(self, i: int) -> np.ndarray:
        """The same from the pixels of its small copy."""
        shrunk = min(1.0, SMALL_SIDE_PX / min(self.frame_shape[:2]))
        return self.take_from_frame(i) @ np.linalg.inv(scaling(shrunk))

    def take_from_spooled(self, i: int) -> np.ndarray:
        """The same from the pixels of its spooled copy."""
        return self.take_from_frame(i) @ np.linalg.inv(scaling(self.spool.factor))


def look_at(video: Video, config: AlignConfig) -> Look:
    """Look at the sampled frames of a video. Raises Refusal: too-short."""
    tracker, spool, looked, shape = Tracker(config), Spool(), [], (0, 0, 3)
    for frame in video.frames(video.sample_times()):
        shape = frame.image.shape
        spool.add(frame.image)
        sight = Sight.of(resize_to(frame.image, config.side_px)[0])
        pose = tracker.add(sight)
        small, _ = resize_to(sight.colour, SMALL_SIDE_PX)
        looked.append(Looked(frame.index, frame.time_s, pose, small, sight.grey))
    if len(looked) < MIN_FRAMES:
        raise Refusal(
            "too-short",
            f"{video.path.name} gives {len(looked)} frames, at least {MIN_FRAMES} are needed to "
            "tell paint from hands",
        )
    look = Look(looked, config.side_px, spool, shape)
    greys = [cv2.cvtColor(one.small, cv2.COLOR_RGB2GRAY) for one in looked]
    return replace(look, captions=find_captions(greys, lambda i: _change(look, greys, i)))


def _change(look: Look, greys: list[np.ndarray], i: int) -> np.ndarray | None:
    """How much the frames before and after frame `i` differ, as `i` sees them: uint8 (h, w), 0 out
    of view; None where the three are not of one take.

    Args:
        greys: small grey copies of all frames.
    """
    if not 0 < i < len(greys) - 1:
        return None
    if len({look.looked[k].pose.take for k in (i - 1, i, i + 1)}) > 1:
        return None
    seen_from = np.linalg.inv(look.take_from_small(i))
    height, width = greys[i].shape
    both, seen = np.ones((height, width), bool), []
    for k in (i - 1, i + 1):
        matrix = seen_from @ look.take_from_small(k)
        seen.append(warp(greys[k], matrix, (width, height)))
        both &= valid_area((height, width), matrix, (width, height))
    return np.where(both, cv2.absdiff(*seen), 0)
