"""Traces a sample to its frames and labeler, and purges a video from a whole dataset."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas
import pytest

from ingest.conventions.errors import Refusal, UserError
from ingest.execution.tasks import Finished
from ingest.format.dataset import Dataset
from ingest.format.tar import read_tar
from ingest.ledger.outcome import VideoOutcome, read_keyframes, read_outcome
from ingest.ledger.tombstones import refuse_purged
from ingest.ledger.trace import as_lines, trace
from ingest.run.purge import plan_purge, purge, undo_purge
from labeling import pipeline, stage_tasks
from labeling.corrections.corrections import (
    Correction,
    append_corrections,
    locked_log,
    read_corrections,
)
from labeling.pairs import Pair, read_pairs
from labeling.settings import LabelingConfig
from labeling.shards.index import check_shards, read_index

CONFIG = LabelingConfig.model_validate({"shards": {"samples_per_shard": 4}})


def correction(pair: Pair) -> Correction:
    return Correction(
        pair.pair_id, pair.content_hash, "correct", "lake", "=ann", 'said "so",\nreally', "sky"
    )


@pytest.fixture
def built(
    labeled_dataset: Callable[..., Dataset], monkeypatch: pytest.MonkeyPatch
) -> tuple[Dataset, list[Pair]]:
    """Three labeled videos with corrections and shards, and the pairs of the first."""

    def run(function: Callable[[Any], Any], items: list[Any], *_: Any) -> Any:
        return (Finished(item, function(item)) for item in items)

    monkeypatch.setattr(stage_tasks, "run_tasks", run)
    monkeypatch.setattr("ingest.run.conclusion.write_report", lambda dataset: None)
    dataset = labeled_dataset(2, 1)
    pairs = [read_pairs(dataset, video_id)[1] for video_id in dataset.video_ids()]
    with locked_log(dataset):
        append_corrections(dataset, [correction(pairs[0][1]), correction(pairs[1][2])])
    pipeline.run_shards(dataset.root, CONFIG)
    return dataset, pairs[0]


def test_a_sample_is_traced_to_frame_labeler_and_shard(built) -> None:
    dataset, pairs = built
    pair = pairs[1]
    found = trace(dataset, pair.pair_id)
    assert found["video"]["uri"] == f"{pair.video_id}.mp4"
    assert (found["video"]["licence"], found["video"]["source"]) == ("CC0-1.0", "toy")
    following = found["keyframes"]["next"]
    assert following["frame_index"] == pair.next.reference.frame_index
    assert following["time_s"] == pair.next.reference.time_s
    assert [answer["labeler"] for answer in found["answers"]] == ["rule-2"]
    assert [c["instruction"] for c in found["corrections"]] == ["lake"]
    (shard,) = found["shards"]
    sample = dict(read_tar(Path(shard)))[pair.pair_id]
    assert b'"licence": "CC0-1.0"' in sample["json"]
    assert b'"source": "toy"' in sample["json"]
    assert f'"uri": "{pair.video_id}.mp4"'.encode() in sample["json"]
    text = "\n".join(as_lines(found))
    assert "licence: CC0-1.0" in text
    assert "time_s: " in text
    white = trace(dataset, pairs[0].pair_id)["keyframes"]["current"]
    assert white == "the white canvas that a painting starts from"
    assert trace(dataset, f"{pair.video_id}-k0002")["keyframes"]["keyframe"]["index"] == 2


@pytest.mark.parametrize("name", ["nonsense", "0" * 16 + "-k0001-k0002", "f" * 16])
def test_an_unknown_name_is_refused(built, name: str) -> None:
    with pytest.raises(UserError):
        trace(built[0], name)


def test_no_byte_of_a_purged_video_remains(built) -> None:
    dataset, pairs = built
    video_id = pairs[0].video_id
    pictures = [stored.data for stored in read_keyframes(dataset, video_id)][1:]  # less the blank
    (dataset.root / "labels.html").write_text("a page with its pictures")
    before = {p: p.read_bytes() for p in dataset.root.rglob("*") if p.is_file()}
    plan = plan_purge(dataset, f"{video_id}.mp4")
    assert plan.video_id == video_id
    assert {p: p.read_bytes() for p in dataset.root.rglob("*") if p.is_file()} == before
    assert len([line for line in plan.lines() if "shards" in line]) == 1
    purge(dataset, plan)
    for path in dataset.root.rglob("*"):
        if path.is_file():
            data = path.read_bytes()
            assert not any(picture in data for picture in pictures), path
            if path.parent != dataset.keyframes and path.name != "purged.jsonl":
                assert video_id.encode() not in data or path == dataset.videos_parquet, path
    table = pandas.read_parquet(dataset.videos_parquet).set_index("video_id")
    assert table.loc[video_id].reason == "purged"
    assert [c.pair_id[:16] for c in read_corrections(dataset)] == [f"{1:016x}"]
    assert read_corrections(dataset)[0].note == 'said "so",\nreally'
    assert check_shards(dataset) == [], "the index names the shards that are left"
    assert len(read_index(dataset).shards) == 2
    pipeline.run_shards(dataset.root, CONFIG)
    assert check_shards(dataset) == []
    assert sum(entry.num_samples for entry in read_index(dataset).shards) == 8


def test_a_purge_can_be_repeated_and_undone(built) -> None:
    dataset, pairs = built
    video_id = pairs[0].video_id
    purge(dataset, plan_purge(dataset, video_id))
    again = plan_purge(dataset, video_id)
    assert again.files == [dataset.outcome_json(video_id)]
    purge(dataset, again)
    with pytest.raises(Refusal, match="purged"):
        refuse_purged(dataset, video_id)
    assert undo_purge(dataset, f"{video_id}.mp4") == video_id
    refuse_purged(dataset, video_id)
    assert not dataset.outcome_json(video_id).exists()
    with pytest.raises(UserError, match="has no source"):
        undo_purge(dataset, video_id)
    with pytest.raises(UserError, match="has no source"):
        plan_purge(dataset, "another.mp4")


def test_the_outcome_of_a_purged_video_says_what_it_was(built) -> None:
    dataset, pairs = built
    purge(dataset, plan_purge(dataset, pairs[0].video_id))
    outcome: VideoOutcome = read_outcome(dataset, pairs[0].video_id)
    assert (outcome.status, outcome.reason, outcome.look) == ("refused", "purged", "")
    assert (outcome.uri, outcome.licence) == (f"{pairs[0].video_id}.mp4", "CC0-1.0")
