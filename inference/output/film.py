"""Encodes images as an h264 mp4 that every player plays."""

from __future__ import annotations

import queue
import threading
from collections.abc import Iterable, Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.video.reformatter import ColorPrimaries, ColorRange, Colorspace, ColorTrc

from ingest.conventions.atomic import atomic_file

FRAMES_AHEAD = 16
"""Frames that may wait for the encoder."""


def encode_film(
    path: Path,
    images: Iterable[np.ndarray],
    size_px: tuple[int, int],
    fps: int,
    quality: int,
    frames_between_keys: int | None = None,
) -> None:
    """Write an h264 mp4 in yuv420p. Equal images make equal bytes.

    Args:
        images: RGB uint8 (H, W, 3), all of one size.
        size_px: that size, width and height, both even (`even_sides`).
        quality: x264's constant rate factor; lower is better and larger.
        frames_between_keys: at most so many frames depend on each other; None for x264's own.
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
        if frames_between_keys is not None:
            options["g"] = str(frames_between_keys)
        stream: Any = container.add_stream("libx264", rate=fps, options=options)
        stream.width, stream.height, stream.pix_fmt = *size_px, "yuv420p"
        stream.codec_context.thread_count = 1
        stream.codec_context.time_base = Fraction(1, fps)
        context = stream.codec_context
        # Players guess the colour space of untagged files differently.
        context.color_range, context.colorspace = ColorRange.MPEG, Colorspace.ITU709
        context.color_primaries, context.color_trc = ColorPrimaries.BT709, ColorTrc.BT709
        for image in _made_ahead(images):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            container.mux(stream.encode(frame.reformat(format="yuv420p", dst_colorspace="ITU709")))
        container.mux(stream.encode())


def _made_ahead(images: Iterable[np.ndarray]) -> Iterator[np.ndarray]:
    """The images, made in a thread while the encoder, which needs no interpreter, is at work."""
    ready: queue.Queue[np.ndarray | BaseException | None] = queue.Queue(FRAMES_AHEAD)
    is_over = threading.Event()

    def offer(item: np.ndarray | BaseException | None) -> None:
        while not is_over.is_set():
            try:
                return ready.put(item, timeout=0.2)
            except queue.Full:
                continue
        return None

    def make() -> None:
        try:
            for image in images:
                # The maker goes on drawing on its canvas while this one waits.
                offer(image.copy())
            offer(None)
        except BaseException as error:
            offer(error)

    thread = threading.Thread(target=make, daemon=True)
    thread.start()
    try:
        while (item := ready.get()) is not None:
            if isinstance(item, BaseException):
                raise item
            yield item
    finally:
        is_over.set()
        thread.join()


def even_sides(image: np.ndarray) -> np.ndarray:
    """The image with even sides, by repeating the last row or column; yuv420p needs them."""
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), mode="edge")
