"""Listing remote inputs, also from servers with faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.conventions.errors import UserError
from ingest.sources.discover import BadRow, Row, SourceRow, discover
from ingest.sources.file_systems import RemoteConfig
from ingest.sources.remote import fetch, stat

CONFIG = RemoteConfig(timeout_s=0.5, pause_s=0.02, attempts=4, chunk_mb=1)


def uris(*inputs: str) -> list[str]:
    return [row.uri for row in discover(inputs, CONFIG)]


@pytest.mark.parametrize("fault", ["none", "error"])
def test_folders_globs_and_files_on_s3(bucket, fault: str) -> None:
    for key in ("v/a.mp4", "v/deep/b.webm", "v/notes.txt", "v/deep/er/c.gif", "w/d.mp4"):
        bucket.put(key, b"x")
    for key in ("1.jpg", "2.jpg", "clip.gif", "times.csv"):
        bucket.put(f"v/pictures/{key}", b"x")
    bucket.proxy.set(fault)
    root = "s3://paintings"
    below = ["v/a.mp4", "v/deep/b.webm", "v/deep/er/c.gif", "v/pictures"]
    assert uris(f"{root}/v") == [f"{root}/{name}" for name in below]
    assert uris(f"{root}/v/") == uris(f"{root}/v")
    assert uris(f"{root}/v/*.mp4") == [f"{root}/v/a.mp4"]
    assert uris(f"{root}/*/*.mp4") == [f"{root}/v/a.mp4", f"{root}/w/d.mp4"]
    assert uris(f"{root}/v/**/*.gif")[0] == f"{root}/v/deep/er/c.gif"
    assert uris(f"{root}/v/dee*") == [f"{root}/{name}" for name in below[1:3]]
    assert uris(f"{root}/v/notes.txt", f"{root}/w") == [f"{root}/v/notes.txt", f"{root}/w/d.mp4"]


@pytest.mark.parametrize("fault", ["none", "error"])
def test_a_remote_manifest_and_its_relative_rows(bucket, tmp_path: Path, fault: str) -> None:
    here = tmp_path / "here.mp4"
    here.write_bytes(b"x")
    rows = f"a.mp4,lake,t.csv\nhttps://x.org/b.mp4,,\nftp://x/c.mp4,,\nfile://{here},,\n{here},,\n"
    manifest = bucket.put("lists/m.csv", f"uri,painting,times\n{rows}".encode())
    bucket.proxy.set(fault)
    found: list[Row] = list(discover([manifest], CONFIG))
    folder = "s3://paintings/lists"
    assert found[0] == SourceRow(f"{folder}/a.mp4", "lake", times=f"{folder}/t.csv")
    assert isinstance(found[2], BadRow)
    assert found[2].uri == f"{manifest}:4"
    assert "ftp://x/c.mp4" in found[2].detail
    assert [row.uri for row in found[3:]] == [str(here), str(here)]
    assert found[1].uri == "https://x.org/b.mp4"


def test_a_local_manifest_names_remote_files(tmp_path: Path) -> None:
    manifest = tmp_path / "m.jsonl"
    manifest.write_text('{"uri": "gs://b/a.mp4"}\n{"uri": "s3://b/b.mp4"}\n')
    assert uris(str(manifest)) == ["gs://b/a.mp4", "s3://b/b.mp4"]
    assert uris(f"file://{manifest}") == ["gs://b/a.mp4", "s3://b/b.mp4"]


def test_web_pages_are_folders(web) -> None:
    folder, proxy = web
    (folder / "deep").mkdir()
    for name in ("a.mp4", "b.txt", "deep/c.webm"):
        (folder / name).write_bytes(b"x")
    assert uris(f"{proxy.url}/") == [f"{proxy.url}/a.mp4", f"{proxy.url}/deep/c.webm"]
    assert uris(f"{proxy.url}/*.mp4") == [f"{proxy.url}/a.mp4"]
    assert uris(f"{proxy.url}/watch?v=1") == [f"{proxy.url}/watch?v=1"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("s3://paintings/none/", "is not there"),
        ("s3://nobody/none/", "is not there"),
        ("s3://paintings/none.csv", "is not there"),
        ("s3://paintings/none/*.mp4", "none"),
        ("ftp://paintings/a.mp4", "expected a path, file://"),
        ("http://127.0.0.1:9/m.csv", "could not be read in 4 attempts"),
    ],
)
def test_what_cannot_be_listed_is_one_clear_line(bucket, text: str, message: str) -> None:
    with pytest.raises(UserError, match=message) as caught:
        uris(text)
    assert text.partition("*")[0].rstrip("/") in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "name", ["a b.mp4", "a#1.mp4", "ü%20.mp4", "a?b.mp4", "a+&=.mp4", "a[1].mp4"]
)
def test_names_with_signs_are_files_like_others(bucket, tmp_path: Path, name: str) -> None:
    bucket.put(f"v/{name}", name.encode())
    (row,) = discover(["s3://paintings/v"], CONFIG)
    assert row.uri == f"s3://paintings/v/{name}"
    remote = stat(row.uri, CONFIG)
    assert remote is not None
    fetch(remote, tmp_path / "copy", CONFIG)
    assert (tmp_path / "copy").read_bytes() == name.encode()
