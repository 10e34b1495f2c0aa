"""Reading from servers that fail, hang or cut bodies short: same bytes, no files left behind."""

from __future__ import annotations

import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from ingest.conventions.errors import Refusal, Unreachable
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import VideoOutcome
from ingest.ledger.reasons import VIDEO_REASONS
from ingest.per_source.row_function import STORAGE, KnownSource, make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources import copies
from ingest.sources.copies import (
    copies_root,
    local_copy,
    remote_change_tag,
    remove_abandoned_copies,
)
from ingest.sources.discover import SourceRow
from ingest.sources.file_systems import RemoteConfig
from ingest.sources.remote import fetch, stat

CONFIG = RemoteConfig(timeout_s=0.5, pause_s=0.02, attempts=4, chunk_mb=1)
FAULTS = ["none", "error", "hang", "cut"]
LIMIT_S = 120.0
"""Far longer than all attempts together take, even on a busy machine."""
DATA = random.Random(0).randbytes(2_500_000)


@pytest.fixture
def config(quick: IngestConfig) -> IngestConfig:
    return quick.model_copy(update={"remote": CONFIG})


@pytest.fixture(scope="module")
def undisturbed(film, quick: IngestConfig, tmp_path_factory) -> tuple[Dataset, VideoOutcome]:
    root = tmp_path_factory.mktemp("local")
    return Dataset(root), make_ingest_video(quick, root)(SourceRow(str(film.path)))


@pytest.mark.parametrize("fault", FAULTS)
def test_a_video_from_a_failing_store_gives_the_same_bytes(
    bucket, film, undisturbed, config: IngestConfig, tmp_path: Path, fault: str
) -> None:
    uri = bucket.put("film.mp4", film.path.read_bytes())
    bucket.proxy.set(fault)
    start_s = time.monotonic()
    outcome = make_ingest_video(config, tmp_path)(SourceRow(uri))
    assert time.monotonic() - start_s < LIMIT_S
    assert bucket.proxy.num_faults > 0 or fault == "none"
    dataset, expected = undisturbed
    assert outcome == expected.model_copy(update={"uri": uri})
    for path in (dataset.keyframes_tar, dataset.preview_jpg):
        there = Dataset(tmp_path).keyframes / path(outcome.video_id).name
        assert there.read_bytes() == path(outcome.video_id).read_bytes()


def test_a_rerun_asks_and_fetches_nothing(
    bucket, film, config: IngestConfig, tmp_path: Path
) -> None:
    row = SourceRow(bucket.put("film.mp4", film.path.read_bytes()))
    ingest = make_ingest_video(config, tmp_path)
    first = ingest.process(row)
    bucket.proxy.set("none")
    again = ingest.process(row, KnownSource(first.change_tag, first.outcome.video_id))
    assert bucket.proxy.requests == [("HEAD", "/paintings/film.mp4")]
    assert (again.outcome, again.is_new) == (first.outcome, False)
    bucket.put("film.mp4", film.path.read_bytes() + b"\0")
    assert remote_change_tag(row, CONFIG) != first.change_tag


@pytest.mark.parametrize("fault", FAULTS)
def test_a_web_server_without_ranges(web, tmp_path: Path, fault: str) -> None:
    folder, proxy = web
    (folder / "a.bin").write_bytes(DATA)
    proxy.set(fault)
    remote = stat(f"{proxy.url}/a.bin", CONFIG)
    assert remote is not None
    assert remote.change_tag
    fetch(remote, tmp_path / "copy", CONFIG)
    assert (tmp_path / "copy").read_bytes() == DATA
    assert proxy.num_faults > 0 or fault == "none"


@pytest.mark.parametrize("fault", ["hang", "cut"])
def test_many_chunks(bucket, tmp_path: Path, fault: str) -> None:
    uri = bucket.put("a.bin", DATA)
    bucket.proxy.set(fault)
    remote = stat(uri, CONFIG)
    assert remote is not None
    fetch(remote, tmp_path / "copy", CONFIG)
    assert (tmp_path / "copy").read_bytes() == DATA


def test_a_file_that_changes_meanwhile_is_not_taken(bucket, tmp_path: Path) -> None:
    before = stat(bucket.put("a.bin", DATA), CONFIG)
    bucket.put("a.bin", DATA + b"more")
    assert before is not None
    with pytest.raises(Unreachable, match="changed while"):
        fetch(before, tmp_path / "copy", CONFIG)


def test_a_full_disk_for_copies_stops_the_run(
    bucket, config: IngestConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(_remote: object, target: Path, _config: object) -> None:
        target.write_bytes(b"part")
        raise OSError(28, "No space left on device", str(target))

    monkeypatch.setattr(copies, "fetch", full)
    outcome = make_ingest_video(config, tmp_path)(SourceRow(bucket.put("a.mp4", b"x")))
    assert outcome.reason == STORAGE
    assert "the disk is full" in outcome.detail
    assert str(copies_root()) in outcome.detail


def test_picture_folders_and_times_elsewhere(bucket, tmp_path: Path) -> None:
    for name in ("1.jpg", "2.jpg", "notes.txt"):
        bucket.put(f"p/{name}", name.encode())
    times = bucket.put("times/p.csv", b"file,time_s\n")
    with local_copy(SourceRow("s3://paintings/p", times=times), CONFIG) as local:
        assert sorted(path.name for path in local.path.iterdir()) == ["1.jpg", "2.jpg"]
        assert Path(local.times).read_bytes() == b"file,time_s\n"
        assert local.path.is_relative_to(copies_root())
    with (
        pytest.raises(Refusal) as caught,
        local_copy(SourceRow("s3://paintings/p", times=times), CONFIG) as local,
    ):
        raise Refusal("bad-times", f"{local.times}:1 of {local.uri}/1.jpg")
    assert caught.value.detail == "s3://paintings/times/p.csv:1 of s3://paintings/p/1.jpg"


def test_a_store_that_is_down_is_a_failure_of_this_run(
    bucket, config: IngestConfig, tmp_path: Path
) -> None:
    uri = bucket.put("a.mp4", b"x")
    down = config.model_copy(update={"remote": CONFIG.model_copy(update={"attempts": 1})})
    bucket.proxy.set("error", every=1)
    worked = make_ingest_video(down, tmp_path).process(SourceRow(uri))
    assert (worked.outcome.status, worked.outcome.reason) == ("failed", "unreachable")
    assert worked.change_tag == ""
    assert worked.outcome.reason in VIDEO_REASONS
    assert "\n" not in worked.outcome.detail


@pytest.mark.parametrize(
    ("name", "reason"), [("none.mp4", "missing"), ("empty.mp4", "empty-file"), ("p", "no-times")]
)
def test_refusals_name_the_address(
    bucket, config: IngestConfig, tmp_path: Path, name: str, reason: str
) -> None:
    bucket.put("empty.mp4", b"")
    bucket.put("p/1.jpg", b"x")
    outcome = make_ingest_video(config, tmp_path)(SourceRow(f"s3://paintings/{name}"))
    assert (outcome.status, outcome.reason) == ("refused", reason)
    assert f"s3://paintings/{name}" in outcome.detail
    assert str(copies_root()) not in outcome.detail


def test_copies_of_killed_processes_are_removed_and_others_stay(bucket) -> None:
    code = (
        "import sys, os, signal\n"
        "from ingest.sources.copies import copy_folder\n"
        "with copy_folder() as folder:\n"
        "    (folder / 'part.mp4').write_bytes(b'x')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
    )
    root = str(Path(copies.__file__).parents[2])
    environment = {**os.environ, "PYTHONPATH": root}
    subprocess.run([sys.executable, "-c", code], env=environment, check=False)
    assert [path.name for path in copies_root().rglob("*.mp4")] == ["part.mp4"]
    with copies.copy_folder() as ours:
        assert not list(copies_root().rglob("*.mp4"))
        assert remove_abandoned_copies() == 0
        assert ours.is_dir()
