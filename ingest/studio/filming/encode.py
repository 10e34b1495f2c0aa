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

from ingest.conventions.atomic import atomic_file


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
        stream.codec_context.flags |= CodecFlags.bitexact

        def write(image: np.ndarray) -> None:
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))

        yield write
        container.mux(stream.encode(None))


def _x264(crf: int) -> dict[str, str]:
    """Encoder options. mbtree is off: with it x264's AVX-512 code reads uninitialised memory, and
    equal frames sometimes gave different files."""
    return {"crf": str(crf), "preset": "veryfast", "x264-params": "mbtree=0"}
