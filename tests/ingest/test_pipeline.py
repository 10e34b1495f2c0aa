"""The run without Ray: ledger, rerun, duplicates, changed manifests, unusable outputs."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from ingest import pipeline
from ingest.conventions.errors import UserError
from ingest.execution.tasks import Finished, TaskFailure
from ingest.format.dataset import Dataset
from ingest.ledger.outcome import read_outcome
from ingest.run import intake
from ingest.run.intake import RunOptions
from ingest.settings import IngestConfig

ROOT = Path(__file__).resolve().parents[2]


def serially(function: Callable, items: Iterable, *_: Any) -> Iterator[Finished]:
    """`run_tasks` in this process, last item first: the order must decide nothing."""
    for item in reversed(list(items)):
        yield Finished(item, function(item))


@pytest.fixture(autouse=True)
def without_ray(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(intake, "run_tasks", serially)


def bytes_of(root: Path) -> dict[str, str]:
    """Hash of every file of a dataset but `state/`, which holds times of change."""
    return {
        str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "state"
    }


@pytest.fixture(scope="module")
def folder(odd_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("videos")
    for name in ("kept", "empty-file", "unreadable", "too-short"):
        shutil.copy(odd_files / f"{name}.mp4", target)
    shutil.copy(odd_files / "kept.mp4", target / "kept-copy.mp4")
    return target


def test_every_input_is_accounted_for(folder: Path, quick: IngestConfig, tmp_path: Path) -> None:
    seen: dict[str, str] = {}
    result = pipeline.run(
        [str(folder)], tmp_path / "d", quick, listen=lambda o, stood: seen.update({o.uri: o.status})
    )
    assert sorted(seen.values()) == ["kept"] + ["refused"] * 4
    # Of two URIs with the same bytes the one that sorts first is taken, though it came last.
    assert seen[str(folder / "kept-copy.mp4")] == "kept"
    assert result.counts() == {"kept": 1, "refused": 4}
    assert result.reasons() == {"duplicate": 1, "empty-file": 1, "too-short": 1, "unreadable": 1}
    assert result.failed_share() == 0
    table = pd.read_parquet(tmp_path / "d" / "videos.parquet")
    assert list(table.video_id) == sorted(table.video_id)
    assert sorted(table.reason) == ["", "duplicate", "empty-file", "too-short", "unreadable"]
    assert table.set_index("reason").loc[""].num_keyframes > 3
    assert (tmp_path / "d" / "report.html").stat().st_size > 10_000
    assert "\ningest:\n" in (tmp_path / "d" / "config" / "ingest.yaml").read_text()


def test_running_twice_and_elsewhere_gives_the_same_bytes(
    folder: Path, quick: IngestConfig, tmp_path: Path
) -> None:
    pipeline.run([str(folder)], tmp_path / "a" / "d", quick)
    first = bytes_of(tmp_path / "a" / "d")
    again = pipeline.run([str(folder)], tmp_path / "a" / "d", quick)
    assert bytes_of(tmp_path / "a" / "d") == first
    assert again.num_skipped == 4
    pipeline.run([str(folder)], tmp_path / "b" / "d", quick)
    assert bytes_of(tmp_path / "b" / "d") == first


def test_a_half_done_dataset_is_finished(folder: Path, quick: IngestConfig, tmp_path: Path) -> None:
    pipeline.run([str(folder)], tmp_path / "whole" / "d", quick)
    whole = bytes_of(tmp_path / "whole" / "d")
    pipeline.run([str(folder)], tmp_path / "half" / "d", quick)
    half = Dataset(tmp_path / "half" / "d")
    (video_id,) = half.video_ids()
    half.outcome_json(video_id).unlink()
    half.videos_parquet.unlink()
    dead = subprocess.Popen(["true"])
    dead.wait()
    (half.keyframes / f".{video_id}.tar.{dead.pid}.tmp").write_bytes(b"half a tar")
    pipeline.run([str(folder)], half.root, quick)
    assert bytes_of(half.root) == whole


def test_a_changed_config_makes_it_anew(folder: Path, quick: IngestConfig, tmp_path: Path) -> None:
    video = str(folder / "kept.mp4")
    pipeline.run([video], tmp_path, quick)
    other = quick.model_copy(update={"run": quick.run.model_copy(update={"max_in_flight": 7})})
    assert pipeline.run([video], tmp_path, other).num_skipped == 1
    png = quick.keyframes.model_copy(update={"format": "png"})
    again = pipeline.run([video], tmp_path, quick.model_copy(update={"keyframes": png}))
    assert (again.num_sources, again.num_skipped) == (1, 0)
    (video_id,) = Dataset(tmp_path).video_ids()
    assert b"PNG" in Dataset(tmp_path).keyframes_tar(video_id).read_bytes()[:2000]


def test_a_changed_manifest_changes_the_ledger_only(
    folder: Path, quick: IngestConfig, tmp_path: Path
) -> None:
    manifest = tmp_path / "m.csv"
    rows = f"{folder}/kept.mp4,lake,CC0-1.0\nabsent.mp4,sea,\n"
    manifest.write_text("uri,painting,licence\n" + rows)
    result = pipeline.run([str(manifest)], tmp_path / "d", quick)
    assert result.reasons() == {"bad-manifest-row": 1}
    (video_id,) = Dataset(tmp_path / "d").video_ids()
    before = Dataset(tmp_path / "d").keyframes_tar(video_id).stat().st_mtime_ns
    manifest.write_text("uri,painting,licence\n" + rows.replace("CC0-1.0", "CC-BY-4.0"))
    pipeline.run([str(manifest)], tmp_path / "d", quick)
    assert read_outcome(Dataset(tmp_path / "d"), video_id).licence == "CC-BY-4.0"
    assert Dataset(tmp_path / "d").keyframes_tar(video_id).stat().st_mtime_ns == before


def test_a_dead_worker_is_an_outcome(
    folder: Path, quick: IngestConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def dying(function: Callable, items: Iterable, *_: Any) -> Iterator[Finished]:
        for item in items:
            yield Finished(item, TaskFailure("worker-died", "killed by the system"))

    monkeypatch.setattr(intake, "run_tasks", dying)
    result = pipeline.run([str(folder / "kept.mp4")], tmp_path, quick)
    assert result.failed_share() == 1
    assert result.reasons() == {"worker-died": 1}
    monkeypatch.setattr(intake, "run_tasks", serially)
    # It is in quarantine: what killed its worker would do so in every run.
    again = pipeline.run([str(folder / "kept.mp4")], tmp_path, quick)
    assert (again.reasons(), again.num_skipped) == ({"worker-died": 1}, 1)
    asked = RunOptions(retry_failed=True)
    assert pipeline.run([str(folder / "kept.mp4")], tmp_path, quick, asked).counts() == {"kept": 1}
    assert list(pd.read_parquet(tmp_path / "videos.parquet").status) == ["kept"]


def test_an_output_that_is_a_file_is_told(
    folder: Path, quick: IngestConfig, tmp_path: Path
) -> None:
    (tmp_path / "d").write_text("a file")
    with pytest.raises(UserError, match="is a file"):
        pipeline.run([str(folder)], tmp_path / "d", quick)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_read_only_output_is_told(folder: Path, quick: IngestConfig, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(UserError, match="permission denied"):
        pipeline.run([str(folder)], tmp_path / "d", quick)


def mounted(tmp_path: Path, options: str) -> Path:
    """A small file system of its own; skips where the test may not mount."""
    place = tmp_path / "mounted"
    place.mkdir()
    command = ["mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place)]
    if subprocess.run(command, capture_output=True, check=False).returncode:
        pytest.skip("mounting needs root")
    return place


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("size=24k", "the disk is full"),
        ("size=60k", "the disk is full"),
        ("ro,size=1m", "read-only"),
    ],
)
def test_real_full_and_read_only_disks_give_one_line(
    folder: Path, quick: IngestConfig, tmp_path: Path, options: str, message: str
) -> None:
    place = mounted(tmp_path, options)
    try:
        with pytest.raises(UserError, match=message) as caught:
            pipeline.run([str(folder)], place / "d", quick)
        assert "\n" not in str(caught.value)
        assert not list(place.rglob("*.tmp"))
    finally:
        subprocess.run(["umount", str(place)], check=True)


def test_a_full_disk_without_root(folder: Path, tmp_path: Path) -> None:
    """Where nothing can be mounted: a limit on file size stands for the full disk (EFBIG)."""
    code = (
        "import resource, signal, sys\n"
        "signal.signal(signal.SIGXFSZ, signal.SIG_IGN)\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (500, 500))\n"
        "sys.path.insert(0, sys.argv[1])\n"
        "from ingest.conventions.atomic import write_bytes\n"
        "from ingest.conventions.cli import run_app\n"
        "from pathlib import Path\n"
        "run_app(lambda: write_bytes(Path(sys.argv[2]), bytes(1000)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(ROOT), str(tmp_path / "x")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1
    assert "the file is larger than" in done.stderr
    assert list(tmp_path.iterdir()) == []
