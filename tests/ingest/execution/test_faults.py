"""Processes and nodes killed at random times: the dataset has the bytes of an undisturbed run.

Three kills of each kind by default; ``KILLS=30 pytest tests/ingest/execution/test_faults.py -s``
does thirty and prints what was hit. A run on two nodes is compared with a run without Ray.
"""

from __future__ import annotations

import contextlib
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import pandas
import psutil
import pytest

from ingest import pipeline
from ingest.conventions.config import load_section
from ingest.execution.tasks import Finished
from ingest.run.intake import Intake
from ingest.settings import IngestConfig

pytestmark = [pytest.mark.ray, pytest.mark.timeout(60 + 60 * int(os.environ.get("KILLS", "3")))]

ROOT = Path(__file__).resolve().parents[3]
KILLS = int(os.environ.get("KILLS", "3"))
KILLS_A_RUN = 3
LATEST_S = 3.0
"""Latest time of a kill, in seconds after the run began to write."""
SETTINGS = [
    "decode.min_frames=60", "align.side_px=240", "occlusion.side_px=96", "keyframes.side_px=120",
    "keyframes.target_count=8",
]  # fmt: skip
OVERRIDES = [f"ingest.{setting}" for setting in SETTINGS]


def contents(root: Path) -> dict[str, bytes]:
    """All files of a dataset but `state/`; temporary ones too."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.parent.name != "state"
    }


@pytest.fixture(scope="module")
def films(film, odd_files: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two films of other content (bytes after the end do not change what is decoded), one odd
    file, and a copy."""
    folder = tmp_path_factory.mktemp("films")
    data = film.path.read_bytes()
    for number in range(2):
        tail = b"\0\0\0\x0cfree" + bytes([number] * 4)
        (folder / f"film-{number}.mp4").write_bytes(data + tail)
    (folder / "copy.mp4").write_bytes((folder / "film-0.mp4").read_bytes())
    (folder / "unreadable.mp4").write_bytes((odd_files / "unreadable.mp4").read_bytes())
    return folder


@pytest.fixture(scope="module")
def quiet(films: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, bytes]:
    """The files that an undisturbed run writes, without Ray and in one process."""
    root = tmp_path_factory.mktemp("quiet") / "d"
    config = load_section("ingest", IngestConfig, None, OVERRIDES)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(
            Intake,
            "_execute",
            lambda self, jobs: (Finished(j, self.ingest.process(j.row, j.known)) for j in jobs),
        )
        pipeline.run([str(films)], root, config)
    return contents(root)


class Nodes:
    """A local cluster: a head without work and two nodes with a core each."""

    def __init__(self) -> None:
        from ray.cluster_utils import Cluster

        memory = 100 << 20
        self.cluster = Cluster(
            initialize_head=True, head_node_args={"num_cpus": 0, "object_store_memory": memory}
        )
        self._options = {"num_cpus": 1, "object_store_memory": memory}
        self.nodes = [self.cluster.add_node(**self._options) for _ in range(2)]
        self.cluster.wait_for_nodes()

    def kill_node(self, rng: random.Random) -> str:
        """End a node by force and start another one."""
        node = self.nodes.pop(rng.randrange(len(self.nodes)))
        self.cluster.remove_node(node, allow_graceful=False)
        self.nodes.append(self.cluster.add_node(**self._options))
        return "node"

    def kill_worker(self, rng: random.Random) -> str:
        """SIGKILL to a worker of Ray, to the parent of decoders, or to a decoder, once there is
        one and a moment has passed."""
        deadline = time.monotonic() + 20
        while not self._busy() and time.monotonic() < deadline:
            time.sleep(0.05)
        time.sleep(rng.uniform(0, 1))
        found = self._busy()
        if not found:
            return "nobody"
        victim = rng.choice(found)
        with contextlib.suppress(psutil.Error):
            name = _kind(victim)
            victim.kill()
            return name
        return "nobody"

    def _busy(self) -> list[psutil.Process]:
        found = []
        for node in self.nodes:
            for info in node.all_processes["raylet"]:
                with contextlib.suppress(psutil.Error):
                    below = psutil.Process(info.process.pid).children(recursive=True)
                    found += [process for process in below if _kind(process)]
        return sorted(found, key=lambda process: process.pid)


def _kind(process: psutil.Process) -> str:
    """``worker``, ``zygote`` or ``decoder``; empty for what is none of ours."""
    with contextlib.suppress(psutil.Error):
        words = process.cmdline()
        if "ingest.execution.zygote" in words:
            parent = process.parent()
            is_child = parent is not None and "ingest.execution.zygote" in parent.cmdline()
            return "decoder" if is_child else "zygote"
        if words and words[0].startswith("ray::_run_one"):
            return "worker"
    return ""


@pytest.fixture(scope="module")
def nodes() -> Iterator[Nodes]:
    found = Nodes()
    yield found
    found.cluster.shutdown()


def start(films: Path, root: Path, address: str, *options: str) -> subprocess.Popen[bytes]:
    """The command, as a driver of its own on the cluster."""
    words = [word for override in OVERRIDES for word in ("--set", override)]
    return subprocess.Popen(
        [sys.executable, "-m", "ingest", str(films), "-o", str(root), "--ray-address", address,
         *words, *options],
        cwd=ROOT, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
    )  # fmt: skip


def finish(run: subprocess.Popen[bytes]) -> int:
    _, told = run.communicate(timeout=200)
    assert run.returncode in (0, 1), told.decode()[-2000:]
    return run.returncode


def wait_until_it_writes(run: subprocess.Popen[bytes], root: Path) -> None:
    deadline = time.monotonic() + 60
    while not (root / "state").is_dir() and run.poll() is None and time.monotonic() < deadline:
        time.sleep(0.02)


def check(films: Path, root: Path, address: str, quiet: dict[str, bytes]) -> None:
    """Run again and compare: ``--retry-failed`` because several kills may hit one video."""
    assert finish(start(films, root, address, "--retry-failed")) == 0
    found = contents(root)
    assert sorted(found) == sorted(quiet), "no file too few, no temporary file"
    assert [name for name in quiet if found[name] != quiet[name]] == []


def disturbed(
    films: Path, root: Path, nodes: Nodes, kill: Callable[[random.Random], str], seed: int
) -> Counter[str]:
    """One run with kills at random moments; what was hit."""
    rng, hit = random.Random(seed), Counter()
    run = start(films, root, nodes.cluster.address)
    wait_until_it_writes(run, root)
    began = time.monotonic()
    for moment in sorted(rng.uniform(0, LATEST_S) for _ in range(KILLS_A_RUN)):
        time.sleep(max(0.0, began + moment - time.monotonic()))
        hit[kill(rng) if run.poll() is None else "late"] += 1
    finish(run)
    return hit


def test_two_nodes_give_the_bytes_of_one_process(
    films: Path, nodes: Nodes, quiet: dict[str, bytes], tmp_path: Path
) -> None:
    assert finish(start(films, tmp_path / "d", nodes.cluster.address)) == 0
    assert contents(tmp_path / "d") == quiet
    table = pandas.read_parquet(tmp_path / "d" / "videos.parquet")
    assert sorted(table.reason) == [""] * 2 + ["duplicate", "unreadable"]


@pytest.mark.parametrize("kind", ["worker", "node"])
def test_killed_workers_and_nodes_change_no_byte(
    films: Path, nodes: Nodes, quiet: dict[str, bytes], tmp_path: Path, kind: str
) -> None:
    kill = nodes.kill_worker if kind == "worker" else nodes.kill_node
    hit: Counter[str] = Counter()
    for seed in range(-(-KILLS // KILLS_A_RUN)):
        hit += disturbed(films, tmp_path / f"{seed}" / "d", nodes, kill, seed)
        check(films, tmp_path / f"{seed}" / "d", nodes.cluster.address, quiet)
    print(f"\n{kind}: {dict(hit)}")
    assert sum(number for what, number in hit.items() if what not in ("late", "nobody")) > 0


def test_a_killed_driver_changes_no_byte(
    films: Path, nodes: Nodes, quiet: dict[str, bytes], tmp_path: Path
) -> None:
    """Killed again and again in one dataset; whoever comes after goes on."""
    rng, hit = random.Random(7), Counter()
    for number in range(KILLS):
        root = tmp_path / f"{number // KILLS_A_RUN}" / "d"
        run = start(films, root, nodes.cluster.address)
        wait_until_it_writes(run, root)
        time.sleep(rng.uniform(0, LATEST_S / 2))
        hit["late" if run.poll() is not None else "driver"] += 1
        run.kill()
        run.communicate()
        if number % KILLS_A_RUN == KILLS_A_RUN - 1 or number == KILLS - 1:
            check(films, root, nodes.cluster.address, quiet)
    print(f"\ndriver: {dict(hit)}")
    assert hit["driver"] > 0
