"""Times of frames: absurd stamps are bridged, and sound does not lengthen a film."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.video.decoding.decode import DecodeConfig, Video
from ingest.video.decoding.packets import PacketTable

Writer = Callable[..., Path]


def table(stamps: list[int]) -> PacketTable:
    pts = np.array(stamps)
    return PacketTable(pts, np.ones(len(pts), bool), np.sort(pts), 0.1, True)


def frames(number: int) -> list[np.ndarray]:
    return [np.full((48, 64, 3), 20 + 2 * i, np.uint8) for i in range(number)]


@pytest.mark.parametrize(
    ("stamps", "place"),
    [([*range(99), 144_000], 99), ([0, *range(36_000, 36_099)], 1)],
    ids=["the last is hours late", "the first is an hour early"],
)
def test_an_absurd_time_stamp_is_bridged_and_told(
    tmp_path: Path, video_writer: Writer, stamps: list[int], place: int
) -> None:
    path = video_writer(tmp_path / "v.mp4", frames(100), times=stamps)
    video = Video(path, DecodeConfig())
    seen = list(video.frames(video.sample_times()))
    assert [frame.time_s for frame in seen] == pytest.approx([i / 10 for i in range(100)], abs=0.01)
    assert video.info.duration_s == pytest.approx(10.0, abs=0.02)
    assert len(video.warnings) == 1
    assert video.warnings[0].startswith("odd times: 1 gaps")
    assert f"(before frame {place})" in video.warnings[0]


def test_several_absurd_gaps_are_bridged() -> None:
    times = table([0, *range(9_000, 9_050), *range(99_000, 99_050)]).times_s
    assert times[-1] == pytest.approx(10.0)


def test_a_long_pause_is_real() -> None:
    stamps = [*range(50), *range(500, 550)]
    assert table(stamps).times_s.tolist() == pytest.approx([stamp / 10 for stamp in stamps])
    assert table(stamps).odd_times() == []


def test_times_of_few_frames_are_real() -> None:
    assert table([0, 1, 600]).times_s.tolist() == pytest.approx([0, 0.1, 60])


@pytest.mark.parametrize("ending", ["mp4", "mkv", "mov"])
def test_sound_that_goes_on_is_no_truncation(tmp_path: Path, ending: str) -> None:
    path = tmp_path / f"v.{ending}"
    with av.open(str(path), "w") as container:
        pictures = container.add_stream("libx264", rate=10)
        pictures.width, pictures.height, pictures.pix_fmt = 64, 48, "yuv420p"
        sound = container.add_stream("aac", rate=44_100)
        for number, image in enumerate(frames(60)):
            frame = av.VideoFrame.from_ndarray(image, format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 10)
            container.mux(pictures.encode(frame))
        container.mux(pictures.encode())
        for start in range(0, 20 * 44_100, 1024):
            silence = av.AudioFrame.from_ndarray(
                np.zeros((1, 1024), np.float32), format="fltp", layout="mono"
            )
            silence.sample_rate, silence.pts = 44_100, start
            container.mux(sound.encode(silence))
        container.mux(sound.encode())
    video = Video(path, DecodeConfig())
    list(video.frames(video.sample_times()))
    assert video.info.duration_s == pytest.approx(6.0, abs=0.05)
    assert video.warnings == []


@pytest.mark.parametrize("ending", ["mp4", "mkv", "webm", "mov", "ts"])
def test_a_film_that_begins_late_is_not_truncated(
    tmp_path: Path, video_writer: Writer, ending: str
) -> None:
    codec = "libvpx-vp9" if ending == "webm" else "libx264"
    stamps = [100 + number for number in range(60)]
    path = video_writer(tmp_path / f"v.{ending}", frames(60), codec=codec, times=stamps)
    video = Video(path, DecodeConfig())
    seen = list(video.frames(video.sample_times()))
    assert seen[-1].time_s == pytest.approx(5.9, abs=0.01)
    assert video.info.declared_duration_s == pytest.approx(6.0, abs=0.15)
    assert video.warnings == []
