"""Decodes the frames of a video with decord, behind the interface of `Video`.

Decord reads plain files only: it knows no orientation, transparency or transfer. A video is refused
if decord counts other frames or times than the packets, or shows another first frame than PyAV.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ingest.conventions.errors import Refusal
from ingest.video.decoding.decode import TIME_TOLERANCE_S, DecodeConfig, Frame, Video

MAX_FIRST_FRAME_DIFFERENCE = 1.0
"""Largest mean difference, in levels of 255, between decord's and PyAV's first frame."""


class DecordVideo(Video):
    """A video whose frames decord decodes. Times, sampling and warnings are those of `Video`."""

    def __init__(self, path: Path, config: DecodeConfig) -> None:
        """Raises Refusal: as `Video`, and unreadable where decord cannot read what PyAV can."""
        super().__init__(path, config)
        self._reader = self._opened()
        self._check_first_frame()

    def _frames(self, times_s: Sequence[float], short_side_px: int | None) -> Iterator[Frame]:
        times = self._times_s
        indices = np.unique(np.searchsorted(times, np.asarray(times_s) - TIME_TOLERANCE_S))
        for index in indices[indices < len(times)]:
            self._reader.seek_accurate(int(index))
            image, scale = self._delivered(self._reader.next().asnumpy(), short_side_px)
            yield Frame(int(index), float(times[index]), image, scale)

    def _delivered(self, image: np.ndarray, short_side_px: int | None) -> tuple[np.ndarray, float]:
        """RGB uint8 (H, W, 3) with square pixels, and its scale."""
        width, height = max(1, round(image.shape[1] * self.info.pixel_aspect)), image.shape[0]
        scale = min(1.0, (short_side_px or min(width, height)) / min(width, height))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        if size != (image.shape[1], image.shape[0]):
            image = cv2.resize(image, size, interpolation=cv2.INTER_AREA)
        return image, scale

    def _check_first_frame(self) -> None:
        expected, got = next(super()._frames([0.0], None), None), next(self._frames([0.0], None))
        if expected is None or expected.image.shape != got.image.shape:
            raise self._refusal("decord's frames have another size or orientation than PyAV's")
        difference = float(np.abs(got.image.astype(np.int16) - expected.image).mean())
        if difference > MAX_FIRST_FRAME_DIFFERENCE:
            raise self._refusal(f"decord's colours are off by {difference:.0f} of 255 levels")

    def _opened(self) -> Any:
        import decord

        decord.logging.set_level(decord.logging.QUIET)
        try:
            # Videos are decoded side by side, one on a core.
            reader = decord.VideoReader(str(self.path), num_threads=1)
        except decord.DECORDError as error:
            raise self._refusal(f"decord cannot read it ({str(error).splitlines()[0]})") from error
        if len(reader) != len(self._times_s):
            raise self._refusal(f"decord counts {len(reader)} of {len(self._times_s)} frames")
        starts_s = reader.get_frame_timestamp(list(range(len(reader))))[:, 0]
        off_s = float(np.abs(starts_s - starts_s[0] - self._times_s).max())
        if off_s > TIME_TOLERANCE_S:
            raise self._refusal(f"decord's times are off by up to {off_s:.3f} s")
        return reader

    def _refusal(self, why: str) -> Refusal:
        return Refusal("unreadable", f"{self.path}: {why}: set ingest.decode.backend=auto")
