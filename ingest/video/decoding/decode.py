"""Decodes the frames of a video at chosen times, with their real timestamps.

FFmpeg decodes, through PyAV, and only what is needed: groups of pictures without a wanted frame are
skipped, and so are frames that no other frame refers to. The frames are bit-exact those of decoding
everything. They look as in a player (`frame_conversion`) and come one at a time, so memory does not
grow with the length of the video.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

import av
import av.error
import numpy as np
from pydantic import Field, field_validator

from ingest.conventions.config import Config
from ingest.conventions.errors import Refusal
from ingest.video.decoding.frame_conversion import FrameConverter, display_matrix
from ingest.video.decoding.packet_decoding import decoded_frames
from ingest.video.decoding.packets import (
    PacketTable,
    declared_duration_s,
    open_video,
    read_packets,
    video_stream,
)

TRUNCATION_TOLERANCE_S = 0.5
"""Seconds that a video may lack at its end before it counts as truncated."""
TRUNCATION_SHARE = 0.03
"""The same as a share of the declared duration; the larger of both holds."""
TIME_TOLERANCE_S = 1e-3
"""Seconds by which a frame may lie before a wanted time and still be the one wanted."""
MAX_PIXEL_ASPECT = 4.0
"""Largest ratio of the sides of a pixel; a file that declares more has square pixels."""


class DecodeConfig(Config):
    """Which frames of a video are sampled, and who decodes them."""

    backend: Literal["auto", "av", "decord"] = "auto"
    """Decoder of video files: av (PyAV), decord (plain files only), or auto: the faster of those
    whose frames are right, which is av."""
    fps: float = Field(default=2.0, gt=0)
    """Sampled frames per second of video."""
    min_frames: int = Field(default=240, ge=8)
    """Least number of sampled frames, whatever `fps` says: sped-up clips are short."""
    max_frames: int = Field(default=480, ge=8)
    """Largest number of sampled frames; bounds time and memory for long videos."""
    max_pixels: int = Field(default=8192 * 8192, ge=1024)
    """Larger frames are refused: a damaged header can declare any size (8K has 33 million)."""

    @field_validator("backend")
    @classmethod
    def _is_installed(cls, backend: str) -> str:
        if backend == "decord" and importlib.util.find_spec("decord") is None:
            raise ValueError(
                "decord is not installed here (wheels: Linux x86-64, Windows): take av"
            )
        return backend


@dataclass(frozen=True)
class VideoInfo:
    """Duration, rate and size of a video, measured from its packets and not from its header."""

    duration_s: float
    fps: float
    width_px: int
    height_px: int
    num_packets: int
    declared_duration_s: float | None
    pixel_aspect: float
    """Width of a stored pixel over its height; decoded frames have square ones."""


@dataclass(frozen=True)
class Frame:
    """One decoded frame; `image` is RGB uint8 (H, W, 3), upright, with square pixels."""

    index: int
    """Place among the frames of the video, from 0."""
    time_s: float
    """Seconds after the first frame."""
    image: np.ndarray
    scale: float = 1.0
    """Pixels of `image` per pixel of the full-size frame, at most 1."""


class Video:
    """A readable video. `warnings` holds what was noticed while reading, such as truncation."""

    def __init__(self, path: Path, config: DecodeConfig) -> None:
        """Raises Refusal: empty-file, unreadable, no-video-stream, too-short."""
        self.path, self.config = path, config
        self.info, self.packets = probe(path, config.max_pixels)
        self.warnings: list[str] = self.packets.odd_times()
        self._times_s = self.packets.times_s

    def sample_times(self) -> list[float]:
        """Times of about evenly spaced frames, as many as the config wants and the video has.

        The video is divided into equal periods. Each gives the first of its frames that is cheap to
        decode: a key frame, if there are at least as many as periods; else a frame that other
        frames refer to, as the order of decoding shows; else its first frame. All times are those
        of frames, in seconds, ascending.
        """
        wanted = self.info.duration_s * self.config.fps
        number = int(min(max(wanted, self.config.min_frames), self.config.max_frames))
        number = max(1, min(number, self.info.num_packets))
        starts = np.arange(number) * (self.info.duration_s / number)
        chosen = np.searchsorted(self._times_s, starts - TIME_TOLERANCE_S)
        cheap = self._cheap_frames(number)
        if len(cheap):
            first = cheap[np.minimum(np.searchsorted(cheap, chosen), len(cheap) - 1)]
            ends = np.append(chosen[1:], len(self._times_s))
            chosen = np.where((chosen <= first) & (first < ends), first, chosen)
        chosen = np.unique(chosen[chosen < len(self._times_s)])
        return [float(time_s) for time_s in self._times_s[chosen]]

    def frames(self, times_s: Sequence[float], short_side_px: int | None = None) -> Iterator[Frame]:
        """For each of the ascending times the first frame at or after it; no frame comes twice.

        If that frame cannot be decoded (damage), the next decodable one takes its place;
        `Frame.time_s` and `Frame.index` are those of the frame that is returned. Deterministic.

        Args:
            times_s: seconds after the first frame; those of `sample_times` are cheap to decode.
            short_side_px: scale frames down to this short side during colour conversion, by area
                averages, which is faster than afterwards. Smaller frames keep their size.
        """
        last_time_s = 0.0
        for frame in self._frames(times_s, short_side_px):
            last_time_s = frame.time_s
            yield frame
        self._note_truncation(times_s, last_time_s)

    @cached_property
    def _display_matrix(self) -> tuple[int, int, int, int] | None:
        """That of the first frame, which holds for all: H.264 and HEVC streams may tell it once."""
        frames = decoded_frames(self.path, self.packets, np.array([0]), self.config.max_pixels)
        first = next(frames, None)
        return None if first is None else display_matrix(first)

    def _cheap_frames(self, number: int) -> np.ndarray:
        return self.packets.cheap_frames(number)

    def _frames(self, times_s: Sequence[float], short_side_px: int | None) -> Iterator[Frame]:
        times = self._times_s
        indices = np.unique(np.searchsorted(times, np.asarray(times_s) - TIME_TOLERANCE_S))
        indices = indices[indices < len(times)]
        if not len(indices):
            return
        converter = FrameConverter(self.info.pixel_aspect, short_side_px, self._display_matrix)
        position = 0
        decoded = decoded_frames(self.path, self.packets, indices, self.config.max_pixels)
        for count, image in enumerate(decoded):
            index = count
            if self.packets.has_presentation_times:
                index = int(np.searchsorted(self.packets.shown_pts, image.pts or 0))
            if index < indices[position] or index >= len(times):
                continue
            yield Frame(index, float(times[index]), *converter.convert(image))
            if converter.unknown_transfer:
                self._warn(
                    "unknown colours",
                    f"transfer {converter.unknown_transfer} is not converted, so colours may be "
                    "off; convert the film to BT.709",
                )
            position = int(np.searchsorted(indices, index, side="right"))
            if position == len(indices):
                return

    def _note_truncation(self, times_s: Sequence[float], last_time_s: float) -> None:
        """Warn if frames at the end could not be read, or the header declares a longer video."""
        missed_s = times_s[-1] - last_time_s if times_s else 0.0
        declared_s = self.info.declared_duration_s or 0.0
        lacking_s = max(missed_s, declared_s - self.info.duration_s)
        if lacking_s > max(TRUNCATION_TOLERANCE_S, TRUNCATION_SHARE * declared_s):
            end_s = min(last_time_s, self.info.duration_s)
            self._warn(
                "truncated",
                f"about {lacking_s:.1f} s are missing after {end_s:.1f} s; "
                "fetch the file again to get the rest",
            )

    def _warn(self, kind: str, detail: str) -> None:
        """Adds a warning, in place of an earlier one of its kind."""
        others = [warning for warning in self.warnings if not warning.startswith(f"{kind}: ")]
        self.warnings = [*others, f"{kind}: {detail}"]


def probe(path: Path, max_pixels: int) -> tuple[VideoInfo, PacketTable]:
    """Size, rate, true duration and packets of a video, without decoding it.

    Raises:
        Refusal: empty-file, unreadable, no-video-stream, too-short.
    """
    if path.is_file() and path.stat().st_size == 0:
        raise Refusal("empty-file", f"{path} has 0 bytes: copy or download it again")
    try:
        with open_video(path) as container:
            stream = video_stream(container)
            if stream is None:
                raise Refusal(
                    "no-video-stream", f"{path} has no pictures, only sound or data: drop it"
                )
            context = stream.codec_context
            if context is None:
                raise Refusal("unreadable", f"{path}: no decoder for its pictures: convert it")
            width, height = context.width, context.height
            if width * height > max_pixels:
                raise Refusal(
                    "unreadable",
                    f"{path} declares frames of {width}x{height} px: damaged, or raise "
                    f"ingest.decode.max_pixels ({max_pixels})",
                )
            table = read_packets(container, stream)
            declared = declared_duration_s(container, stream)
            rate, aspect = float(stream.average_rate or 0), _pixel_aspect(stream)
    except av.error.FFmpegError as error:
        raise Refusal(
            "unreadable", f"{path} is no readable video ({error.strerror}): convert or drop it"
        ) from error
    number, length = len(table.shown_pts), float(table.times_s[-1])
    if length <= 0:
        raise Refusal("too-short", f"{path} lasts 0 s: expected a video of a process")
    duration = length + length / (number - 1)
    rate = rate or number / duration
    if declared is not None:
        declared -= table.bridged_s
    return VideoInfo(duration, rate, width, height, number, declared, aspect), table


def _pixel_aspect(stream: Any) -> float:
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 1 / MAX_PIXEL_ASPECT <= aspect <= MAX_PIXEL_ASPECT else 1.0
