"""Reads the packets of a video: the times of its frames, and what must be decoded for some of them.

Nothing is decoded here. Reading all packets is cheap (1 s for hours of video) and more reliable
than the header: a truncated file declares frames that it does not hold.
"""

from __future__ import annotations

import contextlib
import re
from array import array
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np
from av.stream import Disposition

from ingest.conventions.errors import Refusal

CONTAINERS = (
    *("mov", "matroska", "avi", "gif", "mpeg", "mpegts", "mpegvideo", "asf", "flv", "ogg", "mxf"),
    *("h264", "hevc", "m4v", "ivf", "obu", "dv", "rm", "apng", "webp", "yuv4mpegpipe", "mjpeg"),
)
"""FFmpeg's names of the formats that are read. Others are excluded on purpose: playlists and
picture patterns open further files and addresses, and the text reader reads any text as a video."""
NO_DTS = np.iinfo(np.int64).min
"""Stands for a missing decoding timestamp."""
ABSURD_FACTOR = 10
"""A step between two frames is absurd if it is this many times as long as all shorter steps of the
film together: a pause of the painter is not."""
MAX_ABSURD_SHARE = 0.1
"""Largest share of the steps that may be absurd; in a film with more the times are real."""
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS)}
"""FFmpeg's options that keep it to local files of these formats."""


@dataclass(frozen=True, eq=False)
class PacketTable:
    """All video packets (n) in the order of decoding, and the frames (m <= n) that are shown."""

    pts: np.ndarray
    """int64 (n): presentation timestamps in units of `unit_s`."""
    is_key: np.ndarray
    """bool (n): key frames, at which decoding can start."""
    shown_pts: np.ndarray
    """int64 (m), sorted: timestamps of the packets that no edit list hides."""
    unit_s: float
    """Seconds per unit of the timestamps."""
    has_presentation_times: bool
    """False if the container holds no presentation times (AVI with B frames, concatenated files):
    the k-th decoded frame is then the k-th of `shown_pts`, and all packets are decoded."""

    @cached_property
    def times_s(self) -> np.ndarray:
        """float64 (m): seconds after the first frame, sorted. Absurd gaps are bridged by the median
        step."""
        steps, is_absurd = np.diff(self.shown_pts), self._absurd_steps
        if not is_absurd.any():
            return (self.shown_pts - self.shown_pts[:1]) * self.unit_s
        steps[is_absurd] = int(np.median(steps[~is_absurd]))
        return np.concatenate([[0], np.cumsum(steps)]) * self.unit_s

    @property
    def bridged_s(self) -> float:
        """Seconds that were taken out of the film by bridging gaps."""
        pts = self.shown_pts
        return float(pts[-1] - pts[0]) * self.unit_s - float(self.times_s[-1])

    def odd_times(self) -> list[str]:
        """A warning for the gaps that were bridged, if there are any."""
        frames = np.flatnonzero(self._absurd_steps) + 1
        if not len(frames):
            return []
        longest_s = float(np.diff(self.shown_pts)[frames - 1].max()) * self.unit_s
        names = ", ".join(str(frame) for frame in frames[:3])
        return [
            f"odd times: {len(frames)} gaps of up to {longest_s:.1f} s (before frame {names}) are "
            f"bridged, the rest lasts {self.times_s[-1]:.1f} s; if the pauses are real, give the "
            "frames as a folder with frames.csv"
        ]

    @cached_property
    def _absurd_steps(self) -> np.ndarray:
        """bool (m - 1): steps that are far longer than all shorter ones together."""
        steps = np.diff(self.shown_pts)
        order = np.argsort(steps, kind="stable")
        before = np.concatenate([[0], np.cumsum(steps[order])[:-1]])
        starts = np.flatnonzero(steps[order] > ABSURD_FACTOR * np.maximum(before, 1))
        starts = starts[starts >= (1 - MAX_ABSURD_SHARE) * len(steps)]
        result = np.zeros(len(steps), bool)
        if len(starts):
            result[order[starts[0] :]] = True
        return result

    def cheap_frames(self, number: int) -> np.ndarray:
        """Indices (into `shown_pts`) of frames that are cheap to decode: the key frames, if there
        are at least `number`; else the frames that are shown later than all decoded before them:
        other frames refer to those."""
        if not self.has_presentation_times:
            return np.empty(0, np.int64)
        is_cheap = self.is_key
        if is_cheap.sum() < number:
            is_cheap = self.pts >= np.maximum.accumulate(self.pts)
        return np.flatnonzero(np.isin(self.shown_pts, self.pts[is_cheap]))

    def to_decode(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The packets of some frames (indices into `shown_pts`), and all that decoding them needs.

        Returns:
            Two bool arrays (n). `wanted`: the packets of the frames. `needed`: for each of them all
            packets from the last key packet that is not shown later.
        """
        wanted = np.isin(self.pts, self.shown_pts[frames])
        if not self.has_presentation_times:
            return wanted, np.ones(len(self.pts), bool)
        keys = np.flatnonzero(self.is_key)
        steps = np.zeros(len(self.pts) + 1, np.int64)
        for position in np.flatnonzero(wanted):
            number = int(np.searchsorted(keys, position, side="right")) - 1
            while number >= 0 and self.pts[keys[number]] > self.pts[position]:
                number -= 1
            steps[keys[number] if number >= 0 else 0] += 1
            steps[position + 1] -= 1
        return wanted, np.cumsum(steps[:-1]) > 0


def open_video(path: Path) -> Any:
    """The opened container of a local file; it cannot open further files or addresses.

    Raises FFmpegError, also for what is no regular file: reading a pipe would block.
    """
    if not path.is_file():
        raise av.error.FileNotFoundError(2, "no regular file", str(path))
    # With the prefix, names such as "concat:a.mp4" or "http:x" are file names and nothing else.
    return av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace")


def video_stream(container: Any) -> Any | None:
    """The first video track that is no cover art; None without one."""
    tracks = container.streams.video
    return next((t for t in tracks if not t.disposition & Disposition.attached_pic), None)


def declared_duration_s(container: Any, stream: Any) -> float | None:
    """Seconds that the header declares for the pictures, or for the whole file; None if neither.

    Sound may go on after the pictures. An edit list may cut the track. Matroska declares when a
    film ends, which may begin later than at 0.
    """
    whole = container.duration / av.time_base if container.duration else None
    track = float(stream.duration * stream.time_base) if stream.duration else None
    if track is None:
        track = _seconds(stream.metadata.get("DURATION", ""))
    known = [length for length in (whole, track) if length is not None]
    if not known:
        return None
    is_end = container.format.name.startswith("matroska") and stream.start_time is not None
    start_s = float(stream.start_time * stream.time_base) if is_end else 0.0
    return min(known) - max(0.0, start_s)


def _seconds(text: str) -> float | None:
    """Seconds of Matroska's ``h:mm:ss.fraction``; None for any other text."""
    match = re.fullmatch(r"(\d+):(\d\d):(\d\d(?:\.\d+)?)", text)
    if not match:
        return None
    hours, minutes, seconds = match.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


def read_packets(container: Any, stream: Any) -> PacketTable:
    """The table of all packets that can be read. Raises Refusal: too-short."""
    pts_values, dts_values = array("q"), array("q")
    is_key, is_hidden = bytearray(), bytearray()
    complete = True
    # A truncated file raises at its end; the packets before it are kept.
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.size == 0:  # AVI repeats the frame before by an empty packet
                continue
            timestamp = packet.dts if packet.pts is None else packet.pts
            complete &= timestamp is not None
            pts_values.append(0 if timestamp is None else timestamp)
            dts_values.append(NO_DTS if packet.dts is None else packet.dts)
            is_key.append(packet.is_keyframe)
            is_hidden.append(packet.is_discard)
    pts, dts = np.array(pts_values, np.int64), np.array(dts_values, np.int64)
    is_shown = np.frombuffer(is_hidden, np.uint8) == 0
    if is_shown.sum() < 2:
        raise Refusal(
            "too-short",
            f"{container.name.removeprefix('file:')} has {is_shown.sum()} frame: expected a video "
            "of a process",
        )
    has_presentation_times = complete and _are_presentation_times(
        pts[is_shown], dts, container, stream
    )
    if not has_presentation_times:
        # A raw stream has no timestamps at all: its frames follow each other at its rate.
        pts = _increasing(dts) if complete else np.arange(len(dts))
    return PacketTable(
        pts=pts,
        is_key=np.frombuffer(is_key, np.uint8) > 0,
        shown_pts=np.sort(pts[is_shown]),
        unit_s=float(stream.time_base) if complete else 1.0 / _rate(stream),
        has_presentation_times=has_presentation_times,
    )


def _are_presentation_times(
    shown: np.ndarray, dts: np.ndarray, container: Any, stream: Any
) -> bool:
    """Whether the timestamps of shown packets (m,) are presentation times. They are not in
    concatenated files, where they restart, and in AVI, which stores the order of decoding."""
    falls = bool((np.diff(dts[dts != NO_DTS]) < 0).any())
    has_restarts = falls or len(np.unique(shown)) < len(shown)
    is_avi = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
    return not has_restarts and not (is_avi and bool((np.diff(shown) >= 0).all()))


def _increasing(dts: np.ndarray) -> np.ndarray:
    """Strictly increasing times from decoding timestamps: missing ones are interpolated, and where
    they do not increase, the median step is taken."""
    places = np.arange(len(dts))
    known = dts != NO_DTS
    if known.any():
        dts = np.interp(places, places[known], dts[known]).astype(np.int64)
    steps = np.diff(dts)
    rising = steps[steps > 0]
    steps[steps <= 0] = int(np.median(rising)) if len(rising) else 1
    return np.concatenate([[0], np.cumsum(steps)])


def _rate(stream: Any) -> float:
    """Frames per second that the container declares or FFmpeg guesses; 25 if neither."""
    return float(stream.average_rate or stream.guessed_rate or 25)
