"""Decodes the packets of a video that some of its frames need, and no others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import av.error
import numpy as np

from ingest.video.decoding.packets import PacketTable, open_video, video_stream

ALPHA_DECODERS = {"vp8": "libvpx", "vp9": "libvpx-vp9"}
"""Decoders that give the transparency of these codecs; FFmpeg's own ones do not."""


def decoded_frames(
    path: Path, table: PacketTable, frames: np.ndarray, max_pixels: int
) -> Iterator[av.VideoFrame]:
    """Yields frames in order of presentation: the wanted ones, and others decoded with them.

    Args:
        frames: indices of the wanted frames, ascending.
    """
    wanted, needed = table.to_decode(frames)
    awaited, is_fed = set[int](), False
    with open_video(path) as container:
        stream = video_stream(container)
        assert stream is not None, "probe has found one"
        context = _decoder(stream)
        context.thread_count = 1  # Videos are decoded in parallel, one on a core.
        context.options = {"max_pixels": str(max_pixels)}
        context.open(False)
        # The table bounds the packets: a file that is still being copied may have grown.
        for position, packet in zip(range(len(needed)), _packets(container, stream), strict=False):
            if not needed[position] and is_fed:
                for frame in _flushed(context):
                    awaited.discard(frame.pts)
                    yield frame
                if awaited:
                    # A marked key frame that is none (gradual refresh), or damage: from the next
                    # key frame on nothing is skipped, so that every decodable frame is found.
                    needed[position:] |= np.maximum.accumulate(table.is_key[position:])
                awaited.clear()
                if not needed[position:].any():
                    return
            is_fed = bool(needed[position])
            if not is_fed:
                continue
            if wanted[position]:
                awaited.add(int(table.pts[position]))
            context.skip_frame = (
                "DEFAULT" if wanted[position] or not table.has_presentation_times else "NONREF"
            )
            # Damaged packets lose their frames; later frames are still decoded.
            with contextlib.suppress(av.error.FFmpegError, EOFError):
                for frame in context.decode(packet):
                    awaited.discard(frame.pts)
                    yield frame
        yield from _flushed(context)


def _decoder(stream: Any) -> Any:
    """The codec context that decodes a stream, with its transparency if it has one."""
    own = stream.codec_context
    if stream.metadata.get("alpha_mode") != "1" or own.name not in ALPHA_DECODERS:
        return own
    return av.CodecContext.create(ALPHA_DECODERS[own.name], "r")


def _packets(container: Any, stream: Any) -> Iterator[Any]:
    """Yields the packets that `read_packets` counts, up to where the file cannot be read."""
    with contextlib.suppress(av.error.FFmpegError):
        for packet in container.demux(stream):
            if packet.size:
                yield packet


def _flushed(context: Any) -> Iterator[av.VideoFrame]:
    """Yields the frames that the decoder still buffers, then resets it for a new key frame."""
    with contextlib.suppress(av.error.FFmpegError, EOFError):
        yield from context.decode(None)
    context.flush_buffers()
