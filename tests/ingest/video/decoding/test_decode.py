"""Decoding at chosen times: real timestamps, rotation, codecs, damaged files."""

from __future__ import annotations

import struct
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from ingest.conventions.errors import Refusal
from ingest.video.decoding.decode import DecodeConfig, Frame, Video, probe

Writer = Callable[..., Path]
ANY_SIZE = 10**9


def pictures(number: int, height: int = 48, width: int = 64) -> list[np.ndarray]:
    """Uniform frames whose grey level encodes their number, with a white mark at the top left."""
    frames = [np.full((height, width, 3), 20 + 3 * i, np.uint8) for i in range(number)]
    for frame in frames:
        frame[: height // 3, : width // 4] = 255
    return frames


def number_of(frame: Frame) -> int:
    """The number that the grey level of a frame encodes."""
    return round((float(np.median(frame.image)) - 20) / 3)


def read(path: Path, times: list[float] | None = None) -> tuple[Video, list[Frame]]:
    video = Video(path, DecodeConfig())
    return video, list(video.frames(video.sample_times() if times is None else times))


def test_frames_come_with_their_times(tmp_path: Path, video_writer: Writer) -> None:
    path = video_writer(tmp_path / "v.mp4", pictures(50))
    video, frames = read(path, [0.0, 0.5, 1.04, 4.9])
    assert [f.index for f in frames] == [0, 5, 11, 49]
    assert [f.time_s for f in frames] == pytest.approx([0.0, 0.5, 1.1, 4.9], abs=1e-3)
    assert [number_of(f) for f in frames] == [0, 5, 11, 49]
    assert video.info.duration_s == pytest.approx(5.0, abs=0.02)
    assert (video.info.width_px, video.info.height_px, video.info.fps) == (64, 48, 10)
    assert video.warnings == []


def test_variable_rates_keep_real_times(tmp_path: Path, video_writer: Writer) -> None:
    times = [0, 1, 2, 3, 20, 21, 40, 60, 61, 62]
    path = video_writer(tmp_path / "v.mp4", pictures(10), times=times)
    _, frames = read(path, [0.0, 1.0, 3.9, 6.0])
    assert [round(f.time_s * 10) for f in frames] == [0, 20, 40, 60]
    assert [f.index for f in frames] == [0, 4, 6, 7]


def test_sampling_is_bounded(tmp_path: Path, video_writer: Writer) -> None:
    path = video_writer(tmp_path / "v.mp4", pictures(60))
    few = Video(path, DecodeConfig(fps=2, min_frames=8))
    assert len(few.sample_times()) == 12
    assert len(Video(path, DecodeConfig(min_frames=40)).sample_times()) == 40
    assert len(Video(path, DecodeConfig(min_frames=500)).sample_times()) == 60
    assert len(Video(path, DecodeConfig(fps=9, min_frames=8, max_frames=20)).sample_times()) == 20


def test_rotation_tags_are_applied(tmp_path: Path, video_writer: Writer) -> None:
    path = video_writer(tmp_path / "v.mp4", pictures(12))
    quarter_turn = struct.pack(">9i", 0, 1 << 16, 0, -(1 << 16), 0, 0, 48 << 16, 0, 1 << 30)
    data = path.read_bytes()
    upright = struct.pack(">9i", 1 << 16, 0, 0, 0, 1 << 16, 0, 0, 0, 1 << 30)
    at = data.index(upright, data.index(b"tkhd"))
    path.write_bytes(data[:at] + quarter_turn + data[at + 36 :])
    _, frames = read(path)
    assert frames[0].image.shape == (64, 48, 3)
    # Turned clockwise, what was at the top left is at the top right.
    assert frames[0].image[5, 44].min() > 200
    assert frames[0].image[5, 4].max() < 100


@pytest.mark.parametrize("codec", ["libx264", "libx265", "libvpx-vp9", "libsvtav1", "mpeg4"])
def test_codecs(tmp_path: Path, video_writer: Writer, codec: str) -> None:
    ending = {"libvpx-vp9": "webm", "mpeg4": "avi"}.get(codec, "mkv")
    frames = pictures(20, 96, 128)
    path = video_writer(tmp_path / f"v.{ending}", frames, codec=codec)
    _, seen = read(path)
    assert [f.index for f in seen] == list(range(20))
    assert np.abs(np.array([number_of(f) for f in seen]) - np.arange(20)).max() <= 1


def test_gif(tmp_path: Path) -> None:
    images = [Image.fromarray(frame) for frame in pictures(16)]
    images[0].save(tmp_path / "v.gif", save_all=True, append_images=images[1:], duration=200)
    video, frames = read(tmp_path / "v.gif")
    assert len(frames) == 16
    assert frames[-1].time_s == pytest.approx(3.0, abs=0.05)
    assert video.info.duration_s == pytest.approx(3.2, abs=0.1)


def test_a_truncated_file_gives_its_frames_and_a_warning(
    tmp_path: Path, video_writer: Writer
) -> None:
    rng = np.random.default_rng(0)
    noisy = [rng.integers(0, 255, (48, 64, 3), dtype=np.uint8) for _ in range(100)]
    path = video_writer(tmp_path / "v.mkv", noisy)
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video, frames = read(path)
    assert 20 < len(frames) < 80
    assert len(video.warnings) == 1
    assert video.warnings[0].startswith("truncated: ")


@pytest.mark.parametrize(
    "name", ["empty-file", "unreadable", "unreadable-cut", "too-short", "no-video-stream"]
)
def test_odd_files_are_refused_with_a_reason(odd_files: Path, name: str) -> None:
    with pytest.raises(Refusal) as caught:
        probe(odd_files / f"{name}.mp4", ANY_SIZE)
    assert name.startswith(caught.value.reason)
    assert f"{name}.mp4" in caught.value.detail
    assert "\n" not in caught.value.detail
