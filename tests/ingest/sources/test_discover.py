"""Listing sources: order, content ids, splits, and errors for unusable inputs."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.conventions.errors import Refusal, UserError
from ingest.sources.change_tag import local_change_tag
from ingest.sources.discover import (
    BadRow,
    DiscoverConfig,
    Row,
    SourceRow,
    content_id,
    discover,
    split_of,
)


def uris(rows: list[Row]) -> list[str]:
    return [Path(row.uri).name for row in rows]


@pytest.fixture
def videos(tmp_path: Path) -> Path:
    for name in ("b.mp4", "a.MKV", "notes.txt", "deep/c.webm"):
        path = tmp_path / "videos" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "videos"


def test_folders_globs_and_files(videos: Path) -> None:
    assert uris(list(discover([str(videos)]))) == ["a.MKV", "b.mp4", "c.webm"]
    assert uris(list(discover([str(videos / "*.mp4"), str(videos / "deep")]))) == [
        "b.mp4",
        "c.webm",
    ]
    assert uris(list(discover([str(videos / "notes.txt")]))) == ["notes.txt"]


@pytest.mark.parametrize("name", ["absent", "absent/*.mp4", "empty"])
def test_nothing_there_is_one_clear_line(tmp_path: Path, name: str) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(UserError) as caught:
        list(discover([str(tmp_path / name)]))
    assert name in str(caught.value)
    assert "\n" not in str(caught.value)


def test_a_manifest_gives_its_columns(videos: Path) -> None:
    manifest = videos / "m.csv"
    manifest.write_text(
        "uri,painting,licence,source,split,times,speed\nb.mp4,lake,CC0-1.0,me,val,,8\n"
        "deep/c.webm,,,,,,\n"
    )
    first, second = discover([str(manifest)])
    expected = SourceRow(str(videos / "b.mp4"), "lake", "CC0-1.0", "me", "val", "", 8.0)
    assert first == expected
    assert isinstance(second, SourceRow)
    assert (second.split, second.speed, second.painting) == (None, 1.0, "")


def test_spaces_around_a_path_count_where_such_a_file_is(videos: Path) -> None:
    (videos / " b.mp4 ").touch()
    manifest = videos / "m.csv"
    manifest.write_text("uri\n b.mp4 \n  b.mp4\n")
    found = [row.uri for row in discover([str(manifest)])]
    assert found == [str(videos / " b.mp4 "), str(videos / "b.mp4")]


def test_json_lines_are_a_manifest_too(videos: Path) -> None:
    manifest = videos / "m.jsonl"
    manifest.write_text('{"uri": "b.mp4", "speed": 2}\n\nnonsense\n[1]\n{"uri": "deep/c.webm"}\n')
    rows = list(discover([str(manifest)]))
    assert [type(row) for row in rows] == [SourceRow, BadRow, BadRow, SourceRow]
    assert [row.uri for row in rows[1:3]] == [f"{manifest}:3", f"{manifest}:4"]


@pytest.mark.parametrize(
    ("row", "message"),
    [
        (",p,,,,,", "uri is empty"),
        ("absent.mp4,p,,,,,", "does not exist"),
        ("b.mp4,p,,,test,,", "split is 'test'"),
        ("b.mp4,p,,,,,fast", "speed is 'fast'"),
        ("b.mp4,p,,,,,-1", "speed is '-1'"),
        ("b.mp4,p,,,,t.csv,", "times 't.csv'"),
        ("b.mp4,p,,,,,1,more", "too many values"),
    ],
)
def test_a_bad_row_names_file_and_line_and_the_rest_comes_through(
    videos: Path, row: str, message: str
) -> None:
    manifest = videos / "m.csv"
    head = "uri,painting,licence,source,split,times,speed"
    manifest.write_text(f"{head}\nb.mp4,,,,,,\n{row}\ndeep/c.webm,,,,,,\n")
    first, bad, last = discover([str(manifest)])
    assert isinstance(first, SourceRow)
    assert isinstance(last, SourceRow)
    assert isinstance(bad, BadRow)
    assert f"{manifest}:3" in bad.detail
    assert message in bad.detail
    assert "\n" not in bad.detail


@pytest.mark.parametrize("content", [b"", b"video,name\nb.mp4,x\n", b"PK\x03\x04rest"])
def test_a_file_that_is_no_manifest_is_refused(tmp_path: Path, content: bytes) -> None:
    manifest = tmp_path / "m.csv"
    manifest.write_bytes(content)
    with pytest.raises(UserError, match=r"m\.csv"):
        list(discover([str(manifest)]))


def test_a_row_in_another_encoding_is_bad_and_the_rest_comes_through(videos: Path) -> None:
    manifest = videos / "m.csv"
    manifest.write_bytes("uri,painting\nb.mp4,été\ndeep/c.webm,lake\n".encode("latin-1"))
    bad, last = discover([str(manifest)])
    assert isinstance(bad, BadRow)
    assert "no UTF-8" in bad.detail
    assert isinstance(last, SourceRow)


def test_a_lone_surrogate_of_json_is_a_bad_row(videos: Path) -> None:
    manifest = videos / "m.jsonl"
    manifest.write_text('{"uri": "b.mp4", "licence": "\\ud800"}\n{"uri": "deep/c.webm"}\n')
    assert [type(row) for row in discover([str(manifest)])] == [BadRow, SourceRow]


def test_rows_after_damaged_csv_are_read(videos: Path) -> None:
    manifest = videos / "m.csv"
    manifest.write_text('uri,painting\n"b".mp4,x\ndeep/c.webm,lake\n')
    bad, last = discover([str(manifest)])
    assert bad.uri == f"{manifest}:2"
    assert isinstance(last, SourceRow)


def test_a_path_too_long_for_the_disk_is_a_bad_row(videos: Path) -> None:
    manifest = videos / "m.csv"
    manifest.write_text(f"uri\n{'long' * 2000}.mp4\nb.mp4\n")
    assert [type(row) for row in discover([str(manifest)])] == [BadRow, SourceRow]


@pytest.mark.parametrize(
    ("delimiter", "encoding", "first_lines"),
    [
        (",", "utf-8", ""),
        (",", "utf-8-sig", ""),
        (";", "utf-8-sig", "sep=;\r\n"),
        (";", "utf-8", "films\r\n"),
        ("\t", "utf-16", ""),
        (",", "utf-16-le", ""),
    ],
)
def test_a_manifest_is_read_as_spreadsheets_save_it(
    videos: Path, delimiter: str, encoding: str, first_lines: str
) -> None:
    rows = (["URI ", "Painting", "SPEED"], ["b.mp4", "été", "1,5"], ["deep/c.webm", "lake", "2"])
    lines = [
        delimiter.join(f'"{cell}"' if delimiter in cell else cell for cell in row) for row in rows
    ]
    manifest = videos / "m.csv"
    manifest.write_bytes((first_lines + "\r\n".join(lines) + "\r\n").encode(encoding))
    found = [row for row in discover([str(manifest)]) if isinstance(row, SourceRow)]
    assert [(Path(r.uri).name, r.painting, r.speed) for r in found] == [
        ("b.mp4", "été", 1.5), ("c.webm", "lake", 2.0),
    ]  # fmt: skip


def test_lines_of_json_take_any_case_and_a_byte_order_mark(videos: Path) -> None:
    manifest = videos / "m.jsonl"
    for encoding in ("utf-8-sig", "utf-16"):
        manifest.write_bytes('{"URI": "b.mp4", "Painting": "lake"}\n'.encode(encoding))
        (row,) = discover([str(manifest)])
        assert isinstance(row, SourceRow)
        assert row.painting == "lake"


def test_braces_are_explained(videos: Path) -> None:
    with pytest.raises(UserError, match="braces are for the shell"):
        list(discover([str(videos / "{a,b}.mp4")]))


def test_a_name_that_is_no_utf8_is_refused_and_the_rest_comes_through(videos: Path) -> None:
    with open(os.fsencode(videos) + b"/b \xe9t\xe9.mp4", "wb"):
        pass
    bad, last = discover([str(videos / "*.mp4")])
    assert isinstance(bad, BadRow)
    assert bad.reason == "bad-name"
    assert bad.uri == f"{videos}/b \\udce9t\\udce9.mp4"
    assert "rename" in bad.detail
    assert isinstance(last, SourceRow)


def test_one_unusable_input_of_several_is_refused(videos: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    given = [str(tmp_path / "absent.mp4"), str(tmp_path / "empty"), str(videos / "b.mp4")]
    absent, empty, last = discover(given)
    assert isinstance(absent, BadRow)
    assert isinstance(empty, BadRow)
    assert (absent.reason, empty.reason) == ("missing", "missing")
    assert isinstance(last, SourceRow)


def test_a_folder_that_may_not_be_listed_is_refused(
    videos: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    listed = Path.iterdir

    def iterdir(path: Path) -> Iterator[Path]:
        if path.name == "deep":
            raise PermissionError(13, "Permission denied")
        return listed(path)

    monkeypatch.setattr(Path, "iterdir", iterdir)
    rows = list(discover([str(videos)]))
    assert uris(rows) == ["a.MKV", "b.mp4", "deep"]
    assert isinstance(rows[2], BadRow)


def test_identity_is_the_content(videos: Path) -> None:
    copy = videos / "copy.mp4"
    shutil.copy(videos / "b.mp4", copy)
    one, other = SourceRow(str(videos / "b.mp4")), SourceRow(str(copy))
    assert content_id(one) == content_id(other)
    copy.write_bytes(b"other")
    assert content_id(one) != content_id(other)
    with pytest.raises(Refusal, match="missing"):
        content_id(SourceRow(str(videos / "absent.mp4")))


def test_identity_of_a_picture_folder_holds_its_times(tmp_path: Path) -> None:
    (tmp_path / "p.jpg").write_bytes(b"picture")
    times = tmp_path / "times.csv"
    times.write_text("file,time_s\np.jpg,1\n")
    before = content_id(SourceRow(str(tmp_path)))
    times.write_text("file,time_s\np.jpg,2\n")
    assert content_id(SourceRow(str(tmp_path))) != before


def test_a_picture_with_a_name_that_is_no_utf8_has_an_identity_and_a_tag(tmp_path: Path) -> None:
    (tmp_path / "times.csv").write_text("file,time_s\n")
    before = content_id(SourceRow(str(tmp_path)))
    with open(os.fsencode(tmp_path) + b"/\xe9.jpg", "wb"):
        pass
    assert content_id(SourceRow(str(tmp_path))) != before
    assert local_change_tag(SourceRow(str(tmp_path)))


def test_splits_are_by_painting_and_in_proportion() -> None:
    config = DiscoverConfig(val_fraction=0.2)
    splits = [split_of(f"painting {i}", config) for i in range(2000)]
    assert splits == [split_of(f"painting {i}", config) for i in range(2000)]
    assert 0.17 < splits.count("val") / 2000 < 0.23
    assert split_of("x", DiscoverConfig(val_fraction=0)) == "train"
    assert split_of("x", DiscoverConfig(val_fraction=1)) == "val"
