"""Writes the film of a combination with FFmpeg (PyAV), and makes sure that it is what it says."""

from __future__ import annotations

import struct
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
from av.bitstream import BitStreamFilterContext
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image

from tests.ingest.per_source.combinations.film_combinations import COLOURS, FilmCombination
from tests.ingest.per_source.combinations.film_formats import BIT_RATE, DISPLAY_MATRIX, OPTIONS
from tests.ingest.per_source.combinations.film_pictures import (
    TICKS_PER_S,
    TURNS,
    stored_pictures,
    stored_ticks,
)
from tests.ingest.per_source.combinations.looks import FPS

MIN_HD_LINES = 720
"""Untagged films with at least so many stored lines are BT.709, others BT.601."""
ORIENTATION_MESSAGES = {
    2: "flip=horizontal",
    3: "rotate=180",
    4: "flip=vertical",
    5: "rotate=90:flip=horizontal",
    6: "rotate=270",
    7: "rotate=90:flip=vertical",
    8: "rotate=90",
}
"""Options of FFmpeg's filter `h264_metadata`, by orientation."""
LAYOUTS = {(3, 1): "rgb24", (4, 1): "rgba", (3, 2): "rgb48le", (4, 2): "rgba64le"}
"""FFmpeg's names of pictures by channels and bytes a value."""


def write_film(combination: FilmCombination, path: Path) -> None:
    """Writes the film. Raises AssertionError if the file does not say what it should."""
    # FFmpeg takes the container from the ending, which the wanted name may lack.
    made = path.parent / f"made.{combination.format.ending}"
    _encode(combination, made)
    if combination.orientation != 1 and combination.format.ending in DISPLAY_MATRIX:
        _patch_display_matrix(combination.orientation, made)
    _check_tags(combination, made)
    made.rename(path)


def matrix_of(combination: FilmCombination, height_px: int) -> Colorspace:
    """The matrix between RGB and YUV that a player takes for a film of so many stored lines."""
    told = COLOURS[combination.colour][0]
    if combination.colour != "untagged":
        return {1: Colorspace.ITU709, 6: Colorspace.ITU601, 9: Colorspace.BT2020}[int(told)]
    is_hd = height_px >= MIN_HD_LINES and not combination.format.is_always_bt601
    return Colorspace.ITU709 if is_hd else Colorspace.ITU601


def display_matrix(orientation: int) -> tuple[int, int, int, int]:
    """The entries a, b, c, d: a pixel (x, y) is shown at (a x + c y, b x + d y)."""
    is_transposed, across, down = TURNS[orientation]
    return (0, down, across, 0) if is_transposed else (across, 0, 0, down)


def _encode(combination: FilmCombination, path: Path) -> None:
    format, ticks = combination.format, stored_ticks(combination)
    rate = TICKS_PER_S if format.has_free_times else FPS
    with av.open(str(path), "w") as container:
        stream: Any = container.add_stream(
            format.codec, rate=FPS, options=dict(OPTIONS.get(format.codec, {}))
        )
        height, width = next(stored_pictures(combination)).shape[:2]
        stream.height, stream.width, stream.pix_fmt = height, width, format.pixels
        _describe(combination, stream.codec_context, Fraction(1, rate))
        container.start_encoding()
        filter = _orientation_filter(combination, stream)
        for picture, tick in zip(stored_pictures(combination), ticks, strict=True):
            frame = _frame(combination, picture)
            frame.pts, frame.time_base = round(tick * rate / TICKS_PER_S), Fraction(1, rate)
            _mux(container, stream.encode(frame), filter)
        _mux(container, stream.encode(), filter)


def _describe(combination: FilmCombination, context: Any, time_base: Fraction) -> None:
    """Tells an encoder rate, aspect and colours."""
    format = combination.format
    context.time_base = time_base
    if format.codec not in OPTIONS and not format.is_lossless:
        context.bit_rate = BIT_RATE
    if combination.shape == "anamorphic":
        shown_px = combination.stored_size_px[0]
        context.sample_aspect_ratio = Fraction(shown_px, context.width)
    if combination.colour != "untagged":
        matrix, primaries, transfer = COLOURS[combination.colour]
        context.color_primaries, context.color_trc = primaries, transfer
        if format.is_yuv:
            context.colorspace = matrix
    if format.is_yuv:
        context.color_range = _range(combination)


def _range(combination: FilmCombination) -> ColorRange:
    return ColorRange.JPEG if combination.is_full_range else ColorRange.MPEG


def _frame(combination: FilmCombination, picture: np.ndarray) -> av.VideoFrame:
    """A picture in the pixel format of the film."""
    pixels = combination.format.pixels
    if pixels == "pal8":
        return _with_palette(picture)
    layout = LAYOUTS[picture.shape[2], picture.itemsize]
    frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(picture), format=layout)
    if not combination.format.is_yuv:
        frame = frame.reformat(format=pixels)
    else:
        frame = frame.reformat(
            format=pixels,
            dst_colorspace=matrix_of(combination, picture.shape[0]),
            dst_color_range=_range(combination),
        )
    if combination.colour != "untagged":
        _, primaries, transfer = COLOURS[combination.colour]
        frame.color_primaries, frame.color_trc = primaries, transfer
    else:
        frame.colorspace = 2
    return frame


def _with_palette(picture: np.ndarray) -> av.VideoFrame:
    """256 colours of the picture's own; one of them is transparent where the picture is."""
    image = Image.fromarray(np.ascontiguousarray(picture[..., :3]))
    coloured = image.quantize(255, dither=Image.Dither.NONE)
    entries = np.array(coloured.getpalette()).reshape(-1, 3)
    palette = np.zeros((256, 4), np.uint8)  # alpha comes first
    palette[: len(entries), 1:], palette[:255, 0] = entries, 255
    indices = np.asarray(coloured).copy()
    if picture.shape[2] == 4:
        indices[picture[..., 3] == 0] = 255
    return av.VideoFrame.from_ndarray((indices, palette), format="pal8")


def _orientation_filter(combination: FilmCombination, stream: Any) -> Any:
    """Puts the orientation into an H.264 stream itself, where the container does not tell it."""
    if combination.orientation == 1 or combination.format.ending in DISPLAY_MATRIX:
        return None
    message = ORIENTATION_MESSAGES[combination.orientation]
    return BitStreamFilterContext(f"h264_metadata=display_orientation=insert:{message}", stream)


def _mux(container: Any, packets: list[Any], filter: Any) -> None:
    for packet in packets:
        container.mux(packet if filter is None else filter.filter(packet))


def _patch_display_matrix(orientation: int, path: Path) -> None:
    """Writes the matrix into the track header of an mp4, which has the identity."""
    a, b, c, d = display_matrix(orientation)
    one, data = 1 << 16, path.read_bytes()
    identity = struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30)
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, 0, 0, 1 << 30)
    place = data.index(identity, data.index(b"tkhd"))
    path.write_bytes(data[:place] + matrix + data[place + len(matrix) :])


def _check_tags(combination: FilmCombination, path: Path) -> None:
    """Asserts that FFmpeg reads what was told of colours, range and orientation."""
    with av.open(str(path)) as container:
        aspect = container.streams.video[0].sample_aspect_ratio or 1
        frame = next(container.decode(video=0))
    shown_px = frame.width * aspect
    assert abs(shown_px - combination.stored_size_px[0]) < 1, (combination.id, aspect)
    format, colour = combination.format, COLOURS[combination.colour]
    told = int(frame.colorspace), int(frame.color_primaries), int(frame.color_trc)
    if combination.colour != "untagged":
        assert not format.is_yuv or told[0] == colour[0], (combination.id, told)
        assert "t" not in format.tags or told[1:] == colour[1:], (combination.id, told)
    elif format.is_yuv:
        assert told[0] == (5 if format.is_always_bt601 else 2), (combination.id, told)
    if format.is_yuv and combination.is_full_range:
        assert frame.color_range == ColorRange.JPEG, (combination.id, frame.color_range)
    data = frame.side_data.get("DISPLAYMATRIX")
    found = np.sign(np.frombuffer(bytes(data), np.int32)[[0, 1, 3, 4]]) if data else (1, 0, 0, 1)
    assert tuple(found) == display_matrix(combination.orientation), (combination.id, found)
