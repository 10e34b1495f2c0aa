"""Frames of a video at chosen times, with their real timestamps.

decord decodes where it can; PyAV (gif, AV1, machines without decord) stands behind the same
interface. Rotation tags are applied, a file that ends early is noticed, and memory does not grow
with the length of the video: frames come one at a time.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import av
import av.error
import numpy as np
from pydantic import Field

from ingest.config import Config
from ingest.errors import Refusal

try:
    import decord
except ImportError:  # No wheel for this machine: PyAV does all of it.
    decord = None

MAX_DAMAGED_PACKETS = 50
TRUNCATION_TOLERANCE_S, TRUNCATION_SHARE = 0.5, 0.03


class DecodeConfig(Config):
    """Which frames are looked at."""

    fps: float = Field(default=2.0, gt=0)
    """Frames looked at per second of video."""
    min_frames: int = Field(default=240, ge=8)
    """At least so many over the whole video: sped-up clips are short."""
    max_frames: int = Field(default=600, ge=8)
    """At most so many over the whole video; bounds time and memory for long ones."""
    backend: Literal["auto", "pyav"] = "auto"
    """auto: decord, and PyAV where decord cannot; pyav: PyAV only."""


@dataclass(frozen=True)
class VideoInfo:
    """What the container holds, measured from its packets rather than from its header."""

    duration_s: float
    fps: float
    width_px: int
    height_px: int
    num_packets: int
    declared_duration_s: float | None


@dataclass(frozen=True)
class Frame:
    """One decoded frame; `image` is RGB uint8 (H, W, 3), upright."""

    index: int
    """Place among the frames of the video, from 0."""
    time_s: float
    """Seconds after the first frame."""
    image: np.ndarray


class Video:
    """A readable video. `warnings` collects what was noticed while reading."""

    def __init__(self, path: Path, config: DecodeConfig) -> None:
        """Raises Refusal: empty-file, unreadable, no-video-stream, too-short."""
        self.path, self.config = path, config
        self.warnings: list[str] = []
        self.info = probe(path)

    def sample_times(self) -> list[float]:
        """Evenly spaced times in seconds, as many as the config allows and the video has."""
        wanted = self.info.duration_s * self.config.fps
        number = int(min(max(wanted, self.config.min_frames), self.config.max_frames))
        number = max(1, min(number, self.info.num_packets))
        step = self.info.duration_s / number
        return [i * step for i in range(number)]

    def frames(self, times_s: Sequence[float]) -> Iterator[Frame]:
        """For each time the first frame at or after it; a frame is given once."""
        last_time_s = 0.0
        for frame in self._frames(times_s):
            last_time_s = frame.time_s
            yield frame
        self._note_truncation(times_s, last_time_s)

    def _frames(self, times_s: Sequence[float]) -> Iterator[Frame]:
        remaining, next_index = list(times_s), 0
        if decord is not None and self.config.backend == "auto":
            try:
                for position, frame in _decord_frames(self.path, times_s, self.info.num_packets):
                    remaining, next_index = list(times_s[position + 1 :]), frame.index + 1
                    yield frame
                return
            except decord.DECORDError:
                # decord gives up at the first fault; PyAV still finds the frames around it.
                pass
        yield from _pyav_frames(self.path, remaining, next_index)

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


def probe(path: Path) -> VideoInfo:
    """Size, rate and true duration of a video, without decoding it.

    Raises:
        Refusal: empty-file, unreadable, no-video-stream, too-short.
    """
    if path.stat().st_size == 0:
        raise Refusal("empty-file", f"{path} has 0 bytes: copy or download it again")
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise Refusal(
                    "no-video-stream", f"{path} has no pictures, only sound or data: drop it"
                )
            stream = container.streams.video[0]
            times = _packet_times(container, stream)
            declared = container.duration / av.time_base if container.duration else None
            rate = float(stream.average_rate or 0) or len(times) / max(times[-1:] or [1.0])
            width, height = stream.codec_context.width, stream.codec_context.height
    except av.error.FFmpegError as error:
        raise Refusal(
            "unreadable", f"{path} is no readable video ({error.strerror}): convert or drop it"
        ) from error
    if len(times) < 2:
        raise Refusal("too-short", f"{path} has {len(times)} frame: expected a video of a process")
    duration = times[-1] - times[0] + (times[-1] - times[0]) / (len(times) - 1)
    return VideoInfo(duration, rate, width, height, len(times), declared)


def _packet_times(container: Any, stream: Any) -> list[float]:
    """Sorted presentation times in seconds of all packets that can be demuxed."""
    times: list[float] = []
    # A cut file raises at its end; what came before is what it holds.
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.pts is not None and not packet.is_discard:
                times.append(float(packet.pts * packet.time_base))
    return sorted(times)


def _decord_frames(
    path: Path, times_s: Sequence[float], num_packets: int
) -> Iterator[tuple[int, Frame]]:
    """Position in `times_s` and frame, by decord. Raises DECORDError where it cannot go on."""
    assert decord is not None
    decord.logging.set_level(decord.logging.QUIET)
    # One thread: many videos are decoded side by side, and sharing a reader aborts the process.
    reader = decord.VideoReader(str(path), num_threads=1)
    if len(reader) != num_packets:
        # An edit list hides some packets. decord counts them, and its times are off by seconds.
        raise decord.DECORDError("edit list")
    stamps = np.asarray(reader.get_frame_timestamp(range(len(reader))))[:, 0]
    stamps = stamps - stamps[0]
    previous = -1
    for position, time_s in enumerate(times_s):
        index = int(np.searchsorted(stamps, time_s - 1e-3))
        if index <= previous or index >= len(stamps):
            continue
        previous = index
        image = reader[index].asnumpy()
        if image.shape[2] != 3:
            # decord 0.6 turns frames with a rotation tag into four scrambled channels.
            raise decord.DECORDError("rotated")
        yield position, Frame(index, float(stamps[index]), image)


def _pyav_frames(path: Path, times_s: Sequence[float], first_index: int) -> Iterator[Frame]:
    """The same by PyAV, skipping damaged packets; ends early when the file does."""
    wanted = iter(times_s)
    target = next(wanted, None)
    start_s: float | None = None
    with av.open(str(path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        stream.codec_context.thread_count = 1
        for index, frame in enumerate(_decoded(container, stream)):
            if frame.time is None:
                continue
            start_s = frame.time if start_s is None else start_s
            time_s = frame.time - start_s
            if target is None:
                return
            if index < first_index or time_s < target - 1e-3:
                continue
            image = frame.to_ndarray(format="rgb24")
            turns = round((frame.rotation or 0) / 90) % 4
            yield Frame(index, time_s, np.ascontiguousarray(np.rot90(image, turns)))
            while target is not None and target - 1e-3 <= time_s:
                target = next(wanted, None)


def _decoded(container: Any, stream: Any) -> Iterator[Any]:
    damaged = 0
    packets = container.demux(stream)
    while damaged <= MAX_DAMAGED_PACKETS:
        try:
            packet = next(packets)
            yield from packet.decode()
        except StopIteration:
            return
        except (av.error.FFmpegError, EOFError):
            damaged += 1
