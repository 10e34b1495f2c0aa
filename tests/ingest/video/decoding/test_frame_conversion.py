"""Frames look as in a player: HDR, transparency and all eight orientations."""

from __future__ import annotations

import struct
from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.bitstream import BitStreamFilterContext
from av.video.reformatter import ColorPrimaries, Colorspace, ColorTrc
from PIL import Image

from ingest.video.decoding.decode import DecodeConfig, Video
from ingest.video.decoding.frame_conversion import on_white

Writer = Callable[..., Path]
TO_BT2020 = [[0.6274, 0.3293, 0.0433], [0.0691, 0.9195, 0.0114], [0.0164, 0.0880, 0.8956]]
LUMINANCE = np.array([0.2627, 0.6780, 0.0593])


def colours() -> np.ndarray:
    """RGB uint8 (64, 96, 3): patches of paint, grey and white."""
    rng = np.random.default_rng(0)
    patches = rng.integers(20, 236, (4, 6, 3)).astype(np.uint8)
    patches[0, :3] = [[226] * 3, [140] * 3, [255] * 3]
    return np.kron(patches, np.ones((16, 16, 1), np.uint8))


def hlg(light: np.ndarray) -> np.ndarray:
    """Linear BT.2020 with white (203 cd/m2) at 1 to HLG (ITU-R BT.2100, gamma 1.2)."""
    shown = light * 203 / 1000
    luminance = (shown @ LUMINANCE)[..., None]
    scene = shown * np.maximum(luminance, 1e-9) ** (1 / 1.2 - 1)
    log = 0.17883277 * np.log(np.maximum(12 * scene - 0.28466892, 1e-9)) + 0.55991073
    return np.where(scene <= 1 / 12, np.sqrt(3 * scene), log)


def pq(light: np.ndarray) -> np.ndarray:
    """The same to PQ (SMPTE ST 2084)."""
    power = (light * 203 / 10_000) ** 0.1593017578125
    return ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375


def write_tagged(path: Path, values: np.ndarray, transfer: int, primaries: int) -> Path:
    """A film of values (0 to 1) in BT.2020 YCbCr, 10 bit, losslessly."""
    luma = values @ LUMINANCE
    blue, red = (values[..., 2] - luma) / 1.8814, (values[..., 0] - luma) / 1.4746
    planes = np.stack([64 + 876 * luma, 512 + 896 * blue, 512 + 896 * red])
    frame = av.VideoFrame(values.shape[1], values.shape[0], "yuv444p10le")
    for plane, part in zip(frame.planes, planes.round().clip(0, 1023), strict=True):
        rows = np.zeros((plane.height, plane.line_size // 2), np.uint16)
        rows[:, : plane.width] = part
        plane.update(rows.tobytes())
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width = values.shape[:2]
        stream.pix_fmt = "yuv444p10le"
        context = stream.codec_context
        context.color_trc, context.color_primaries = transfer, primaries
        context.colorspace, context.color_range = 9, 1
        frame.colorspace, frame.color_range = 9, 1
        for number in range(4):
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def first_frame(path: Path) -> tuple[np.ndarray, list[str]]:
    video = Video(path, DecodeConfig())
    (frame,) = video.frames([0.0])
    return frame.image.astype(int), video.warnings


@pytest.mark.parametrize(
    ("encode", "transfer"), [(hlg, ColorTrc.ARIB_STD_B67), (pq, ColorTrc.SMPTE2084)]
)
def test_hdr_films_look_as_the_ordinary_film(
    tmp_path: Path, encode: Callable[[np.ndarray], np.ndarray], transfer: int
) -> None:
    light = (colours() / 255) ** 2.4 @ np.array(TO_BT2020).T
    path = write_tagged(tmp_path / "v.mkv", encode(light), transfer, ColorPrimaries.BT2020)
    image, warnings = first_frame(path)
    assert np.abs(image - colours()).max() <= 6
    assert warnings == []


def test_wide_primaries_are_converted_in_ordinary_films_too(tmp_path: Path) -> None:
    values = ((colours() / 255) ** 2.4 @ np.array(TO_BT2020).T) ** (1 / 2.4)
    path = write_tagged(tmp_path / "v.mkv", values, ColorTrc.BT2020_10, ColorPrimaries.BT2020)
    image, _ = first_frame(path)
    assert np.abs(image - colours()).max() <= 4


def test_a_transfer_that_is_not_converted_is_warned_of(tmp_path: Path) -> None:
    path = write_tagged(tmp_path / "v.mkv", colours() / 255, ColorTrc.LOG, ColorPrimaries.BT709)
    _, warnings = first_frame(path)
    assert len(warnings) == 1
    assert warnings[0].startswith("unknown colours: transfer LOG ")


@pytest.mark.parametrize("height", [718, 720])
@pytest.mark.parametrize("tag", [None, Colorspace.ITU601, Colorspace.ITU709])
def test_untagged_films_of_720_lines_are_bt709(
    tmp_path: Path, height: int, tag: Colorspace | None
) -> None:
    """Losslessly written green; the values are those of the matrix that a player takes."""
    matrix = tag or (Colorspace.ITU709 if height >= 720 else Colorspace.ITU601)
    green = np.full((height, 16, 3), (40, 160, 60), np.uint8)
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.width, stream.height, stream.pix_fmt = 16, height, "yuv444p10le"
        if tag is not None:
            stream.codec_context.colorspace = tag
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(green, format="rgb24")
            frame = frame.reformat(format="yuv444p10le", dst_colorspace=matrix)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    image, _ = first_frame(path)
    assert np.abs(image - green).max() <= 1


def ring() -> np.ndarray:
    """RGBA uint8 (64, 96, 4): red on a transparent ground whose hidden colour is black."""
    image = np.zeros((64, 96, 4), np.uint8)
    image[16:48, 32:64] = (200, 40, 30, 255)
    return image


@pytest.mark.parametrize(
    ("ending", "codec", "pixels"),
    [
        ("mov", "prores_ks", "yuva444p10le"),
        ("webm", "libvpx-vp9", "yuva420p"),
        ("webm", "libvpx", "yuva420p"),
        ("mkv", "ffv1", "bgra"),
        ("mov", "png", "rgba"),
    ],
)
def test_transparent_films_lie_on_white(
    tmp_path: Path, ending: str, codec: str, pixels: str
) -> None:
    path = tmp_path / f"v.{ending}"
    with av.open(str(path), "w") as container:
        options = {"auto-alt-ref": "0"} if codec.startswith("libvpx") else {}
        stream = container.add_stream(codec, rate=10, options=options)
        stream.height, stream.width, stream.pix_fmt = 64, 96, pixels
        for number in range(4):
            frame = av.VideoFrame.from_ndarray(ring(), format="rgba").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    image, _ = first_frame(path)
    assert np.abs(image[:10] - 255).max() <= 4
    assert np.abs(image[22:42, 38:58] - (200, 40, 30)).max() <= 12


def test_a_transparent_gif_lies_on_white(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.roll(ring(), 8 * k, axis=1)) for k in range(3)]
    pages[0].save(
        tmp_path / "v.gif", save_all=True, append_images=pages[1:], duration=100, disposal=2
    )
    image, _ = first_frame(tmp_path / "v.gif")
    assert (image[:10] == 255).all()


def test_half_transparent_paint_is_mixed_with_white() -> None:
    assert on_white(np.full((1, 1, 4), (200, 40, 30, 51), np.uint8)).tolist() == [[[244, 212, 210]]]


@pytest.mark.parametrize("is_transposed", [False, True])
@pytest.mark.parametrize("across", [1, -1])
@pytest.mark.parametrize("down", [1, -1])
def test_all_orientations_are_shown_upright(
    tmp_path: Path, video_writer: Writer, is_transposed: bool, across: int, down: int
) -> None:
    """The film is stored so that its matrix (x' = a x + c y, y' = b x + d y) makes it upright."""
    picture = np.full((48, 64, 3), 60, np.uint8)
    picture[:16, :32] = 240
    # What is shown at (x', y') is stored at (across x', down y'), with x and y exchanged or not.
    stored = picture[::down, ::across]
    stored = np.ascontiguousarray(stored.swapaxes(0, 1) if is_transposed else stored)
    path = video_writer(tmp_path / "v.mp4", [stored] * 4)
    a, b, c, d = (0, down, across, 0) if is_transposed else (across, 0, 0, down)
    one = 1 << 16
    shift = (64 * one if across < 0 else 0, 48 * one if down < 0 else 0)
    matrix = struct.pack(">9i", a * one, b * one, 0, c * one, d * one, 0, *shift, 1 << 30)
    data = path.read_bytes()
    at = data.index(struct.pack(">9i", one, 0, 0, 0, one, 0, 0, 0, 1 << 30), data.index(b"tkhd"))
    path.write_bytes(data[:at] + matrix + data[at + 36 :])
    image, _ = first_frame(path)
    assert image.shape == picture.shape
    assert np.abs(image - picture).mean() < 4


def test_an_orientation_that_the_stream_tells_once_holds_for_all_frames(
    tmp_path: Path, video_writer: Writer
) -> None:
    """H.264 tells it in a message before the first frame; no container repeats it here."""
    picture = np.full((48, 64, 3), 60, np.uint8)
    picture[:16, :32] = 240
    lying = np.ascontiguousarray(np.rot90(picture))
    plain = video_writer(tmp_path / "plain.mkv", [lying] * 12)
    with av.open(str(plain)) as source, av.open(str(tmp_path / "v.mkv"), "w") as target:
        stream = source.streams.video[0]
        copied = target.add_stream_from_template(stream)
        turn = "h264_metadata=display_orientation=insert:rotate=270"
        message = BitStreamFilterContext(turn, stream)
        for packet in source.demux(stream):
            for turned in message.filter(packet if packet.size else None):
                turned.stream = copied
                target.mux(turned)
    frames = list(Video(tmp_path / "v.mkv", DecodeConfig()).frames([0.0, 0.5, 1.0]))
    assert [frame.image.shape for frame in frames] == [picture.shape] * 3
    assert max(np.abs(frame.image.astype(int) - picture).mean() for frame in frames) < 4
    (late,) = Video(tmp_path / "v.mkv", DecodeConfig()).frames([1.0])
    assert late.image.shape == picture.shape


def test_transparent_hdr_films_are_converted_too(tmp_path: Path) -> None:
    light = (colours() / 255) ** 2.4 @ np.array(TO_BT2020).T
    values = np.dstack([hlg(light), np.ones(light.shape[:2])])
    values[:, 64:] = 0
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "gbrap12le"
        context = stream.codec_context
        context.color_trc, context.color_primaries = ColorTrc.ARIB_STD_B67, ColorPrimaries.BT2020
        for number in range(2):
            picture = (values * 65535).round().clip(0, 65535).astype(np.uint16)
            frame = av.VideoFrame.from_ndarray(picture, format="rgba64le")
            frame = frame.reformat(format="gbrap12le")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    image, _ = first_frame(path)
    assert np.abs(image[:, :64] - colours()[:, :64]).max() <= 6
    assert (image[:, 64:] == 255).all()


def test_scaled_films_show_nothing_of_what_is_transparent(tmp_path: Path) -> None:
    """A red half beside hidden black: the border is light red, not dark."""
    picture = np.zeros((64, 96, 4), np.uint8)
    picture[:, :47] = (200, 40, 30, 255)
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("ffv1", rate=10)
        stream.height, stream.width, stream.pix_fmt = 64, 96, "bgra"
        for number in range(2):
            frame = av.VideoFrame.from_ndarray(picture, format="rgba").reformat(format="bgra")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    (frame,) = Video(path, DecodeConfig()).frames([0.0], 32)
    assert frame.image.shape == (32, 48, 3)
    assert np.abs(frame.image[:, 23].astype(int) - (228, 148, 142)).max() <= 2
