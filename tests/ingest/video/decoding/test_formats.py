"""Containers, codecs and shapes: the same frames and times as from decoding everything."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from av.stream import Disposition
from PIL import Image

from ingest.conventions.errors import Refusal
from ingest.format.images import encode_image
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow, content_id, discover
from ingest.video.decoding.decode import DecodeConfig, Video
from ingest.video.decoding.image_sequence import ImageSequence
from ingest.video.decoding.open_footage import open_footage
from ingest.video.decoding.packets import PacketTable

NUM_FRAMES, FPS = 60, 25
FORMATS = [
    ("mp4", "libx264", "yuv420p"),
    ("mov", "libx264", "yuv422p10le"),
    ("mp4", "libx265", "yuv420p"),
    ("mkv", "libx265", "yuv420p10le"),
    ("webm", "libvpx", "yuv420p"),
    ("webm", "libvpx-vp9", "yuv420p"),
    ("mp4", "libsvtav1", "yuv420p"),
    ("mkv", "libsvtav1", "yuv420p10le"),
    ("avi", "mpeg4", "yuv420p"),
    ("avi", "libx264", "yuv420p"),
    ("avi", "mjpeg", "yuvj420p"),
    ("mov", "prores_ks", "yuv422p10le"),
    ("mpg", "mpeg2video", "yuv420p"),
    ("ts", "libx264", "yuv420p"),
    ("wmv", "wmv2", "yuv420p"),
    ("flv", "flv1", "yuv420p"),
    ("gif", "gif", "rgb8"),
    ("mkv", "ffv1", "yuv444p"),
    ("h264", "libx264", "yuv420p"),
]


def pictures(number: int = NUM_FRAMES, size: tuple[int, int] = (130, 98)) -> list[np.ndarray]:
    """Frames that grow brighter by 3 each, with a white square that moves."""
    frames = []
    for i in range(number):
        frame = np.full((size[1], size[0], 3), 20 + 3 * (i % 70), np.uint8)
        frame[5 : 5 + size[1] // 5, (i % 10) * 9 : (i % 10) * 9 + 20] = 255
        frames.append(frame)
    return frames


def write(path: Path, codec: str, pixels: str, frames: list[np.ndarray], **options: str) -> Path:
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        for number, image in enumerate(frames):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24").reformat(format=pixels)
            frame.pts, frame.time_base = number, Fraction(1, FPS)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    return path


def decode_all(path: Path) -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]


@pytest.mark.parametrize(("ending", "codec", "pixels"), FORMATS)
def test_any_frames_equal_those_of_decoding_all(
    tmp_path: Path, ending: str, codec: str, pixels: str
) -> None:
    short_groups = {"libx265": {"x265-params": "keyint=12:log-level=0"}, "libsvtav1": {"g": "12"}}
    options = short_groups.get(codec, {"g": "12"} if codec not in ("gif", "ffv1") else {})
    path = write(tmp_path / f"v.{ending}", codec, pixels, pictures(), **options)
    everything = decode_all(path)
    assert len(everything) == NUM_FRAMES
    video = Video(path, DecodeConfig(min_frames=8, fps=4))
    assert video.info.duration_s == pytest.approx(NUM_FRAMES / FPS, abs=0.05)
    assert video.info.fps == pytest.approx(FPS, rel=0.02)
    some = [0.0, 0.3, 0.31, 1.0, 1.9, (NUM_FRAMES - 1) / FPS]
    for times, expected in (
        (some, [0, 8, 8, 25, 48, NUM_FRAMES - 1]),
        ([i / FPS for i in range(NUM_FRAMES)], list(range(NUM_FRAMES))),
        ([1.5], [38]),
    ):
        frames = list(video.frames(times))
        assert [frame.index for frame in frames] == sorted(set(expected))
        for frame in frames:
            assert frame.time_s == pytest.approx(frame.index / FPS, abs=0.011)
            difference = np.abs(frame.image.astype(int) - everything[frame.index])
            # Colours of 4:2:2 and 10 bit are interpolated in two ways; the picture is the same.
            assert difference.mean() < 0.6
    sampled = list(video.frames(video.sample_times()))
    assert len(sampled) == 9
    assert [f.time_s for f in sampled] == pytest.approx(video.sample_times())
    assert video.warnings == []


def test_each_period_gives_one_frame_and_key_frames_are_preferred(tmp_path: Path) -> None:
    path = write(tmp_path / "v.mp4", "libx264", "yuv420p", pictures(100), g="7")
    video = Video(path, DecodeConfig(fps=2.5, min_frames=8))
    times = video.sample_times()
    assert len(times) == 10
    assert [int(t / 0.4 + 1e-9) for t in times] == list(range(10))
    _, needed = video.packets.to_decode(np.searchsorted(video.packets.times_s, times))
    assert needed.sum() == 10


def test_what_must_be_decoded_is_planned_by_groups() -> None:
    """Order of decoding: I0 P4 B2 b1 b3 | I8 P12 b10 (timestamps), open group: b7 after I8."""
    stamps = np.array([0, 4, 2, 1, 3, 8, 7, 12, 10])
    is_key = np.array([1, 0, 0, 0, 0, 1, 0, 0, 0], bool)
    table = PacketTable(stamps, is_key, np.sort(stamps), 0.1, True)
    wanted, needed = table.to_decode(np.searchsorted(table.shown_pts, [2]))
    assert wanted.nonzero()[0].tolist() == [2]
    assert needed.nonzero()[0].tolist() == [0, 1, 2]
    _, needed = table.to_decode(np.searchsorted(table.shown_pts, [12]))
    assert needed.nonzero()[0].tolist() == [5, 6, 7]
    # Shown before its key frame, so that the group before is needed as well.
    _, needed = table.to_decode(np.searchsorted(table.shown_pts, [7]))
    assert needed.nonzero()[0].tolist() == [0, 1, 2, 3, 4, 5, 6]
    assert table.cheap_frames(2).tolist() == [0, 6]
    assert table.shown_pts[table.cheap_frames(5)].tolist() == [0, 4, 8, 12]


@pytest.mark.parametrize("size", [(131, 97), (16, 16), (64, 500), (2, 2)])
def test_odd_sizes(tmp_path: Path, size: tuple[int, int]) -> None:
    path = write(tmp_path / "v.mkv", "ffv1", "yuv444p", pictures(12, size))
    frames = list(Video(path, DecodeConfig()).frames([0.0, 0.2]))
    assert [f.image.shape for f in frames] == [(size[1], size[0], 3)] * 2


@pytest.mark.parametrize("side", [200, 98, 49, 33, 1])
def test_frames_scaled_while_decoding(tmp_path: Path, side: int) -> None:
    path = write(tmp_path / "v.mp4", "libx264", "yuv420p", pictures(12))
    video = Video(path, DecodeConfig())
    (whole,), (small,) = list(video.frames([0.2])), list(video.frames([0.2], side))
    assert min(small.image.shape[:2]) == min(side, 98)
    assert small.scale == pytest.approx(min(side, 98) / 98)
    assert whole.scale == 1.0
    assert small.image.mean() == pytest.approx(whole.image.mean(), abs=1.5)


def test_pixels_become_square(tmp_path: Path) -> None:
    path = tmp_path / "v.mkv"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 120, 96, "yuv420p"
        stream.codec_context.sample_aspect_ratio = Fraction(4, 3)
        for image in pictures(10, (120, 96)):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    (frame,) = Video(path, DecodeConfig()).frames([0.1])
    assert frame.image.shape == (96, 160, 3)


def test_joined_files_go_on_in_time_and_keep_the_first_size(tmp_path: Path) -> None:
    parts = [
        write(tmp_path / f"{width}.ts", "libx264", "yuv420p", pictures(20, (width, 96)))
        for width in (128, 256)
    ]
    path = tmp_path / "v.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    video = Video(path, DecodeConfig())
    frames = list(video.frames(video.sample_times()))
    assert {f.image.shape for f in frames} == {(96, 128, 3)}
    assert [f.index for f in frames] == list(range(40))
    assert frames[-1].time_s == pytest.approx(39 / FPS, abs=0.01)


def test_8k_comes_scaled(tmp_path: Path) -> None:
    frames = [np.full((4320, 7680, 3), 60 * i, np.uint8) for i in range(3)]
    path = write(tmp_path / "v.mp4", "libx264", "yuv420p", frames, preset="ultrafast")
    video = Video(path, DecodeConfig())
    seen = list(video.frames(video.sample_times(), 512))
    assert [f.image.shape for f in seen] == [(512, 910, 3)] * 3
    assert [round(float(f.image.mean()) / 60) for f in seen] == [0, 1, 2]
    assert (video.info.width_px, video.info.height_px) == (7680, 4320)


def test_hours_take_no_more_memory_than_minutes(tmp_path: Path) -> None:
    peaks = {}
    for hours in (0.1, 3):
        path = tmp_path / f"{hours}.mkv"
        number = int(hours * 3600)
        with av.open(str(path), "w") as container:
            stream = container.add_stream("mpeg4", rate=1, options={"g": "10"})
            stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
            frame = av.VideoFrame.from_ndarray(pictures(1, (64, 48))[0], format="rgb24")
            frame = frame.reformat(format="yuv420p")
            for _ in range(number):
                frame.pts = None
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        tracemalloc.start()
        video = Video(path, DecodeConfig(max_frames=100))
        assert video.info.duration_s == pytest.approx(number, rel=0.01)
        assert sum(1 for _ in video.frames(video.sample_times())) == 100
        peaks[hours] = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
    # Three hours more are 10,000 packets more: some tens of bytes each, and no pictures.
    assert peaks[3] - peaks[0.1] < 10_800 * 200


def test_cover_art_is_not_the_video(tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    with av.open(str(path), "w") as container:
        cover = container.add_stream("mjpeg", rate=FPS)
        cover.width, cover.height, cover.pix_fmt = 64, 48, "yuvj420p"
        cover.disposition = Disposition.attached_pic
        stream = container.add_stream("libx264", rate=FPS)
        stream.width, stream.height, stream.pix_fmt = 130, 98, "yuv420p"
        picture = av.VideoFrame.from_ndarray(pictures(1, (64, 48))[0], format="rgb24")
        container.mux(cover.encode(picture.reformat(format="yuvj420p")))
        for image in pictures(10):
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")))
        container.mux(stream.encode())
    (frame,) = Video(path, DecodeConfig()).frames([0.2])
    assert (frame.index, frame.image.shape) == (5, (98, 130, 3))


@pytest.fixture
def image_sequence(tmp_path: Path) -> Path:
    folder = tmp_path / "shots"
    folder.mkdir()
    lines = ["file,time_s"]
    for number, image in enumerate(pictures(20)):
        (folder / f"IMG_{number:04d}.jpg").write_bytes(encode_image(image))
        lines.append(f"IMG_{number:04d}.jpg,{100 + 5 * number + (30 if number > 9 else 0)}")
    (folder / "frames.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_folder_of_frames_is_read_like_a_video(image_sequence: Path) -> None:
    video = open_footage(image_sequence, DecodeConfig(min_frames=10, fps=0.01))
    assert isinstance(video, ImageSequence)
    assert (video.info.num_packets, video.info.width_px, video.info.height_px) == (20, 130, 98)
    frames = list(video.frames([0.0, 12.0, 13.0, 125.0], 49))
    assert [(f.index, f.time_s) for f in frames] == [(0, 0.0), (3, 15.0), (19, 125.0)]
    assert frames[0].image.shape == (49, 65, 3)
    assert frames[0].scale == 0.5
    assert len(video.sample_times()) < 11
    (image_sequence / "IMG_0003.jpg").write_bytes(b"broken")
    frames = list(video.frames([0.0, 12.0]))
    assert [f.index for f in frames] == [0, 4]
    assert video.warnings[0].startswith("damaged pictures: 1 ")


def test_transparent_frames_lie_on_white(tmp_path: Path) -> None:
    for number in range(2):
        image = Image.new("RGBA", (40, 30), (0, 0, 0, 0))
        image.paste((200, 40, 90, 255), (0, 0, 20, 30))
        image.save(tmp_path / f"{number}.png")
    (tmp_path / "frames.csv").write_text("file,time_s\n0.png,0\n1.png,1\n")
    (frame,) = ImageSequence(tmp_path, DecodeConfig()).frames([0.0])
    assert frame.image[10, 5].tolist() == [200, 40, 90]
    assert frame.image[10, 30].tolist() == [255, 255, 255]


def test_the_csv_file_decides_whether_pictures_are_frames_or_keyframes(
    image_sequence: Path, film, quick: IngestConfig, tmp_path: Path
) -> None:
    (row,) = discover([str(image_sequence.parent)])
    assert row.uri == str(image_sequence)
    before = content_id(SourceRow(str(image_sequence)))
    outcome = make_ingest_video(quick, tmp_path / "d")(SourceRow(str(image_sequence)))
    assert (outcome.status, outcome.num_keyframes) != ("kept", 20)
    (image_sequence / "frames.csv").rename(image_sequence / "times.csv")
    assert content_id(SourceRow(str(image_sequence))) == before
    outcome = make_ingest_video(quick, tmp_path / "k")(SourceRow(str(image_sequence)))
    assert (outcome.status, outcome.num_keyframes) == ("kept", 20)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("file,time_s\n", "too-short"),
        ("name\nx\n", "bad-times"),
        ("file,time_s\nIMG_0001.jpg,soon\n", "bad-times"),
        ("file,time_s\nIMG_9999.jpg,1\n", "bad-times"),
        ("file,time_s\nIMG_0001.jpg,1\nIMG_0002.jpg,1\n", "bad-times"),
    ],
)
def test_damaged_lists_of_frames_are_refused(image_sequence: Path, text: str, reason: str) -> None:
    (image_sequence / "frames.csv").write_text(text)
    with pytest.raises(Refusal) as caught:
        ImageSequence(image_sequence, DecodeConfig())
    assert caught.value.reason == reason
