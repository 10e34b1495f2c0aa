"""The demo, small, from films to painted pictures; a second run must change nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from ingest.format.images import sha256
from ingest.format.schema import decode_sample
from ingest.format.tar import read_tar

ROOT = Path(__file__).resolve().parents[1]
pytestmark = [pytest.mark.end_to_end, pytest.mark.timeout(600)]


@pytest.fixture
def ray_address(monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """A cluster that all stages join: starting a private Ray for each would take a minute."""
    from ray.cluster_utils import Cluster

    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    node = {"num_cpus": 2, "object_store_memory": 100 << 20}
    cluster = Cluster(initialize_head=True, head_node_args=node)
    yield cluster.address
    cluster.shutdown()


def run_demo(out: Path, ray_address: str) -> None:
    small = ["--videos", "3", "--side", "128", "--seconds", "10", "--train-s", "4"]
    done = subprocess.run(
        [sys.executable, "-m", "inference.demo", "-o", str(out), *small],
        cwd=ROOT, capture_output=True, text=True, check=False,
        env={**os.environ, "RAY_ADDRESS": ray_address},
    )  # fmt: skip
    assert done.returncode == 0, (done.stdout + done.stderr)[-4000:]


def fingerprints(folder: Path) -> dict[str, str]:
    return {
        str(path.relative_to(folder)): sha256(path.read_bytes())
        for pattern in ("keyframes/*.tar", "labels/**/*.tar", "shards/*", "videos.parquet")
        for path in sorted(folder.glob(pattern))
    }


def test_demo_from_films_to_painted_pictures(tmp_path: Path, ray_address: str) -> None:
    out = tmp_path / "demo"
    run_demo(out, ray_address)

    index = json.loads((out / "dataset" / "shards" / "index.json").read_text())
    assert sum(shard["num_samples"] for shard in index["shards"]) > 10
    assert {shard["split"] for shard in index["shards"]} == {"train", "val"}

    folders = sorted(path for path in (out / "painted").iterdir() if path.is_dir())
    assert len(folders) == 2
    masters = sorted(path for path in (out / "masters").iterdir() if path.is_dir())
    assert len(masters) == 3
    for folder in [*folders, *masters]:
        tars = list((folder / "session").glob("*.tar"))
        steps = [decode_sample(k, f, t.name) for t in tars for k, f in read_tar(t)]
        assert steps, f"{folder} has no steps"
        assert all(step.instruction for step in steps)
        assert steps[0].current.min() > 230, "painting starts on a blank canvas"
        for name in ("painting.mp4", "painting.gif", "index.html"):
            assert (folder / name).stat().st_size > 1000
    report = (out / "report.html").read_text(encoding="utf-8")
    assert "unseen_1" in report
    assert "monet_haystacks" in report
    assert "http://" not in report, "the report must open offline"
    assert "https://" not in report

    before = fingerprints(out / "dataset")
    run_demo(out, ray_address)
    assert fingerprints(out / "dataset") == before
