"""Keyframe folders: bytes unchanged, times of the names or the CSV, clear refusals."""

from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.format.dataset import Dataset
from ingest.format.images import encode_image
from ingest.ledger.outcome import VideoOutcome, read_keyframes
from ingest.per_source.folder_to_keyframes import parse_official_name
from ingest.per_source.row_function import make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow

CONFIG = IngestConfig.model_validate({"keyframes": {"side_px": 64}})


def ingest(folder: Path, root: Path, **row: object) -> VideoOutcome:
    return make_ingest_video(CONFIG, root)(SourceRow(uri=str(folder), **row))  # pyright: ignore


def picture(seed: int, size: tuple[int, int] = (64, 80)) -> bytes:
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (8, 10, 3), dtype=np.uint8)
    return encode_image(cv2.resize(coarse, size[::-1]), "jpg")


@pytest.fixture
def official(tmp_path: Path) -> Path:
    folder = tmp_path / "example"
    folder.mkdir()
    for seed, name in enumerate(["1_0:15", "2_0:40", "3_1:12", "4_1:02:03"]):
        (folder / f"{name}.jpg").write_bytes(picture(seed))
    targets = {"4_1:02:03.jpg": ["1_0:15.jpg", "2_0:40.jpg", "3_1:12.jpg"]}
    (folder / "last_aligned_frame_inv.json").write_text(json.dumps(targets))
    return folder


def test_the_official_layout_is_stored_byte_by_byte(official: Path, tmp_path: Path) -> None:
    outcome = ingest(official, tmp_path / "d")
    stored = read_keyframes(Dataset(tmp_path / "d"), outcome.video_id)
    assert [s.keyframe.time_s for s in stored] == [15, 40, 72, 3723]
    assert [s.data for s in stored] == [picture(seed) for seed in range(4)]
    assert [s.keyframe.target for s in stored] == [3, 3, 3, 3]
    assert outcome.status == "kept"
    assert outcome.span_s == (15, 3723)


def test_several_targets_keep_their_pictures(official: Path, tmp_path: Path) -> None:
    targets = {"2_0:40.jpg": ["1_0:15.jpg"], "4_1:02:03.jpg": ["3_1:12.jpg"]}
    (official / "last_aligned_frame_inv.json").write_text(json.dumps(targets))
    outcome = ingest(official, tmp_path / "d")
    stored = read_keyframes(Dataset(tmp_path / "d"), outcome.video_id)
    assert [s.keyframe.target for s in stored] == [1, 1, 3, 3]


def test_times_from_a_csv_and_scaled_pictures(tmp_path: Path) -> None:
    folder = tmp_path / "stages"
    folder.mkdir()
    for seed, name in enumerate(["a.jpg", "b.jpg"]):
        (folder / name).write_bytes(picture(seed, (128, 160)))
    times = tmp_path / "t.csv"
    times.write_text("file,time_s\nb.jpg,20\na.jpg,5\n")
    outcome = ingest(folder, tmp_path / "d", times=str(times), speed=2.0)
    stored = read_keyframes(Dataset(tmp_path / "d"), outcome.video_id)
    assert [s.keyframe.time_s for s in stored] == [10, 40]
    assert stored[0].image().shape == (64, 80, 3)
    assert outcome.warnings == ("resized: 2 pictures were scaled or cropped to fit",)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("file,time_s\na.jpg,5\n", "too-short"),
        ("file,seconds\na.jpg,5\n", "bad-times"),
        ("file,time_s\na.jpg,soon\nb.jpg,3\n", "bad-times"),
        ("file,time_s\na.jpg,-5\nb.jpg,3\n", "bad-times"),
        ("file,time_s\na.jpg,5\nb.jpg,5\n", "bad-times"),
        ("file,time_s\na.jpg,5\nz.jpg,6\n", "bad-times"),
        ("file,time_s\na.jpg,5\nbroken.jpg,6\n", "bad-picture"),
        ("file,time_s\na.jpg,5\nwide.jpg,6\n", "bad-picture"),
        (None, "no-times"),
    ],
)
def test_what_cannot_be_used_says_why(tmp_path: Path, content: str | None, reason: str) -> None:
    folder = tmp_path / "stages"
    folder.mkdir()
    (folder / "a.jpg").write_bytes(picture(0))
    (folder / "b.jpg").write_bytes(picture(1))
    (folder / "wide.jpg").write_bytes(picture(1, (64, 200)))
    (folder / "broken.jpg").write_bytes(b"no picture")
    if content is not None:
        (folder / "times.csv").write_text(content)
    outcome = ingest(folder, tmp_path / "d")
    assert (outcome.status, outcome.reason) == ("refused", reason)
    assert outcome.detail
    assert "\n" not in outcome.detail


@pytest.mark.parametrize(
    ("stem", "seconds"), [("1_0:15", 15), ("12_10:05", 605), ("3_1:02:03", 3723), ("7_0:03.5", 3.5)]
)
def test_official_names(stem: str, seconds: float) -> None:
    assert parse_official_name(stem)[1] == seconds


@pytest.mark.parametrize("stem", ["frame", "1-0:15", "1_15", "1_0:5", ""])
def test_other_names_are_refused(stem: str) -> None:
    with pytest.raises(ValueError, match="NUMBER_M:SS"):
        parse_official_name(stem)


@pytest.mark.real
def test_the_authors_sample(real_folder: Path, tmp_path: Path) -> None:
    folder = real_folder / "keyframes/inverse_painting_sample/sample_data/train/rgb/example"
    outcome = make_ingest_video(IngestConfig(), tmp_path)(SourceRow(uri=str(folder)))
    stored = read_keyframes(Dataset(tmp_path), outcome.video_id)
    assert [s.keyframe.time_s for s in stored] == [15, 40, 53, 72, 88, 118, 139, 156, 163, 201]
    assert {s.image().shape for s in stored} == {(512, 640, 3)}
    assert stored[0].data == (folder / "1_0:15.jpg").read_bytes()
