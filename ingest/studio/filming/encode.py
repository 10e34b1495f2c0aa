"""Writes frames into an H.264 mp4; equal frames give equal bytes."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import cast

import av
import av.video.stream
import numpy as np
from av.codec.context import Flags as CodecFlags
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ingest.conventions.atomic import atomic_file

MIN_HD_LINES = 720
"""Films with at least so many lines are written and tagged as BT.709, which is what players take
untagged ones for; smaller ones are BT.601, untagged."""


@contextlib.contextmanager
def write_mp4(
    path: Path, size_px: tuple[int, int], fps: int, crf: int
) -> Iterator[Callable[[np.ndarray], None]]:
    """Yields a function that writes one RGB uint8 frame (H, W, 3).

    The mp4 appears at `path` when the block ends without error. One encoder thread and no encoder
    signature make the bytes reproducible.
    """
    with (
        atomic_file(path) as file,
        av.open(file, "w", format="mp4", container_options={"fflags": "+bitexact"}) as container,
    ):
        stream = cast(
            av.video.stream.VideoStream,
            container.add_stream("libx264", rate=fps, options=_x264(crf)),
        )
        stream.width, stream.height = size_px
        stream.pix_fmt = "yuv420p"
        stream.thread_count = 1
        context = stream.codec_context
        context.flags |= CodecFlags.bitexact
        is_hd = size_px[1] >= MIN_HD_LINES
        if is_hd:
            context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
            context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709

        def write(image: np.ndarray) -> None:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            if is_hd:
                frame = frame.reformat(format="yuv420p", dst_colorspace=Colorspace.ITU709)
            container.mux(stream.encode(frame))

        yield write
        container.mux(stream.encode(None))


def _x264(crf: int) -> dict[str, str]:
    """Encoder options. mbtree is off: with it x264's AVX-512 code reads uninitialised memory, and
    equal frames sometimes gave different files."""
    return {"crf": str(crf), "preset": "veryfast", "x264-params": "mbtree=0"}
