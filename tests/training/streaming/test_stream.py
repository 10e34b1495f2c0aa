"""The loader: every sample once per epoch, one size per batch, the same order with any threads."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pytest

from ingest.conventions.errors import UserError

if TYPE_CHECKING:
    from training.networks.presets import Preset
    from training.streaming.batch import Batch

pytestmark = pytest.mark.torch


def stream(dataset: Path, preset: Preset, batch_size: int = 5, threads: int = 1, seed: int = 0):
    from training.streaming.stream import DataConfig, ShardStream

    config = DataConfig(shuffle_samples=8, decode_threads=threads)
    return ShardStream(dataset, "train", preset, config, batch_size, seed)


def first_epoch(dataset: Path, preset: Preset, **options: int) -> list[Batch]:
    from training.streaming.batch import Position

    batches = stream(dataset, preset, **options).batches(Position())
    return list(itertools.takewhile(lambda batch: batch.position.epoch == 0, batches))


def keys(batches: list[Batch]) -> list[list[str]]:
    return [batch.keys for batch in batches]


def test_an_epoch_holds_every_sample_once(toy_dataset: Path, small_preset: Preset) -> None:
    batches = first_epoch(toy_dataset, small_preset)
    seen = [key for batch in batches for key in batch.keys]
    assert len(seen) == len(set(seen)) == 24
    assert [len(batch.keys) for batch in batches] == [5, 5, 5, 5, 4]
    assert batches[-1].position.samples_seen == 24


def test_order_depends_on_seed_and_epoch_but_not_on_threads(
    toy_dataset: Path, small_preset: Preset
) -> None:
    plain = keys(first_epoch(toy_dataset, small_preset, threads=0))
    assert keys(first_epoch(toy_dataset, small_preset, threads=3)) == plain
    assert keys(first_epoch(toy_dataset, small_preset, seed=1)) != plain
    from training.streaming.batch import Position

    twice = list(itertools.islice(stream(toy_dataset, small_preset).batches(Position()), 10))
    assert keys(twice[:5]) == plain
    assert keys(twice[5:]) != plain


def test_a_stream_goes_on_where_another_stopped(toy_dataset: Path, small_preset: Preset) -> None:
    from training.streaming.batch import Position

    whole = list(itertools.islice(stream(toy_dataset, small_preset).batches(Position()), 9))
    for stop in (1, 5, 7):
        rest = stream(toy_dataset, small_preset).batches(whole[stop - 1].position)
        for batch, expected in zip(rest, whole[stop:], strict=False):
            assert batch.keys == expected.keys
            assert batch.seeds == expected.seeds
            assert batch.position == expected.position
            assert bool((batch.current == expected.current).all())


def test_batches_have_one_size_and_the_documented_ranges(
    make_toy_dataset: Callable[..., Path], tmp_path: Path, small_preset: Preset
) -> None:
    root = make_toy_dataset(tmp_path / "wide", num_train=3, size=(64, 150))
    import torch

    stored = first_epoch(root, small_preset)[0]
    assert (stored.current.dtype, stored.mask.dtype) == (torch.uint8, torch.bool)
    batch = stored.to(torch.device("cpu"))
    assert torch.equal(batch.current, stored.current.float() / 127.5 - 1)
    assert batch.current.is_contiguous()
    assert batch.to(torch.device("cpu")).current is batch.current
    assert batch.current.shape == batch.target.shape == (5, 3, 64, 160)
    assert float(batch.current.min()) >= -1
    assert float(batch.current.max()) <= 1
    assert set(np.unique(batch.mask.numpy())) <= {0.0, 1.0}
    assert not bool(batch.mask[..., 150:].any()), "padding is never painted"
    assert bool((batch.next[..., 150:] == batch.next[..., 149:150]).all()), "pocket pads edges"


def test_mixed_sizes_are_grouped(
    make_toy_samples: Callable[..., list], tmp_path: Path, small_preset: Preset
) -> None:
    from ingest.conventions.atomic import write_json
    from ingest.format.fields import SCHEMA_VERSION
    from ingest.format.schema import encode_sample
    from ingest.format.tar import write_tar

    samples = [
        s
        for i, size in enumerate([(64, 80), (96, 64), (64, 80)])
        for s in make_toy_samples(i, size)
    ]
    path = tmp_path / "shards" / "train-000000.tar"
    write_tar(path, ((s.key, encode_sample(s)) for s in samples))
    entry = {
        "name": path.name, "split": "train", "num_samples": 12, "num_bytes": path.stat().st_size,
    }  # fmt: skip
    write_json(
        tmp_path / "shards" / "index.json", {"schema_version": SCHEMA_VERSION, "shards": [entry]}
    )
    batches = first_epoch(tmp_path, small_preset, batch_size=3)
    assert sum(len(batch.keys) for batch in batches) == 12
    assert {tuple(batch.current.shape[2:]) for batch in batches} == {(64, 80), (96, 64)}


def test_broken_datasets_are_told_in_one_line(
    make_toy_dataset: Callable[..., Path], tmp_path: Path, small_preset: Preset
) -> None:
    with pytest.raises(UserError, match=r"index\.json not found"):
        stream(tmp_path, small_preset)
    root = make_toy_dataset(tmp_path / "cut", num_train=1)
    shard = root / "shards" / "train-000000.tar"
    whole = shard.read_bytes()
    shard.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(UserError, match=r"train-000000\.tar: it has \d+ bytes, the index says"):
        stream(root, small_preset)
    shard.unlink()
    with pytest.raises(UserError, match=r"train-000000\.tar: it is missing"):
        stream(root, small_preset)
    # Right length, wrong content: only reading it can tell.
    shard.write_bytes(whole[:5000] + b"\xff" * (len(whole) - 5000))
    with pytest.raises(UserError, match=r"train-000000\.tar"):
        first_epoch(root, small_preset)
    index = root / "shards" / "index.json"
    index.write_text(json.dumps({"schema_version": "9.0", "shards": []}))
    with pytest.raises(UserError, match="schema_version"):
        stream(root, small_preset)
