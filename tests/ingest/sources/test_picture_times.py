"""Times of pictures, from tables as spreadsheets save them."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.conventions.errors import Refusal
from ingest.sources.picture_times import read_times


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a.jpg", "b.jpg"):
        (tmp_path / name).touch()
    return tmp_path


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("file,time_s\nb.jpg,2.5\na,0\n", "utf-8"),
        ("File;Time_S\r\nb.jpg;2,5\r\na;0\r\n", "utf-8-sig"),
        ("sep=;\r\nfile;time s;mine\r\nb.jpg;2,5;x\r\na;0;\r\n;;\r\n", "utf-16"),
    ],
)
def test_times_are_read_as_spreadsheets_save_them(folder: Path, text: str, encoding: str) -> None:
    (folder / "times.csv").write_bytes(text.encode(encoding))
    found = read_times(folder, folder / "times.csv")
    assert [(path.name, time_s) for path, time_s in found] == [("a.jpg", 0.0), ("b.jpg", 2.5)]


@pytest.mark.parametrize("cell", ["", "soon", "-1", '"1,500"'])
def test_a_time_that_is_none_is_refused_with_its_line(folder: Path, cell: str) -> None:
    (folder / "times.csv").write_text(f"file,time_s\na.jpg,0\nb.jpg,{cell}\n")
    with pytest.raises(Refusal, match=r"times\.csv:3: time_s is"):
        read_times(folder, folder / "times.csv")


def test_spaces_around_a_name_count_where_such_a_picture_is(folder: Path) -> None:
    (folder / " a.jpg").touch()
    (folder / "times.csv").write_text("file,time_s\n a.jpg,0\n b,1\n")
    found = read_times(folder, folder / "times.csv")
    assert [path.name for path, _ in found] == [" a.jpg", "b.jpg"]
