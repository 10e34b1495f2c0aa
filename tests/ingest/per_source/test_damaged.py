"""Over 300 damaged and odd files: each ends soon, kept or refused for a documented reason."""

from __future__ import annotations

import json
import os
import random
import struct
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from PIL import Image

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.reasons import VIDEO_REASONS
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow, discover
from ingest.video.decoding.decode import DecodeConfig, Video

ROOT = Path(__file__).resolve().parents[3]
CONTAINERS = {".mp4": "libx264", ".mkv": "libx264", ".webm": "libvpx-vp9", ".avi": "mpeg4"}
CONTAINERS |= {".mov": "libx265", ".ts": "libx264"}
BOXES = (b"moov", b"mdat", b"trak", b"tkhd", b"mdhd", b"stsd", b"avcC", b"stts", b"ctts", b"stsz")
BOXES += (b"stco", b"stss", b"elst", b"mvhd")
LIMIT_S = 20.0
"""For one file, on a machine that others use too; on an idle one it is below a second."""


@pytest.fixture(scope="module")
def config() -> IngestConfig:
    return IngestConfig.model_validate(
        {
            "decode": {"min_frames": 30, "max_frames": 30},
            "align": {"side_px": 120},
            "occlusion": {"side_px": 64},
            "keyframes": {"side_px": 64, "target_count": 6},
        }
    )


@pytest.fixture(scope="module")
def whole(film, video_writer: Callable[..., Path], tmp_path_factory) -> dict[str, bytes]:
    """The film in 30 small frames, by ending."""
    folder = tmp_path_factory.mktemp("whole")
    video = Video(film.path, DecodeConfig())
    frames = [frame.image for frame in video.frames([i * 0.4 for i in range(30)], 120)]
    for ending, codec in CONTAINERS.items():
        video_writer(folder / f"whole{ending}", frames, codec=codec)
    pictures = [Image.fromarray(frame) for frame in frames]
    path = folder / "whole.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=100)
    return {path.suffix: path.read_bytes() for path in folder.iterdir()}


@pytest.fixture(scope="module")
def damaged(whole: dict[str, bytes], tmp_path_factory) -> list[Path]:
    """All damaged files; the same in every run but for what encoders do."""
    folder, rng = tmp_path_factory.mktemp("damaged"), random.Random(7)
    named = dict(_foreign(rng))
    for ending, data in sorted(whole.items()):
        named |= {f"{name}{ending}": d for name, d in _broken(data, rng)}
        named[f"called{ending}.mp4" if ending != ".mp4" else "called.mkv"] = data
    named |= {f"{name}.mp4": data for name, data in _false_headers(whole[".mp4"])}
    for name, data in named.items():
        (folder / name).write_bytes(data)
    return sorted(folder.iterdir())


def _broken(data: bytes, rng: random.Random) -> Iterator[tuple[str, bytes]]:
    size = len(data)
    for part in range(16):
        yield f"cut{part}", data[: max(1, size * part // 16)]
    for number in range(12):
        flipped = bytearray(data)
        for _ in range(2 ** (number % 6)):
            flipped[rng.randrange(size)] ^= 1 << rng.randrange(8)
        yield f"flipped{number}", bytes(flipped)
    for number in range(4):
        flipped = bytearray(data)
        for _ in range(3):
            place = rng.randrange(min(size, 400))
            flipped[place if number % 2 else -1 - place] = rng.randrange(256)
        yield f"ends{number}", bytes(flipped)
    half = size // 2
    yield "zeros", data[:half] + bytes(600) + data[half + 600 :]
    yield "noise", data[:half] + rng.randbytes(600) + data[half + 600 :]
    yield "hole", data[: size // 3] + data[half:]
    yield "only-head", data[:200] + rng.randbytes(5000)
    yield "random", rng.randbytes(3000)
    yield "longer", data + rng.randbytes(3000)


def _false_headers(data: bytes) -> Iterator[tuple[str, bytes]]:
    """Boxes of mp4 that claim other sizes, counts, times and dimensions."""
    for box in BOXES:
        at = data.find(box)
        for size in (0, 1, 0x7FFFFFFF, 0xFFFFFFFF) if at > 0 else ():
            yield f"{box.decode()}-{size}", data[: at - 4] + struct.pack(">I", size) + data[at:]
    size_at = data.find(b"avc1") + 28
    for side in (0, 1, 16384, 34464, 65535):
        yield f"side-{side}", data[:size_at] + struct.pack(">HH", side, side) + data[size_at + 4 :]
    for box, offset in ((b"stsz", 12), (b"stts", 8), (b"stts", 12), (b"ctts", 8), (b"stco", 8)):
        at = data.find(box) + offset
        yield f"{box.decode()}-at{offset}", data[:at] + b"\x7f\xff\xff\xff" + data[at + 4 :]


def _foreign(rng: random.Random) -> Iterator[tuple[str, bytes]]:
    yield "playlist.mp4", b"#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:9/x.ts\n" * 3
    yield "page.mp4", b"<!DOCTYPE html><html>not found</html>"
    yield "picture.mp4", b"\xff\xd8\xff\xe0\0\x10JFIF" + bytes(500)
    yield "archive.mkv", b"PK\3\4" + rng.randbytes(500)
    yield "text.gif", b"GIF89a and no more"
    yield "blank.avi", bytes(5000)


READ_ALL = """
import json, sys, time
from pathlib import Path
from ingest.video.decoding.decode import DecodeConfig, Video
from ingest.conventions.errors import Refusal
for path in map(Path, sys.stdin.read().split("\\n")):
    start, result = time.monotonic(), {"name": path.name, "frames": 0, "reason": ""}
    print(path.name, flush=True)
    try:
        video = Video(path, DecodeConfig())
        result["frames"] = sum(1 for _ in video.frames(video.sample_times(), 64))
    except Refusal as refusal:
        result["reason"] = refusal.reason
    print(json.dumps(result | {"seconds": time.monotonic() - start}), flush=True)
"""


def test_no_file_crashes_hangs_or_fools_the_decoder(damaged: list[Path]) -> None:
    """In a process of its own, so that a crash in native code names its file."""
    assert len(damaged) > 300
    done = subprocess.run(
        [sys.executable, "-c", READ_ALL],
        input="\n".join(map(str, damaged)), cwd=ROOT, capture_output=True, text=True,
        timeout=200, check=False,
    )  # fmt: skip
    lines = done.stdout.splitlines()
    assert done.returncode == 0, f"{lines[-1:]} {done.stderr[-500:]}"
    results = [json.loads(line) for line in lines[1::2]]
    assert len(results) == len(damaged)
    assert max(item["seconds"] for item in results) < LIMIT_S
    reasons = Counter(item["reason"] for item in results if not item["frames"])
    assert set(reasons) <= {"", "unreadable", "no-video-stream", "too-short", "empty-file"}
    by_name = {item["name"]: item for item in results}
    assert all(by_name[name]["reason"] for name, _ in _foreign(random.Random(0)))
    # Damage in one place costs what is there and not the rest.
    assert sum(item["frames"] >= 15 for item in results) > 100


def test_each_has_its_reason_and_leaves_nothing_else(
    damaged: list[Path], whole: dict[str, bytes], config: IngestConfig, tmp_path: Path
) -> None:
    """Through the row function: every twelfth damaged file, whole ones before and after."""
    good = tmp_path / "whole.mp4"
    good.write_bytes(whole[".mp4"])
    dataset = Dataset(tmp_path / "d")
    ingest = make_ingest_video(config, dataset.root)
    first = ingest(SourceRow(str(good)))
    before = dataset.keyframes_tar(first.video_id).read_bytes()
    outcomes: list[VideoOutcome] = []
    for path in damaged[::12]:
        start_s = time.monotonic()
        outcomes.append(ingest(SourceRow(str(path))))
        assert time.monotonic() - start_s < LIMIT_S, path.name
    for outcome in outcomes:
        shown = (outcome.uri, outcome.status, outcome.detail)
        assert outcome.status in ("kept", "refused"), shown
        assert (outcome.status == "kept") == (outcome.reason == ""), shown
        assert outcome.reason in {"", *VIDEO_REASONS} - {"exception"}, shown
        assert "\n" not in outcome.detail, shown
        assert dataset.outcome_json(outcome.video_id).is_file(), shown
    assert {outcome.status for outcome in outcomes} == {"kept", "refused"}
    again = make_ingest_video(config, tmp_path / "again")(SourceRow(str(good)))
    assert again == first
    assert Dataset(tmp_path / "again").keyframes_tar(first.video_id).read_bytes() == before
    assert not [p for p in dataset.root.rglob("*") if p.name.startswith(".") or ".tmp" in p.name]


def test_what_is_no_file_is_refused_without_waiting(config: IngestConfig, tmp_path: Path) -> None:
    folder = tmp_path / "videos"
    (folder / "folder.mp4").mkdir(parents=True)
    (folder / "folder.mp4" / "back").symlink_to(folder)
    (folder / "itself.mp4").symlink_to(folder / "itself.mp4")
    (folder / "nowhere.mp4").symlink_to(tmp_path / "nothing")
    os.mkfifo(folder / "pipe.mp4")
    rows = list(discover([str(folder)]))
    assert [Path(row.uri).name for row in rows] == ["itself.mp4", "nowhere.mp4", "pipe.mp4"]
    ingest = make_ingest_video(config, tmp_path / "d")
    for row in rows:
        assert isinstance(row, SourceRow)
        assert ingest(row).reason == "missing", row.uri
    assert ingest(SourceRow(str(folder / "folder.mp4"))).reason == "no-times"


def test_a_size_beyond_the_limit_is_reported(whole: dict[str, bytes], tmp_path: Path) -> None:
    path = tmp_path / "v.mp4"
    path.write_bytes(whole[".mp4"])
    config = IngestConfig.model_validate({"decode": {"max_pixels": 4096}})
    outcome = make_ingest_video(config, tmp_path / "d")(SourceRow(str(path)))
    assert outcome.reason == "unreadable"
    assert "160x120" in outcome.detail
    assert "max_pixels" in outcome.detail
