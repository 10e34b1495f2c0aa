"""Cuts a video into clips of a few frames, with the median image and the page outlines of each."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass

import numpy as np

from ingest.video.canvas.page_outlines import PageOutline, find_page_outlines
from ingest.video.imaging.geometry import scaling, warp
from ingest.video.imaging.median import upper_median
from ingest.video.registration.sampled_video import SampledVideo

PICTURE_SIDE_PX = 320
"""Short side of the median images, in which outlines are searched for."""
MIN_FRAMES = 5
"""Least number of frames in each half of a clip that is split."""
MAX_PICTURES = 6
"""Largest number of median images of a clip."""
PICTURE_FRAMES = 3
"""Least number of frames per median image, if a clip has more than one of them."""
CLEAR_SCORE = 0.75
"""Score from which a page outline is clear."""


@dataclass(frozen=True, eq=False)
class Clip:
    """A few consecutive frames that share coordinates, and the page outlines in them."""

    frames: list[int]
    """Positions of the frames among the sampled frames."""
    picture: np.ndarray
    """RGB uint8 (h, w, 3): median of the frames, in the view of the middle one."""
    outlines: list[PageOutline]
    """Candidates for the canvas, best first."""

    @property
    def has_clear_outline(self) -> bool:
        return bool(self.outlines) and self.outlines[0].score >= CLEAR_SCORE


def make_clip(sampled: SampledVideo, frames: list[int]) -> Clip:
    """Returns the clip of some frames with consistent poses."""
    number = max(1, min(MAX_PICTURES, len(frames) // PICTURE_FRAMES))
    groups = np.array_split(np.array(frames), number)
    pictures = [_picture(sampled, [int(i) for i in group], frames) for group in groups]
    return Clip(frames, upper_median(pictures), find_page_outlines(pictures))


def middle_frame(frames: list[int]) -> int:
    """Returns the frame in whose view the median image of a clip is."""
    return frames[len(frames) // 2]


def _picture(sampled: SampledVideo, group: list[int], frames: list[int]) -> np.ndarray:
    """Returns the median of some frames of a clip, in the view of its middle frame."""
    height, width = sampled.frames[middle_frame(frames)].grey.shape
    factor = min(1.0, PICTURE_SIDE_PX / min(height, width))
    from_shot = np.linalg.inv(sampled.frames[middle_frame(frames)].pose.matrix)
    to_picture = scaling(factor) @ from_shot
    size = (round(width * factor), round(height * factor))
    warped = [
        warp(sampled.frames[i].small, to_picture @ sampled.shot_from_small(i), size) for i in group
    ]
    return upper_median(warped)


def split_without_outline(sampled: SampledVideo, clip: Clip) -> list[Clip]:
    """Splits a clip without a clear outline, recursively, if a part of it has one.

    The canvas may have been moved within the clip.
    """
    if clip.has_clear_outline or len(clip.frames) < 2 * MIN_FRAMES:
        return [clip]
    middle = len(clip.frames) // 2
    parts = [
        part
        for frames in (clip.frames[:middle], clip.frames[middle:])
        for part in split_without_outline(sampled, make_clip(sampled, frames))
    ]
    return parts if any(part.has_clear_outline for part in parts) else [clip]


def split_in_halves(
    clips: list[Clip],
    unsplit: Collection[int],
    make: Callable[[list[int]], Clip],
    min_frames: int = MIN_FRAMES,
) -> tuple[list[Clip], list[int]]:
    """Splits clips in two, because the canvas may have been moved within them.

    Args:
        unsplit: indices of the clips that are not split.
        make: returns the clip of some frames.
        min_frames: least number of frames in each half; clips with fewer are not split.

    Returns:
        The parts and, for each of them, the index of the clip that it comes from.
    """
    parts, source = [], []
    for k, clip in enumerate(clips):
        middle = len(clip.frames) // 2
        if k in unsplit or middle < min_frames:
            found = [clip]
        else:
            found = [make(frames) for frames in (clip.frames[:middle], clip.frames[middle:])]
        parts += found
        source += [k] * len(found)
    return parts, source
