"""Shards have complete samples and reproducible bytes; corrections change one shard only."""

from __future__ import annotations

import json
from collections.abc import Callable
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.config import config_hash
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import decode_image
from ingest.format.schema import Sample, decode_sample, encode_keyframe
from ingest.format.tar import read_tar, write_tar
from ingest.ledger.outcome import read_keyframes
from labeling.corrections.corrections import (
    Correction,
    append_corrections,
    effective_corrections,
    read_corrections,
)
from labeling.instructions.table import read_table
from labeling.pairs import read_pairs
from labeling.regions.regions import RegionsConfig
from labeling.shards.plan import (
    PlannedPair,
    PlannedShard,
    PlanTask,
    ShardsConfig,
    half_done_pairs,
    plan_video,
)
from labeling.shards.plan import _split_by_bytes as split_by_bytes
from labeling.shards.plan import assign_shards as assign
from labeling.shards.write import build_shard, is_up_to_date
from tests.labeling.conftest import write_video

SMALL = ShardsConfig(samples_per_shard=3)


def planned(dataset: Dataset, video_id: str, config: ShardsConfig = SMALL) -> list[PlannedPair]:
    labels = {k: v for k, v in read_table(dataset).items() if v.video_id == video_id}
    decided = effective_corrections(read_corrections(dataset))
    return plan_video(
        PlanTask(
            dataset.root,
            video_id,
            labels,
            decided,
            RegionsConfig(),
            config_hash(RegionsConfig()),
            config,
        )
    )


def plan(dataset: Dataset, config: ShardsConfig = SMALL) -> list[PlannedShard]:
    return assign(dataset.root, [planned(dataset, v) for v in dataset.video_ids()], config)


def build(dataset: Dataset, backwards: bool = False) -> dict[str, bytes]:
    shards = plan(dataset)
    for shard in reversed(shards) if backwards else shards:
        build_shard(shard)
    return {s.name: (dataset.shards / s.name).read_bytes() for s in shards}


def samples(path: Path) -> list[Sample]:
    return [decode_sample(key, fields, str(path)) for key, fields in read_tar(path)]


def correct(dataset: Dataset, pair: PlannedPair, instruction: str, verdict="correct") -> None:
    said = Correction(
        pair.pair_id, pair.content_hash, verdict, instruction, "Ann", "", pair.instruction
    )
    append_corrections(dataset, [said])


def test_every_pair_is_a_complete_sample_with_copied_bytes(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(2, 1)
    shards = plan(dataset)
    for shard in shards:
        build_shard(shard)
    found = {s.key: s for shard in shards for s in samples(dataset.shards / shard.name)}
    assert sorted(found) == sorted(read_table(dataset))
    video = dataset.video_ids()[0]
    frames = {k.keyframe.index: k for k in read_keyframes(dataset, video)}
    first = found[f"{video}-white-k0001-k0004"]
    assert (first.current == 255).all()
    assert np.array_equal(first.next, decode_image(frames[1].data))
    assert (first.interval_s, first.provenance.next.frame_index) == (20, 300)
    assert first.instruction == read_table(dataset)[first.key].text
    raw = dict(chain.from_iterable(read_tar(dataset.shards / s.name) for s in shards))
    assert raw[f"{video}-k0001-k0002-k0004"]["next.jpg"] == frames[2].data


def test_shards_do_not_mix_splits(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(2, 1)
    names = {s.name: {p.split for p in s.pairs} for s in plan(dataset)}
    assert names == {
        "train-000000.tar": {"train"}, "train-000001.tar": {"train"}, "train-000002.tar": {"train"},
        "val-000000.tar": {"val"}, "val-000001.tar": {"val"},
    }  # fmt: skip


def test_bytes_do_not_depend_on_the_build_order(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(3, 1)
    first = build(dataset)
    for name in first:
        (dataset.shards / name).unlink()
    assert build(dataset, backwards=True) == first
    shuffled = [planned(dataset, video) for video in reversed(dataset.video_ids())]
    assert assign(dataset.root, shuffled, SMALL) == plan(dataset)


@settings(max_examples=100, deadline=None)
@given(st.lists(st.integers(1, 400), min_size=1, max_size=60), st.integers(1, 20))
def test_groups_hold_every_pair_and_respect_the_maximum(sizes: list[int], maximum: int) -> None:
    groups = split_by_bytes(
        [PlannedPair.model_construct(num_bytes=size) for size in sizes], maximum
    )
    assert [pair.num_bytes for group in groups for pair in group] == sizes
    assert all(0 < len(group) <= maximum for group in groups)


def test_groups_have_equal_bytes() -> None:
    sizes = [300] * 10 + [100] * 30
    groups = split_by_bytes([PlannedPair.model_construct(num_bytes=size) for size in sizes], 35)
    assert [sum(pair.num_bytes for pair in group) for group in groups] == [3000, 3000]


def test_groups_of_equal_pairs_have_equal_numbers() -> None:
    alike = split_by_bytes([PlannedPair.model_construct(num_bytes=75) for _ in range(100)], 30)
    assert [len(group) for group in alike] == [25] * 4


@pytest.mark.parametrize("verdict", ["correct", "reject"])
def test_a_correction_changes_one_shard(
    labeled_dataset: Callable[..., Dataset], verdict: str
) -> None:
    dataset = labeled_dataset(3, 1)
    before = build(dataset)
    shard = plan(dataset)[1]
    pair = shard.pairs[0]
    correct(dataset, pair, "castle" if verdict == "correct" else "", verdict)
    after = build(dataset)
    assert [name for name in before if before[name] != after[name]] == [shard.name]
    now = {s.key: s for s in samples(dataset.shards / shard.name)}
    if verdict == "reject":
        assert pair.pair_id not in now
        assert len(now) == 2
    else:
        assert now[pair.pair_id].instruction == "castle"
        assert now[pair.pair_id].provenance.labeler == "human:Ann"
        assert now[pair.pair_id].provenance.machine_instruction == pair.instruction


def test_a_correction_of_other_images_does_not_apply(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(1, 0)
    before = build(dataset)
    pair = plan(dataset)[0].pairs[0]
    correct(dataset, pair.model_copy(update={"content_hash": "0" * 64}), "castle")
    assert build(dataset) == before


def test_an_emptied_shard_leaves_no_gap(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(2, 0)
    for pair in plan(dataset)[0].pairs:
        correct(dataset, pair, "", "reject")
    assert [s.name for s in plan(dataset)] == ["train-000000.tar", "train-000001.tar"]
    assert all(shard.kept for shard in plan(dataset))


def test_a_shard_is_up_to_date_only_with_the_planned_bytes(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(1, 0)
    shard = plan(dataset)[0]
    entry = build_shard(shard).entry
    assert is_up_to_date(dataset, shard, entry)
    assert not is_up_to_date(dataset, shard, None)
    assert not is_up_to_date(dataset, shard, entry.model_copy(update={"recipe": "other"}))
    path = dataset.shards / shard.name
    data = bytearray(path.read_bytes())
    data[600] ^= 1
    path.write_bytes(data)
    assert not is_up_to_date(dataset, shard, entry)


def test_keyframes_rewritten_with_the_same_bytes_after_planning_are_accepted(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(1, 0)
    before = build(dataset)
    shards = plan(dataset)
    tar = dataset.keyframes_tar(dataset.video_ids()[0])
    write_bytes(tar, tar.read_bytes())
    build_shard(shards[0])
    assert (dataset.shards / shards[0].name).read_bytes() == before[shards[0].name]


def test_keyframes_changed_after_planning_stop_the_build(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(1, 0)
    before = build(dataset)
    shards = plan(dataset)
    tar = dataset.keyframes_tar(dataset.video_ids()[0])
    fields = dict(read_tar(tar))
    first = next(iter(fields))
    last = list(fields)[-1]
    write_tar(
        tar,
        [(k, {**f, "jpg": fields[first]["jpg"]} if k == last else f) for k, f in fields.items()],
    )
    with pytest.raises(UserError, match="changed while shards were built"):
        build_shard(shards[0])
    assert (dataset.shards / shards[0].name).read_bytes() == before[shards[0].name]


def test_missing_and_stale_instructions_name_the_command(
    labeled_dataset: Callable[..., Dataset],
) -> None:
    dataset = labeled_dataset(1, 0)
    video = dataset.video_ids()[0]
    labels = read_table(dataset)
    first = next(iter(labels))
    stale = {**labels, first: labels[first].model_copy(update={"content_hash": "0" * 64})}
    for known, problem in (({}, "no instruction"), (stale, "an instruction for other images")):
        task = PlanTask(dataset.root, video, known, {}, RegionsConfig(), "0" * 12, SMALL)
        with pytest.raises(UserError, match=f"{problem}: run `python -m labeling instructions"):
            plan_video(task)


def test_missing_regions_name_the_command(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(1, 0)
    video, labels = dataset.video_ids()[0], read_table(dataset)
    dataset.regions_tar(video).unlink()
    with pytest.raises(UserError, match="run `python -m labeling regions"):
        plan_video(PlanTask(dataset.root, video, labels, {}, RegionsConfig(), "0" * 12, SMALL))


def test_a_painting_in_both_splits_is_refused(labeled_dataset: Callable[..., Dataset]) -> None:
    dataset = labeled_dataset(1, 1)
    path = dataset.outcome_json(dataset.video_ids()[1])
    outcome = json.loads(path.read_text())
    write_json(path, {**outcome, "painting_id": dataset.video_ids()[0]})
    with pytest.raises(UserError, match="one split a painting"):
        plan(dataset)


def without_beginning(dataset: Dataset, num_lost: int) -> str:
    """Cut the first keyframes off a video; returns its id."""
    video_id = dataset.video_ids()[0]
    stored = read_keyframes(dataset, video_id)[num_lost:]
    images = [item.image() for item in stored]
    write_video(dataset, video_id, images)
    records = read_keyframes(dataset, video_id)
    write_tar(
        dataset.keyframes_tar(video_id),
        (
            (
                f"{video_id}-k{item.keyframe.index:04d}",
                encode_keyframe(
                    item.keyframe.model_copy(update={"is_bare": False}), item.data, item.format
                ),
            )
            for item in records
        ),
    )
    return video_id


def test_a_step_from_white_to_half_done_is_left_out(
    keyframe_dataset: Callable[..., Dataset],
) -> None:
    dataset = keyframe_dataset(1, 1)
    _, whole = read_pairs(dataset, dataset.video_ids()[0])
    assert half_done_pairs(whole, ShardsConfig()) == set(), "no false alarm"
    _, pairs = read_pairs(dataset, without_beginning(dataset, 3))
    assert half_done_pairs(pairs, ShardsConfig()) == {pairs[0].pair_id}
    assert "-white-" in pairs[0].pair_id
    everything = ShardsConfig(half_done_start="video")
    assert half_done_pairs(pairs, everything) == {pair.pair_id for pair in pairs}
    assert half_done_pairs(pairs, ShardsConfig(max_finished_at_start=1)) == set()
