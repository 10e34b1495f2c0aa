"""Reads a folder of pictures with `frames.csv` (``file,time_s``) as a video.

Such a folder comes from a camera on a timer. Like a video it still shows hands; a folder with
`times.csv` holds finished keyframes instead (`ingest.per_source.folder_to_keyframes`).
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from ingest.conventions.errors import Refusal
from ingest.format.picture_files import decode_picture
from ingest.sources.picture_times import read_times
from ingest.sources.source_row import FRAMES_FILE
from ingest.video.decoding.decode import TIME_TOLERANCE_S, DecodeConfig, Frame, Video, VideoInfo


class ImageSequence(Video):
    """A folder of frames, read like a video; only wanted pictures are opened."""

    def __init__(self, path: Path, config: DecodeConfig) -> None:
        """Raises Refusal: bad-times, too-short, unreadable."""
        self.path, self.config, self.warnings = path, config, []
        self._pictures = read_times(path, path / FRAMES_FILE)
        if len(self._pictures) < 2:
            raise Refusal(
                "too-short", f"{path} has {len(self._pictures)} frame: expected a process"
            )
        first_s = self._pictures[0][1]
        self._times_s = np.array([time_s - first_s for _, time_s in self._pictures])
        number, length_s = len(self._pictures), float(self._times_s[-1])
        duration_s = length_s + length_s / (number - 1)
        height, width = self._first_shape()
        self.info = VideoInfo(duration_s, number / duration_s, width, height, number, None, 1.0)

    def frames(self, times_s: Sequence[float], short_side_px: int | None = None) -> Iterator[Frame]:
        """As `Video.frames`: the first readable picture at or after each time, scaled to the size
        of the first readable one. A warning names pictures that cannot be read."""
        shape = self.info.height_px, self.info.width_px
        scale = min(1.0, (short_side_px or min(shape)) / min(shape))
        size = (max(1, round(shape[1] * scale)), max(1, round(shape[0] * scale)))
        given, damaged = -1, list[str]()
        for index in np.searchsorted(self._times_s, np.asarray(times_s) - TIME_TOLERANCE_S):
            for place in range(int(index), len(self._pictures)) if index > given else ():
                try:
                    image = decode_picture(self._pictures[place][0].read_bytes())
                except ValueError:
                    damaged.append(self._pictures[place][0].name)
                    continue
                if image.shape[1::-1] != size:
                    image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
                yield Frame(place, float(self._times_s[place]), image, scale)
                given = place
                break
        if damaged:
            names = ", ".join(damaged[:3])
            self.warnings = [f"damaged pictures: {len(damaged)} cannot be read ({names}, ...)"]

    def _cheap_frames(self, number: int) -> np.ndarray:
        return np.empty(0, np.int64)

    def _first_shape(self) -> tuple[int, int]:
        for picture, _ in self._pictures:
            with contextlib.suppress(ValueError):
                height, width = decode_picture(picture.read_bytes()).shape[:2]
                return height, width
        raise Refusal("unreadable", f"{self.path} holds no readable picture: export them again")
