"""Encodes images as an h264 mp4 that every player plays."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ingest.conventions.atomic import atomic_file


def encode_film(
    path: Path, images: Iterable[np.ndarray], size_px: tuple[int, int], fps: int, quality: int
) -> None:
    """Write an h264 mp4 in yuv420p. Equal images make equal bytes.

    Args:
        images: RGB uint8 (H, W, 3), all of one size.
        size_px: that size, width and height, both even (`even_sides`).
        quality: x264's constant rate factor; lower is better and larger.
    """
    with (
        atomic_file(path) as file,
        # By name, not by handle: to put the index first ("faststart") the muxer reopens its file.
        av.open(file.name, mode="w", format="mp4", options={"movflags": "faststart"}) as container,
    ):
        # Several threads, or the macroblock tree, make x264's output differ between runs (with the
        # tree, a quarter of equal runs at 80 x 64 px).
        options = {
            "crf": str(quality),
            "preset": "veryfast",
            "threads": "1",
            "x264-params": "mbtree=0",
        }
        stream: Any = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, fps)
        context = stream.codec_context
        # Players guess the colour space of untagged files differently.
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for image in images:
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode())


def even_sides(image: np.ndarray) -> np.ndarray:
    """The image with even sides, by repeating the last row or column; yuv420p needs them."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
