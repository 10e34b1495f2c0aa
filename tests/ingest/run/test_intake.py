"""Which sources a run ingests and which outcomes it reuses, with a stand-in for decoding."""

from __future__ import annotations

import itertools
import os
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from ingest import pipeline
from ingest.execution.tasks import Finished, TaskFailure
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image
from ingest.format.schema import Keyframe
from ingest.ledger.frame_table import FrameFate
from ingest.ledger.outcome import VideoOutcome, read_outcome
from ingest.ledger.source_files import KeptSource
from ingest.ledger.source_register import Register
from ingest.per_source import row_function
from ingest.per_source.isolated_row_function import IsolatedIngest, Job
from ingest.per_source.row_function import IngestVideo, SourceResult
from ingest.run.intake import Intake, RunOptions
from ingest.run.purge import plan_purge, purge, undo_purge
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow

CONFIG = IngestConfig()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter[str]:
    """Replaces decoding, and nothing else, by a stand-in; counts how often each file is decoded."""
    counted: Counter[str] = Counter()

    def decode(row: SourceRow, base: VideoOutcome, config: IngestConfig) -> KeptSource:
        counted[Path(row.uri).name] += 1
        rng = np.random.default_rng(int(base.video_id, 16))
        pictures = rng.integers(0, 255, (2, 24, 32, 3), dtype=np.uint8)
        keyframes = [
            (
                Keyframe(video_id=base.video_id, index=i, time_s=i * row.speed, target=1),
                "jpg",
                encode_image(picture, "jpg"),
            )
            for i, picture in enumerate(pictures)
        ]
        frames = [FrameFate(i, float(i), keyframes=(i,)) for i in range(2)]
        update = {"num_sampled_frames": 2, "duration_s": 2.0}
        return KeptSource(base.model_copy(update=update), keyframes, None, frames)  # pyright: ignore

    monkeypatch.setattr(row_function, "ingest_footage", decode)
    monkeypatch.setattr(Intake, "_execute", in_turn)
    return counted


def in_turn(self: Intake, jobs: Iterator[Job]) -> Iterator[Finished[Job, SourceResult]]:
    """Run jobs in this process, in groups of three, in reverse order."""
    while group := list(itertools.islice(jobs, 3)):
        for job in reversed(group):
            yield Finished(job, self.ingest.process(job.row, job.known))


@pytest.fixture
def sources(tmp_path: Path) -> Callable[..., str]:
    """Write a manifest of files ``name=content`` or ``name=(content, columns)``; returns it."""

    def make(**files: str | tuple[str, dict[str, object]]) -> str:
        lines = []
        for name, given in files.items():
            content, columns = (given, {}) if isinstance(given, str) else given
            path = tmp_path / f"{name}.mp4"
            if not path.is_file() or path.read_text() != content:
                path.write_text(content)
            row: dict[str, object] = {"uri": path.name, **columns}
            lines.append(pd.Series(row).to_json() + "\n")
        manifest = tmp_path / "manifest.jsonl"
        manifest.write_text("".join(lines))
        return str(manifest)

    return make


def ledger(root: Path) -> dict[str, str]:
    """Reason (or kept) by file name."""
    table = pd.read_parquet(root / "videos.parquet")
    return {Path(u).stem: r or s for u, r, s in zip(table.uri, table.reason, table.status)}  # noqa: B905


def test_a_reused_outcome_is_neither_hashed_nor_decoded(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path, monkeypatch
) -> None:
    root = tmp_path / "d"
    inputs = [sources(a="1", b="2", c="3")]
    assert pipeline.run(inputs, root, CONFIG).counts() == {"kept": 3}
    monkeypatch.setattr(row_function, "content_id", lambda row: pytest.fail("hashed"))
    again = pipeline.run(inputs, root, CONFIG)
    assert (again.num_skipped, again.num_keyframes, sum(calls.values())) == (3, 6, 3)


def test_a_name_that_is_no_utf8_ends_no_run(calls: Counter[str], tmp_path: Path) -> None:
    root, videos = tmp_path / "d", tmp_path / "videos"
    videos.mkdir()
    (videos / "a.mp4").write_text("1")
    with open(os.fsencode(videos) + b"/\xe9t\xe9.mp4", "wb"):
        pass
    for _ in range(2):
        result = pipeline.run([str(videos), str(tmp_path / "absent")], root, CONFIG)
        assert result.counts() == {"kept": 1, "refused": 2}
        assert result.reasons() == {"bad-name": 1, "missing": 1}
    assert ledger(root) == {"a": "kept", "\\udce9t\\udce9": "bad-name", "absent": "missing"}
    assert sum(calls.values()) == 1


def test_touched_files_are_hashed_and_changed_ones_decoded(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path
) -> None:
    root = tmp_path / "d"
    inputs = [sources(a="1", b="2")]
    pipeline.run(inputs, root, CONFIG)
    os.utime(tmp_path / "a.mp4", ns=(1, 1))
    (tmp_path / "b.mp4").write_text("22")
    assert pipeline.run(inputs, root, CONFIG).num_skipped == 1
    assert calls == {"a.mp4": 1, "b.mp4": 2}
    (root / "state" / "sources.sqlite").unlink()
    assert pipeline.run(inputs, root, CONFIG).num_skipped == 2
    assert calls == {"a.mp4": 1, "b.mp4": 2}, "the register is only for speed"


def test_of_equal_bytes_the_first_uri_is_taken_whatever_came_first(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path
) -> None:
    root, files = tmp_path / "d", {}
    for name in ("m", "z", "a", "k"):
        files[name] = ("same", {"licence": f"of {name}", "speed": 2 if name == "a" else 1})
    result = pipeline.run([sources(**files)], root, CONFIG)
    assert (result.counts(), result.reasons()) == ({"kept": 1, "refused": 3}, {"duplicate": 3})
    assert ledger(root) == {"a": "kept", "m": "duplicate", "z": "duplicate", "k": "duplicate"}
    (video_id,) = Dataset(root).video_ids()
    outcome = read_outcome(Dataset(root), video_id)
    assert outcome.licence == "of a"
    assert outcome.config_hash == row_function.row_identity(SourceRow("x", speed=2.0), CONFIG)
    num_decoded = sum(calls.values())
    again = pipeline.run([sources(**files)], root, CONFIG)
    assert (again.counts(), again.num_skipped) == ({"kept": 1, "refused": 3}, 1)
    assert sum(calls.values()) == num_decoded
    # Without the first URI the next one takes its place, with its own speed.
    del files["a"]
    pipeline.run([sources(**files)], root, CONFIG)
    assert ledger(root)["k"] == "kept"
    assert read_outcome(Dataset(root), video_id).licence == "of k"
    assert sum(calls.values()) == num_decoded + 1


def test_one_uri_in_two_rows(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path
) -> None:
    manifest = Path(sources(a="1"))
    manifest.write_text(manifest.read_text() * 2)
    result = pipeline.run([str(manifest)], tmp_path / "d", CONFIG)
    assert (result.counts(), calls["a.mp4"]) == ({"kept": 1, "refused": 1}, 1)


def test_the_outcome_of_a_missing_source_is_replaced_once_it_is_there(
    calls: Counter[str], tmp_path: Path, monkeypatch
) -> None:
    path, root = tmp_path / "a.mp4", tmp_path / "d"
    monkeypatch.setattr(pipeline, "discover", lambda *_: iter([SourceRow(str(path))]))
    assert pipeline.run([], root, CONFIG).reasons() == {"missing": 1}
    path.write_text("1")
    assert pipeline.run([], root, CONFIG).counts() == {"kept": 1}
    assert ledger(root) == {"a": "kept"}
    assert calls == {"a.mp4": 1}


def test_strict_rights_come_before_any_work(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path
) -> None:
    root, strict = tmp_path / "d", RunOptions(strict_rights=True)
    rights = {"licence": "CC0-1.0", "source": "museum"}
    inputs = [sources(a=("1", rights), b="2", c=("3", {"licence": "CC0-1.0"}))]
    result = pipeline.run(inputs, root, CONFIG, strict)
    assert (result.counts(), result.reasons()) == ({"kept": 1, "refused": 2}, {"no-rights": 2})
    assert calls == {"a.mp4": 1}
    details = pd.read_parquet(root / "videos.parquet").set_index("reason").loc["no-rights"].detail
    assert sorted("no licence and no source" in text for text in details) == [False, True]
    pipeline.run(inputs, root, CONFIG)
    assert sorted(ledger(root).values()) == ["kept"] * 3
    # Strict rights remove what an earlier run kept without rights.
    pipeline.run(inputs, root, CONFIG, strict)
    assert sorted(ledger(root).values()) == ["kept", "no-rights", "no-rights"]
    assert len(Dataset(root).video_ids()) == 1


def test_a_purged_video_does_not_come_back(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path
) -> None:
    root = tmp_path / "d"
    inputs = [sources(a="1", b="2")]
    pipeline.run(inputs, root, CONFIG)
    purge(Dataset(root), plan_purge(Dataset(root), str(tmp_path / "a.mp4")))
    assert ledger(root) == {"a": "purged", "b": "kept"}
    other = CONFIG.model_copy(
        update={"keyframes": CONFIG.keyframes.model_copy(update={"side_px": 300})}
    )
    for config in (CONFIG, other):
        os.utime(tmp_path / "a.mp4")
        assert pipeline.run(inputs, root, config).reasons() == {"purged": 1}
    assert (calls["a.mp4"], calls["b.mp4"]) == (1, 2)
    undo_purge(Dataset(root), str(tmp_path / "a.mp4"))
    assert pipeline.run(inputs, root, other).counts() == {"kept": 2}


def test_failures_are_quarantined_until_asked_for_or_the_config_changes(
    calls: Counter[str], sources: Callable[..., str], tmp_path: Path, monkeypatch
) -> None:
    root, inputs = tmp_path / "d", [sources(a="1", b="2")]

    def half_die(self: Intake, jobs: Iterator[Job]) -> Iterator[Finished[Job, SourceResult]]:
        for job in jobs:
            if job.row.path.name == "a.mp4":
                yield Finished(job, TaskFailure("worker-died", "node lost"))
            else:
                yield from in_turn(self, iter([job]))

    monkeypatch.setattr(Intake, "_execute", half_die)
    assert pipeline.run(inputs, root, CONFIG).reasons() == {"worker-died": 1}
    monkeypatch.setattr(Intake, "_execute", in_turn)
    again = pipeline.run(inputs, root, CONFIG)
    assert (again.reasons(), again.num_skipped) == ({"worker-died": 1}, 2)
    assert calls["a.mp4"] == 0
    assert pipeline.run(inputs, root, CONFIG, RunOptions(retry_failed=True)).counts() == {"kept": 2}
    assert ledger(root) == {"a": "kept", "b": "kept"}
    assert calls == {"a.mp4": 1, "b.mp4": 1}


def test_an_item_past_its_limits_is_an_outcome_under_its_content(
    film, quick: IngestConfig, tmp_path: Path
) -> None:
    """In a process of its own that is really killed, for its memory and for its time."""
    for run, reason in (({"memory_mb": 64}, "out-of-memory"), ({"timeout_s": 0.2}, "timeout")):
        config = quick.model_copy(update={"run": quick.run.model_copy(update=run)})
        ingest = IngestVideo(config, tmp_path / reason)
        outcome = IsolatedIngest(ingest)(Job(SourceRow(str(film.path)))).outcome
        assert (outcome.status, outcome.reason) == ("failed", reason)
        assert "--retry-failed" in outcome.detail
        assert read_outcome(Dataset(tmp_path / reason), outcome.video_id) == outcome


def test_the_register_lists_unresolved_contents(tmp_path: Path) -> None:
    from ingest.ledger.source_register import Entry

    register = Register(tmp_path / "r.sqlite")
    for uri, video_id in (("b", "1"), ("a", "1"), ("c", "2")):
        register.put(Entry(SourceRow(uri), "s", video_id, "i", is_new=True, is_reported=True))
    register.put(Entry(SourceRow("d"), "s", "3", "i", is_new=False, is_reported=False))
    found = [[entry.row.uri for entry in entries] for entries in register.unresolved()]
    assert found == [["a", "b"], ["d"]]
    register.close()
    later = Register(tmp_path / "r.sqlite")
    assert list(later.unresolved()) == [], "earlier runs are resolved"
    entry, is_of_this_run = later.known("c") or (None, True)
    assert entry is not None
    assert (entry.video_id, is_of_this_run) == ("2", False)
    later.close()
