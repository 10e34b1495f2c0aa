"""What a video's container says of its frames: their times, and what must be decoded to see some.

Nothing is decoded here. Reading all packets is cheap (1 s for hours of video) and truer than the
header: a file that was cut short promises frames that it does not hold.
"""

from __future__ import annotations

import contextlib
from array import array
from dataclasses import dataclass
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
"""FFmpeg's names of the formats that are read. Others are kept out on purpose: play lists and
picture patterns open further files and addresses, and the text reader takes any text for a film."""
NO_STAMP = np.iinfo(np.int64).min
OPTIONS = {"protocol_whitelist": "file", "format_whitelist": ",".join(CONTAINERS)}


@dataclass(frozen=True, eq=False)
class PacketTable:
    """All video packets (n) in the order of decoding, and the frames (m <= n) that they show."""

    stamps: np.ndarray
    """int64 (n): presentation times in units of `unit_s`."""
    is_key: np.ndarray
    """bool (n): decoding can start here."""
    shown: np.ndarray
    """int64 (m), sorted: stamps of the packets that are not marked as hidden by an edit list."""
    unit_s: float
    stamps_are_true: bool
    """False where the container holds no times of presentation (AVI with B frames, joined files):
    the k-th frame that comes out of the decoder is then the k-th of `shown`, and all packets are
    decoded."""

    @property
    def times_s(self) -> np.ndarray:
        """float64 (m): seconds after the first frame, sorted."""
        return (self.shown - self.shown[:1]) * self.unit_s

    def cheap_frames(self, number: int) -> np.ndarray:
        """Indices (into `shown`) of frames that others build on: the key frames, if there are at
        least `number`, else all that are shown later than everything decoded before them."""
        if not self.stamps_are_true:
            return np.empty(0, np.int64)
        is_cheap = self.is_key
        if is_cheap.sum() < number:
            is_cheap = self.stamps >= np.maximum.accumulate(self.stamps)
        return np.flatnonzero(np.isin(self.shown, self.stamps[is_cheap]))

    def to_decode(self, frames: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Which packets show the frames (indices into `shown`), and which are needed for that.

        Returns:
            Two bool arrays (n): `wanted`, and `needed`, which holds for each wanted packet all from
            the last key packet that is not shown later than it.
        """
        wanted = np.isin(self.stamps, self.shown[frames])
        if not self.stamps_are_true:
            return wanted, np.ones(len(self.stamps), bool)
        keys = np.flatnonzero(self.is_key)
        steps = np.zeros(len(self.stamps) + 1, np.int64)
        for position in np.flatnonzero(wanted):
            number = int(np.searchsorted(keys, position, side="right")) - 1
            while number >= 0 and self.stamps[keys[number]] > self.stamps[position]:
                number -= 1
            steps[keys[number] if number >= 0 else 0] += 1
            steps[position + 1] -= 1
        return wanted, np.cumsum(steps[:-1]) > 0


def open_video(path: Path) -> Any:
    """The container of a local file, which can neither open other files nor addresses.

    Raises FFmpegError, and nothing is read from what is no regular file (a pipe would block).
    """
    if not path.is_file():
        raise av.error.FileNotFoundError(2, "no regular file", str(path))
    # The prefix keeps names such as "concat:a.mp4" or "http:x" from being more than a file's name.
    return av.open(f"file:{path}", options=OPTIONS, metadata_errors="replace")


def video_stream(container: Any) -> Any | None:
    """The first video track that is no cover picture; None without one."""
    tracks = container.streams.video
    return next((t for t in tracks if not t.disposition & Disposition.attached_pic), None)


def read_packets(container: Any, stream: Any) -> PacketTable:
    """All packets that can be read. Raises Refusal: too-short."""
    stamps, decode_stamps = array("q"), array("q")
    is_key, is_hidden = bytearray(), bytearray()
    complete = True
    # A cut file raises at its end; what came before is what it holds.
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.size == 0:  # AVI's word for "the frame before once more"
                continue
            stamp = packet.dts if packet.pts is None else packet.pts
            complete &= stamp is not None
            stamps.append(0 if stamp is None else stamp)
            decode_stamps.append(NO_STAMP if packet.dts is None else packet.dts)
            is_key.append(packet.is_keyframe)
            is_hidden.append(packet.is_discard)
    times, order = np.array(stamps, np.int64), np.array(decode_stamps, np.int64)
    is_shown = np.frombuffer(is_hidden, np.uint8) == 0
    if is_shown.sum() < 2:
        raise Refusal(
            "too-short",
            f"{container.name.removeprefix('file:')} has {is_shown.sum()} frame: expected a video "
            "of a process",
        )
    is_true = complete and _is_order_of_presentation(times[is_shown], order, container, stream)
    if not is_true:
        # A bare stream has no times at all: its frames follow each other at its rate.
        times = _without_jumps(order) if complete else np.arange(len(order))
    return PacketTable(
        stamps=times,
        is_key=np.frombuffer(is_key, np.uint8) > 0,
        shown=np.sort(times[is_shown]),
        unit_s=float(stream.time_base) if complete else 1.0 / _rate(stream),
        stamps_are_true=is_true,
    )


def _is_order_of_presentation(
    shown: np.ndarray, order: np.ndarray, container: Any, stream: Any
) -> bool:
    """False for joined files, whose times start anew, and for AVI, which has times of decoding."""
    falls = bool((np.diff(order[order != NO_STAMP]) < 0).any())
    has_restarts = falls or len(np.unique(shown)) < len(shown)
    is_avi = container.format.name == "avi" and bool(stream.codec_context.has_b_frames)
    return not has_restarts and not (is_avi and bool((np.diff(shown) >= 0).all()))


def _without_jumps(order: np.ndarray) -> np.ndarray:
    """Times of decoding that rise throughout: where they fail, fall or stand, by the usual step."""
    places = np.arange(len(order))
    known = order != NO_STAMP
    if known.any():
        order = np.interp(places, places[known], order[known]).astype(np.int64)
    steps = np.diff(order)
    rising = steps[steps > 0]
    steps[steps <= 0] = int(np.median(rising)) if len(rising) else 1
    return np.concatenate([[0], np.cumsum(steps)])


def _rate(stream: Any) -> float:
    return float(stream.average_rate or stream.guessed_rate or 25)
