"""Kills stages at random moments; the next run must give the bytes of an undisturbed run.

Answers that were saved may not be requested again. Each stage is killed a few times by default;
``KILLS=30 pytest tests/labeling/test_faults.py -s`` kills thirty times and prints how many runs
were hit.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from ingest.format.dataset import Dataset
from labeling.corrections.corrections import Correction, Verdict, append_corrections
from labeling.instructions.table import read_jsonl, read_table
from labeling.instructions.vision_language.endpoint import EndpointConfig, EndpointLabeler
from labeling.pairs import read_pairs
from labeling.shards.index import check_shards

KILLS = int(os.environ.get("KILLS", "3"))
"""Kills of each stage."""
ROOT = Path(__file__).resolve().parents[2]
WORDS = ("sky", "tree", "water", "mountain", "house")
pytestmark = pytest.mark.timeout(60 + 10 * KILLS)


class Runner:
    """`stage_runner` in another process."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, str(Path(__file__).with_name("stage_runner.py"))],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, cwd=ROOT,
            env={**os.environ, "PYTHONPATH": str(ROOT)},
        )  # fmt: skip

    def run(self, *words: object, kill_after_s: float | None = None) -> int:
        """Run a stage; its exit status, negative if it was killed."""
        assert self._process.stdin
        assert self._process.stdout
        print(*words, file=self._process.stdin, flush=True)
        child = int(self._process.stdout.readline())
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            with contextlib.suppress(ProcessLookupError):  # it had finished
                os.kill(child, signal.SIGKILL)
        return int(self._process.stdout.readline())

    def close(self) -> None:
        self._process.communicate(timeout=20)


@pytest.fixture(scope="module")
def runner() -> Iterator[Runner]:
    found = Runner()
    yield found
    found.close()


class Moments:
    """Random moments within a run; after a run that finished too early, earlier ones are drawn."""

    def __init__(self, seed: int, longest_s: float) -> None:
        self.longest_s, self.hit = longest_s, Counter[str]()
        self._rng, self._last_s = random.Random(seed), 0.0

    def draw(self) -> float:
        self._last_s = self._rng.uniform(0, self.longest_s)
        return self._last_s

    def note(self, status: int) -> None:
        assert status in (0, -signal.SIGKILL)
        self.hit["killed" if status else "late"] += 1
        if status == 0:
            self.longest_s = self._last_s


class Server:
    """Answers each request with a word chosen by its hash; counts requests by hash."""

    def __init__(self) -> None:
        self.asked: Counter[str] = Counter()
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                name = hashlib.sha256(body).hexdigest()
                outer.asked[name] += 1
                time.sleep(0.02)
                message = {"role": "assistant", "content": WORDS[int(name, 16) % len(WORDS)]}
                answer = json.dumps({"choices": [{"message": message}]}).encode()
                with contextlib.suppress(ConnectionError):  # the client was killed
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(answer)))
                    self.end_headers()
                    self.wfile.write(answer)

            def log_message(self, format: str, *args: object) -> None:
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.http.daemon_threads = True
        self.url = f"http://127.0.0.1:{self.http.server_address[1]}/v1"
        threading.Thread(target=self.http.serve_forever, args=(0.02,), daemon=True).start()


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server()
    yield running
    running.http.shutdown()
    running.http.server_close()


def contents(root: Path) -> dict[str, bytes]:
    """All files, also temporary ones, but not `changes.json`: it compares with the killed build."""
    return {
        str(path.relative_to(root)): path.read_bytes()
        for path in sorted(root.rglob("*"))
        if path.is_file() and path.name != "changes.json"
    }


def saved_answers(dataset: Dataset) -> set[str]:
    """Ids of the pairs whose answer by the endpoint is on disk."""
    return {
        row.pair_id
        for video in dataset.video_ids()
        for row in read_jsonl(dataset.instructions_jsonl(video))
        if row.labeler == "endpoint:m"
    }


def requests_of(dataset: Dataset) -> dict[str, str]:
    """Hash of the request about each pair, by pair id."""
    labeler = EndpointLabeler(EndpointConfig(model="m"))
    pairs = [pair for video in dataset.video_ids() for pair in read_pairs(dataset, video)[1]]
    bodies = labeler.prepare([(pair.current.image(), pair.next.image()) for pair in pairs])
    return {p.pair_id: hashlib.sha256(b).hexdigest() for p, b in zip(pairs, bodies, strict=True)}


def test_killed_labeling_does_not_repeat_saved_requests(
    labeled_dataset: Callable[..., Dataset], runner: Runner, server: Server, tmp_path: Path
) -> None:
    dataset = labeled_dataset(3, 0)
    undisturbed = tmp_path / "undisturbed"
    shutil.copytree(dataset.root, undisturbed)
    began = time.monotonic()
    assert runner.run("instructions", undisturbed, server.url) == 0
    moments = Moments(3, time.monotonic() - began)
    names, expected = requests_of(dataset), contents(undisturbed)
    assert server.asked == Counter(names.values())
    num_saved = Counter[int]()
    for number in range(KILLS):
        root = tmp_path / f"{number}"
        shutil.copytree(dataset.root, root)
        server.asked.clear()
        moments.note(runner.run("instructions", root, server.url, kill_after_s=moments.draw()))
        server.asked.clear()
        before = {names[pair] for pair in saved_answers(Dataset(root))}
        num_saved[len(before)] += 1
        assert runner.run("instructions", root, server.url) == 0
        assert server.asked == Counter(set(names.values()) - before)
        assert contents(root) == expected
    print(
        f"\nlabeling: {dict(moments.hit)}, answers saved before the last run: {sorted(num_saved)}"
    )
    assert moments.hit["killed"]


def reject_and_correct(dataset: Dataset) -> None:
    """Reject all pairs of the first shard, and correct one in the last shard."""
    built = json.loads(dataset.index_json.read_text())["shards"]
    assert len(built) > 3
    table = read_table(dataset)
    keys = {entry["name"]: _keys(dataset, entry["name"]) for entry in built}
    first, *_, last = keys
    said: list[tuple[str, Verdict, str]] = [(key, "reject", "") for key in keys[first]]
    said.append((keys[last][0], "correct", "castle"))
    append_corrections(
        dataset,
        [Correction(k, table[k].content_hash, verdict, word, "Ann", "", table[k].text)
         for k, verdict, word in said],
    )  # fmt: skip


def _keys(dataset: Dataset, shard: str) -> list[str]:
    from ingest.format.tar_ranges import find_ranges

    return [place.key for place in find_ranges(dataset.shards / shard)]


def test_killed_shard_build_gives_the_same_bytes(
    labeled_dataset: Callable[..., Dataset], runner: Runner, tmp_path: Path
) -> None:
    """For first builds, and for builds after corrections that empty a shard and rename others."""
    dataset = labeled_dataset(5, 1)
    fresh, corrected = tmp_path / "fresh", tmp_path / "corrected"
    shutil.copytree(dataset.root, fresh)
    assert runner.run("shards", dataset.root) == 0
    reject_and_correct(dataset)
    shutil.copytree(dataset.root, corrected)
    moments = Moments(5, 0.0)
    for state in (fresh, corrected):
        undisturbed = tmp_path / f"undisturbed-{state.name}"
        shutil.copytree(state, undisturbed)
        began = time.monotonic()
        assert runner.run("shards", undisturbed) == 0
        moments.longest_s = time.monotonic() - began
        assert check_shards(Dataset(undisturbed)) == []
        expected = contents(undisturbed)
        for number in range(-(-KILLS // 2)):
            root = tmp_path / f"{state.name}-{number}"
            shutil.copytree(state, root)
            moments.note(runner.run("shards", root, kill_after_s=moments.draw()))
            assert runner.run("shards", root) == 0
            assert contents(root) == expected
            assert check_shards(Dataset(root)) == []
    print(f"\nshards: {dict(moments.hit)}")
    assert moments.hit["killed"]
