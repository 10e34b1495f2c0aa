"""Reading processes: folders with times, frames, films and sessions."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from inference.evaluation.artists import parse_artists
from inference.evaluation.process_files import find_processes, read_painted
from ingest.conventions.errors import UserError
from ingest.format.images import encode_image


def _write(path: Path, value: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_image(np.full((32, 48, 3), value, np.uint8), "png"))


def test_a_folder_of_keyframe_folders_gives_a_process_each(tmp_path: Path) -> None:
    for name in ("b", "a"):
        for number, value in enumerate((255, 120, 60)):
            _write(tmp_path / name / f"{number}.png", value)
        (tmp_path / name / "times.csv").write_text("file,time_s\n0.png,0\n1.png,40\n2.png,95\n")
    sources = find_processes(tmp_path)
    assert [source.name for source in sources] == ["a", "b"]
    process = sources[0].read()
    assert process.times_s == (0.0, 40.0, 95.0)
    assert process.frames[1][0, 0].tolist() == [120, 120, 120]


def test_frames_are_taken_in_the_order_of_their_numbers(tmp_path: Path) -> None:
    for number in (10, 2, 1):
        _write(tmp_path / "a" / f"frame{number}.png", number)
    process = read_painted(tmp_path, "a", 23.6)
    assert [int(frame[0, 0, 0]) for frame in process.frames] == [1, 2, 10]
    assert process.times_s == pytest.approx((0.0, 23.6, 47.2))


def test_frames_without_an_interval_are_refused(tmp_path: Path) -> None:
    for number in (1, 2):
        _write(tmp_path / "a" / f"{number}.png", number)
    with pytest.raises(UserError, match="@SECONDS"):
        read_painted(tmp_path, "a", None)


def test_a_painting_that_was_not_painted_is_told(tmp_path: Path) -> None:
    with pytest.raises(UserError, match="neither a folder nor a film"):
        read_painted(tmp_path, "a", 20.0)


def test_a_place_without_processes_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"times\.csv"):
        find_processes(tmp_path)


def test_artists_have_names_places_and_intervals(tmp_path: Path) -> None:
    specs = parse_artists(f"learned,slow=learned@30,svd={tmp_path}@23.6")
    assert [(s.name, s.painter, s.interval_s) for s in specs] == [
        ("learned", "learned", None), ("slow", "learned", 30.0), ("svd", "", 23.6),
    ]  # fmt: skip
    assert specs[2].folder == tmp_path


@pytest.mark.parametrize("text", ["learned,learned", "a=learned@fast", "a=learned@0", ""])
def test_artists_that_make_no_sense_are_refused(text: str) -> None:
    with pytest.raises(UserError, match="--artists"):
        parse_artists(text)
