"""Shards in, batches out: shuffled and grouped by size, in an order that the seed and the epoch
decide alone, from any place in it.

The order is planned from the table of samples (`training.streaming.epoch_order`); whoever decodes,
threads of this process or processes of their own, gets planned batches and gives them back in that
order.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import SchemaError, UserError
from ingest.format.schema import Sample, Split, decode_sample
from ingest.format.tar_ranges import TarDamage, fields_in, find_ranges
from ingest.sources.stores import RemoteConfig
from training.networks.presets import Preset
from training.streaming.batch import Batch, Position, sample_seed
from training.streaming.collation import collate
from training.streaming.epoch_order import PlannedBatch, dealt, planned_batches
from training.streaming.freed_memory import keep_freed_memory
from training.streaming.image_cache import ImageCache
from training.streaming.sample_list import Shard, is_address, list_samples, read_index
from training.streaming.sample_source import SampleSource

__all__ = ["DataConfig", "RawSample", "Shard", "ShardStream", "read_index"]

REMOTE_READS = 8
"""Samples of a batch that are asked for at once where they lie on a server."""
MAX_STAND_INS = 100
"""Samples that are tried in the place of a batch that is damaged as a whole."""


class DataConfig(Config):
    """How shards are read. Only `shuffle_samples` changes which batch comes when, and only `mirror`
    what is in it."""

    shuffle_samples: int = Field(default=256, ge=1)
    """Least number of samples that are mixed with each other: whole shards, in random order."""
    mirror: bool = False
    """Mirror half of the samples, as each one's seed decides (paper: no)."""
    workers: int = Field(default=0, ge=0)
    """Processes that read and decode; 0 leaves it to threads of the training process, which is
    enough where a step takes longer than decoding its batch."""
    decode_threads: int = Field(default=1, ge=0)
    """Without workers: threads that decode ahead of the training step; 0 decodes in the step's own
    time."""
    batches_ahead: int = Field(default=2, ge=1)
    """Batches that the threads, or each worker, prepare ahead."""
    cache_mb: int = Field(default=256, ge=0)
    """Decoded pictures that this process, or each worker, keeps: pairs share their canvases."""
    max_damaged: int = Field(default=10, ge=0)
    """Different damaged samples that are left out, each with its name told; one more ends the
    run. Counted from the start of the command, by each rank."""
    remote: RemoteConfig = RemoteConfig()
    """How shards on S3, Google Cloud Storage or the web are read."""


@dataclass(frozen=True, eq=False)
class RawSample:
    """A sample as it lies in its shard."""

    key: str
    shard: str
    fields: dict[str, bytes]

    def decode(self, decode: Callable[[bytes], np.ndarray] | None = None) -> Sample:
        """The sample, checked. Raises SchemaError naming shard, key and field."""
        return decode_sample(self.key, self.fields, self.shard, decode)

    def interval_s(self) -> float:
        return float(json.loads(self.fields["json"])["interval_s"])


def read_shards(shards: list[Shard]) -> Iterator[RawSample]:
    """All samples of local shards in file order. Raises UserError naming shard and key."""
    source = SampleSource(RemoteConfig())
    for shard in shards:
        place = str(shard.path)
        if is_address(place):
            raise UserError(f"{place}: expected a local shard")
        for key, offset, num_bytes in find_ranges(Path(place)):
            yield RawSample(
                key, place, fields_in(source.read(place, offset, num_bytes), key, place)
            )
    source.close()


@dataclass(frozen=True)
class Loaded:
    """What came of a planned batch."""

    batch: Batch | None
    damaged: dict[str, str]
    """Samples that were left out: what is wrong, by key."""
    error: str = ""
    """Why there is no batch; for people."""


class ShardStream:
    """Endless batches of one split; see `training.loop.objective.Batches`."""

    def __init__(
        self,
        dataset: Path | str,
        split: Split,
        preset: Preset,
        config: DataConfig,
        batch_size: int,
        seed: int,
    ) -> None:
        self.samples = list_samples(dataset, split, config.remote)
        self.shards = self.samples.shards
        self.is_remote = is_address(dataset)
        self.preset, self.config = preset, config
        self.batch_size, self.seed = batch_size, seed
        self.num_samples = len(self.samples)
        self.damaged: dict[str, str] = {}
        if split == "train" and not self.num_samples:
            raise UserError(f"{dataset} has no {split} samples: add videos, then build its shards")

    def batches(self, start: Position, rank: int = 0, num_ranks: int = 1) -> Iterator[Batch]:
        """This rank's batches from `start` on; nothing before them, and nothing of other ranks, is
        read. Raises UserError: too many samples are damaged."""
        keep_freed_memory()
        block, size = self.config.shuffle_samples, self.batch_size
        plan = dealt(planned_batches(self.samples, self.seed, block, size, start), rank, num_ranks)
        loaded = self._by_workers(plan) if self.config.workers else self._by_threads(plan)
        for item in loaded:
            self._tell(item.damaged)
            if item.batch is None:
                raise UserError(item.error)
            yield item.batch

    def load(self, planned: PlannedBatch) -> Loaded:
        """Read and decode a planned batch; samples that are damaged are left out of it."""
        damaged: dict[str, str] = {}
        try:
            rows, samples = self._decoded(planned.rows, damaged)
            if not samples:
                # A batch of nothing would stop ranks that wait for each other.
                rows, samples = self._stand_in(planned.rows[0], damaged)
        except UserError as error:
            return Loaded(None, damaged, str(error))
        keys = [self.samples.keys[row] for row in rows]
        seeds = [sample_seed(self.seed, planned.epoch, key) for key in keys]
        if self.config.mirror:
            samples = [
                _mirrored(s) if seed & 1 else s for s, seed in zip(samples, seeds, strict=True)
            ]
        return Loaded(collate(samples, self.preset, seeds, planned.position), damaged)

    def _decoded(
        self, rows: tuple[int, ...], damaged: dict[str, str]
    ) -> tuple[list[int], list[Sample]]:
        samples: dict[int, Sample] = {}
        for row, data in zip(rows, self._read(rows), strict=True):
            key = self.samples.keys[row]
            place = str(self.shards[int(self.samples.shard[row])].path)
            try:
                fields = fields_in(data, key, place)
                sample = RawSample(key, place, fields).decode(self._cache.decode)
                if sample.mask.shape != tuple(self.samples.size[row]):
                    raise SchemaError(place, key, "mask", "another size than the table says")
                samples[row] = sample
            except (SchemaError, TarDamage) as error:
                damaged[key] = str(error)
        return list(samples), list(samples.values())

    def _stand_in(self, row: int, damaged: dict[str, str]) -> tuple[list[int], list[Sample]]:
        """The next sound sample of the same size, for a batch that has none."""
        alike = np.flatnonzero((self.samples.size == self.samples.size[row]).all(axis=1))
        first = int(np.searchsorted(alike, row)) + 1
        for other in np.roll(alike, -first)[:MAX_STAND_INS]:
            rows, samples = self._decoded((int(other),), damaged)
            if samples:
                return rows, samples
        raise UserError(f"no sound sample is left around it: {next(iter(damaged.values()))}")

    def _read(self, rows: tuple[int, ...]) -> list[bytes]:
        def read(row: int) -> bytes:
            place = str(self.shards[int(self.samples.shard[row])].path)
            offset, num_bytes = self.samples.offset[row], self.samples.num_bytes[row]
            return self._source.read(place, int(offset), int(num_bytes))

        if not self.is_remote:
            return [read(row) for row in rows]
        with ThreadPoolExecutor(REMOTE_READS) as pool:
            return list(pool.map(read, rows))

    def _by_threads(self, plan: Iterator[PlannedBatch]) -> Iterator[Loaded]:
        if self.config.decode_threads == 0:
            yield from map(self.load, plan)
            return
        with ThreadPoolExecutor(self.config.decode_threads) as pool:
            waiting: list[Future[Loaded]] = []
            for planned in plan:
                waiting.append(pool.submit(self.load, planned))
                if len(waiting) > self.config.batches_ahead:
                    yield waiting.pop(0).result()

    def _by_workers(self, plan: Iterator[PlannedBatch]) -> Iterator[Loaded]:
        loader: Any = torch.utils.data.DataLoader(
            _Planned(self),  # pyright: ignore[reportArgumentType]
            sampler=_Once(plan),  # pyright: ignore[reportArgumentType]
            batch_size=None,
            collate_fn=_as_it_is,  # pyright: ignore[reportArgumentType]
            num_workers=self.config.workers,
            prefetch_factor=self.config.batches_ahead,
            worker_init_fn=_start_worker,
            # Clients of servers hold threads and locks, which do not survive a fork.
            multiprocessing_context="spawn" if self.is_remote else None,
        )
        yield from loader

    def _tell(self, damaged: dict[str, str]) -> None:
        for key, problem in damaged.items():
            if key not in self.damaged:
                self.damaged[key] = problem
                print(f"left out a damaged sample: {problem}", file=sys.stderr, flush=True)
        if len(self.damaged) > self.config.max_damaged:
            raise UserError(
                f"{len(self.damaged)} samples are damaged, training.data.max_damaged is "
                f"{self.config.max_damaged}: {', '.join(sorted(self.damaged)[:5])}, ...: run "
                "`python -m labeling shards --check`, or allow more"
            )

    @cached_property
    def _source(self) -> SampleSource:
        return SampleSource(self.config.remote)

    @cached_property
    def _cache(self) -> ImageCache:
        return ImageCache(self.config.cache_mb << 20)

    def __getstate__(self) -> dict[str, Any]:
        """Without open files and pictures: a worker has its own."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_source", "_cache")}


class _Planned:
    """What torch calls a dataset: its items are asked for by their plan."""

    def __init__(self, stream: ShardStream) -> None:
        self._stream = stream

    def __getitem__(self, planned: PlannedBatch) -> Loaded:
        return self._stream.load(planned)


class _Once:
    """What torch calls a sampler."""

    def __init__(self, plan: Iterator[PlannedBatch]) -> None:
        self._plan = plan

    def __iter__(self) -> Iterator[PlannedBatch]:
        return self._plan


def _as_it_is(loaded: Loaded) -> Loaded:
    return loaded


def _start_worker(number: int) -> None:
    cv2.setNumThreads(1)
    keep_freed_memory()


def _mirrored(sample: Sample) -> Sample:
    names = ("current", "next", "target", "mask", "difference")
    turned = {name: np.ascontiguousarray(getattr(sample, name)[:, ::-1]) for name in names}
    return replace(sample, **turned)
