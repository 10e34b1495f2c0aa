"""Frames of a video at chosen times, with their real timestamps.

FFmpeg decodes, through PyAV, and only what has to be decoded: groups of pictures that show no
wanted frame are passed over, and so are frames that no other frame refers to. What comes out is
equal to the bit to decoding everything. Frames are upright, have square pixels, and come one at a
time, so that memory does not grow with the length of the video.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.video.reformatter import Interpolation, VideoReformatter
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import Refusal
from ingest.video.decoding.packets import PacketTable, open_video, read_packets, video_stream

TRUNCATION_TOLERANCE_S, TRUNCATION_SHARE = 0.5, 0.03
TIME_TOLERANCE_S = 1e-3
SQUEEZE_LIMIT = 4.0
"""Pixels that claim to be longer than this, one way or the other, are taken for square ones."""
AREA = Interpolation.AREA | Interpolation.BITEXACT | Interpolation.ACCURATE_RND
PLAIN = Interpolation.BILINEAR | Interpolation.BITEXACT
"""Without scaling this takes FFmpeg's straight way, five times faster and just as exact."""


class DecodeConfig(Config):
    """Which frames are looked at."""

    fps: float = Field(default=2.0, gt=0)
    """Frames looked at per second of video."""
    min_frames: int = Field(default=240, ge=8)
    """At least so many over the whole video: sped-up clips are short."""
    max_frames: int = Field(default=480, ge=8)
    """At most so many over the whole video; bounds time and memory for long ones."""
    max_pixels: int = Field(default=8192 * 8192, ge=1024)
    """Larger frames are refused: a damaged header can declare any size (8K has 33 million)."""


@dataclass(frozen=True)
class VideoInfo:
    """What the container holds, measured from its packets rather than from its header."""

    duration_s: float
    fps: float
    width_px: int
    height_px: int
    num_packets: int
    declared_duration_s: float | None
    pixel_aspect: float
    """Width of a stored pixel over its height; frames are delivered with square ones."""


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
    """A readable video. `warnings` collects what was noticed while reading."""

    def __init__(self, path: Path, config: DecodeConfig) -> None:
        """Raises Refusal: empty-file, unreadable, no-video-stream, too-short."""
        self.path, self.config = path, config
        self.warnings: list[str] = []
        self.info, self.packets = probe(path, config.max_pixels)
        self._times_s = self.packets.times_s

    def sample_times(self) -> list[float]:
        """Times of about evenly spaced frames, as many as the config allows and the video has.

        The video is divided into equal periods, and each gives the first of its frames that is
        cheap to decode: a key frame, where these are at least as many as the periods; else one that
        other frames refer to, told by its place in the order of decoding; else just its first
        frame. All times are those of frames, in seconds, rising.
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
        """For each of the rising times the first frame at or after it; a frame is given once.

        Where that frame cannot be decoded (damage), the next one that comes out of the decoder
        takes its place; `Frame.time_s` and `Frame.index` tell what it really is. Same file, same
        times: same frames.

        Args:
            times_s: seconds after the first frame; `sample_times` gives times that are cheap.
            short_side_px: scale frames down to this short side while their colours are converted,
                by area averages: faster than converting first. Smaller frames stay as they are.
        """
        last_time_s = 0.0
        for frame in self._frames(times_s, short_side_px):
            last_time_s = frame.time_s
            yield frame
        self._note_truncation(times_s, last_time_s)

    def _cheap_frames(self, number: int) -> np.ndarray:
        return self.packets.cheap_frames(number)

    def _frames(self, times_s: Sequence[float], short_side_px: int | None) -> Iterator[Frame]:
        times = self._times_s
        indices = np.unique(np.searchsorted(times, np.asarray(times_s) - TIME_TOLERANCE_S))
        indices = indices[indices < len(times)]
        if not len(indices):
            return
        converter = _Converter(self.info.pixel_aspect, short_side_px)
        position = 0
        decoded = _decoded(self.path, self.packets, indices, self.config.max_pixels)
        for count, image in enumerate(decoded):
            index = count
            if self.packets.stamps_are_true:
                index = int(np.searchsorted(self.packets.shown, image.pts or 0))
            if index < indices[position] or index >= len(times):
                continue
            yield Frame(index, float(times[index]), *converter.convert(image))
            position = int(np.searchsorted(indices, index, side="right"))
            if position == len(indices):
                return

    def _note_truncation(self, times_s: Sequence[float], last_time_s: float) -> None:
        """Compare what could be read with what the header promised and the packets hold."""
        missed_s = times_s[-1] - last_time_s if times_s else 0.0
        declared_s = self.info.declared_duration_s or 0.0
        lacking_s = max(missed_s, declared_s - self.info.duration_s)
        if lacking_s > max(TRUNCATION_TOLERANCE_S, TRUNCATION_SHARE * declared_s):
            end_s = min(last_time_s, self.info.duration_s)
            self.warnings = [
                f"truncated: about {lacking_s:.1f} s are missing after {end_s:.1f} s; "
                "fetch the file again to get the rest"
            ]


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
            declared = container.duration / av.time_base if container.duration else None
            rate, aspect = float(stream.average_rate or 0), _pixel_aspect(stream)
    except av.error.FFmpegError as error:
        raise Refusal(
            "unreadable", f"{path} is no readable video ({error.strerror}): convert or drop it"
        ) from error
    number, length = len(table.shown), float(table.times_s[-1])
    if length <= 0:
        raise Refusal("too-short", f"{path} lasts 0 s: expected a video of a process")
    duration = length + length / (number - 1)
    rate = rate or number / duration
    return VideoInfo(duration, rate, width, height, number, declared, aspect), table


def _pixel_aspect(stream: Any) -> float:
    aspect = float(stream.sample_aspect_ratio or 1)
    return aspect if 1 / SQUEEZE_LIMIT <= aspect <= SQUEEZE_LIMIT else 1.0


def _decoded(
    path: Path, table: PacketTable, frames: np.ndarray, max_pixels: int
) -> Iterator[av.VideoFrame]:
    """Frames in the order of presentation: the wanted ones, and those decoded on the way."""
    wanted, needed = table.to_decode(frames)
    awaited, is_fed = set[int](), False
    with open_video(path) as container:
        stream = video_stream(container)
        assert stream is not None, "probe has found one"
        context = stream.codec_context
        context.thread_count = 1  # Videos are decoded side by side, one on a core.
        context.options = {"max_pixels": str(max_pixels)}
        context.open(False)
        # The table says how far to go: a file that is still being copied may have grown.
        for position, packet in zip(range(len(needed)), _packets(container, stream), strict=False):
            if not needed[position] and is_fed:
                for frame in _flushed(context):
                    awaited.discard(frame.pts)
                    yield frame
                if awaited:
                    # A key frame that is none (gradual refresh), or damage: from the next one on
                    # nothing is passed over, so that what can be seen is found.
                    needed[position:] |= np.maximum.accumulate(table.is_key[position:])
                awaited.clear()
                if not needed[position:].any():
                    return
            is_fed = bool(needed[position])
            if not is_fed:
                continue
            if wanted[position]:
                awaited.add(int(table.stamps[position]))
            context.skip_frame = (
                "DEFAULT" if wanted[position] or not table.stamps_are_true else "NONREF"
            )
            # Damage costs the frames that it hits; those after it are still decoded.
            with contextlib.suppress(av.error.FFmpegError, EOFError):
                for frame in context.decode(packet):
                    awaited.discard(frame.pts)
                    yield frame
        yield from _flushed(context)


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """The packets that `read_packets` has counted; ends where the file cannot be read further."""
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def _flushed(context: Any) -> Iterator[av.VideoFrame]:
    """Frames that the decoder still holds back; it is ready for a key frame afterwards."""
    with contextlib.suppress(av.error.FFmpegError, EOFError):
        yield from context.decode(None)
    context.flush_buffers()


class _Converter:
    """Decoder frames to upright RGB of one size: that of the first frame."""

    def __init__(self, pixel_aspect: float, short_side_px: int | None) -> None:
        self._pixel_aspect, self._short_side_px = pixel_aspect, short_side_px
        self._reformatter = VideoReformatter()
        self._size: tuple[int, int] | None = None
        self._scale = 1.0

    def convert(self, frame: av.VideoFrame) -> tuple[np.ndarray, float]:
        """RGB uint8 (H, W, 3) and its scale."""
        if self._size is None:
            self._size, self._scale = self._delivered_size(frame)
        width, height = self._size
        same = (width, height) == (frame.width, frame.height)
        image = self._reformatter.reformat(
            frame, width, height, "rgb24", interpolation=PLAIN if same else AREA, threads=1
        ).to_ndarray()
        turns = round((frame.rotation or 0) / 90) % 4
        return np.ascontiguousarray(np.rot90(image, turns)), self._scale

    def _delivered_size(self, frame: av.VideoFrame) -> tuple[tuple[int, int], float]:
        width, height = max(1, round(frame.width * self._pixel_aspect)), frame.height
        scale = min(1.0, (self._short_side_px or min(width, height)) / min(width, height))
        return (max(1, round(width * scale)), max(1, round(height * scale))), scale
