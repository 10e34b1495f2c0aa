"""Reading from Google Cloud Storage, tested with a small stand-in server."""

from __future__ import annotations

import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.conventions.errors import Refusal
from ingest.sources.discover import discover
from ingest.sources.file_systems import RemoteConfig
from ingest.sources.remote import fetch, stat

CONFIG = RemoteConfig(timeout_s=5, attempts=2, pause_s=0.02, chunk_mb=1, anonymous=True)


@pytest.fixture(scope="module")
def bucket(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("gs")
    command = [sys.executable, str(Path(__file__).with_name("gcs_server.py")), str(folder)]
    server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert server.stdout is not None
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CLOUD_STORAGE_EMULATOR_ENDPOINT", server.stdout.readline().strip())
        yield folder
    server.kill()
    server.wait()


def test_folders_globs_manifests_and_bytes(bucket: Path, tmp_path: Path) -> None:
    data = random.Random(0).randbytes(2_500_000)
    for name in ("v/a b.mp4", "v/deep/er/c.webm", "v/p/1.jpg", "v/p/times.csv", "v/notes.txt"):
        (bucket / name).parent.mkdir(parents=True, exist_ok=True)
        (bucket / name).write_bytes(data)
    (bucket / "m.csv").write_text("uri\nv/a b.mp4\n")

    def uris(text: str) -> list[str]:
        rows = discover([f"gs://paintings/{text}"], CONFIG)
        return [row.uri.removeprefix("gs://paintings/") for row in rows]

    assert uris("v") == ["v/a b.mp4", "v/deep/er/c.webm", "v/p"]
    assert uris("v/d*") == ["v/deep/er/c.webm"]
    assert uris("**/*.webm") == ["v/deep/er/c.webm"]
    assert uris("m.csv") == ["v/a b.mp4"]
    remote = stat("gs://paintings/v/a b.mp4", CONFIG)
    assert remote is not None
    fetch(remote, tmp_path / "copy", CONFIG)
    assert (tmp_path / "copy").read_bytes() == data
    assert stat("gs://paintings/v/p", CONFIG) is None
    with pytest.raises(Refusal, match="is not there"):
        stat("gs://paintings/none.mp4", CONFIG)
