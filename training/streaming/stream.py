"""Loads shuffled batches of one image size from shards, starting at any position.

The order depends on seed and epoch alone; it is planned from the table of samples
(`training.streaming.epoch_order`). Threads of this process or worker processes decode the planned
batches and return them in that order.
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
from ingest.sources.file_systems import RemoteConfig
from training.networks.presets import Preset
from training.streaming.batch import Batch, Position, sample_seed
from training.streaming.collation import collate
from training.streaming.epoch_order import PlannedBatch, batches_of_rank, planned_batches
from training.streaming.image_cache import ImageCache
from training.streaming.malloc_settings import keep_freed_memory
from training.streaming.sample_list import Shard, is_address, list_samples, read_index
from training.streaming.sample_source import SampleSource

__all__ = ["DataConfig", "RawSample", "Shard", "ShardStream", "read_index"]

REMOTE_READS = 8
"""Number of samples that are requested from a server at once."""
MAX_REPLACEMENTS = 100
"""Number of samples at most that are tried as a replacement if all samples of a batch are
damaged."""


class DataConfig(Config):
    """How shards are read. Only `shuffle_samples` changes the order of batches, and only `mirror`
    changes their contents."""

    shuffle_samples: int = Field(default=256, ge=1)
    """Least number of samples that are shuffled together: whole shards, in random order."""
    mirror: bool = False
    """Mirror half of the samples, decided by each sample's seed (paper: no)."""
    workers: int = Field(default=0, ge=0)
    """Processes that read and decode. With 0, threads of the training process decode, which is
    enough if a step takes longer than decoding its batch."""
    decode_threads: int = Field(default=1, ge=0)
    """Without workers: threads that decode ahead of the training step; 0 decodes in the main
    thread."""
    batches_ahead: int = Field(default=2, ge=1)
    """Batches that the threads, or each worker, load ahead."""
    cache_mb: int = Field(default=256, ge=0)
    """Size of the cache of decoded images of this process, or of each worker."""
    max_damaged: int = Field(default=10, ge=0)
    """Damaged samples that are skipped and reported on stderr; one more ends the run. Each rank
    counts from the start of the command."""
    remote: RemoteConfig = RemoteConfig()
    """How shards on S3, Google Cloud Storage or the web are read."""


@dataclass(frozen=True, eq=False)
class RawSample:
    """An encoded sample of a shard."""

    key: str
    shard: str
    fields: dict[str, bytes]

    def decode(self, decode: Callable[[bytes], np.ndarray] | None = None) -> Sample:
        """The decoded and checked sample. Raises SchemaError naming shard, key and field."""
        return decode_sample(self.key, self.fields, self.shard, decode)

    def interval_s(self) -> float:
        """Seconds between current and next canvas."""
        return float(json.loads(self.fields["json"])["interval_s"])


def read_shards(shards: list[Shard]) -> Iterator[RawSample]:
    """All samples of local shards in file order. Raises UserError naming shard and key."""
    source = SampleSource(RemoteConfig())
    for shard in shards:
        shard_path = str(shard.path)
        if is_address(shard_path):
            raise UserError(f"{shard_path}: expected a local shard")
        for key, offset, num_bytes in find_ranges(Path(shard_path)):
            yield RawSample(
                key,
                shard_path,
                fields_in(source.read(shard_path, offset, num_bytes), key, shard_path),
            )
    source.close()


@dataclass(frozen=True)
class LoadedBatch:
    """The result of loading a planned batch."""

    batch: Batch | None
    damaged: dict[str, str]
    """Skipped samples: the error message by key."""
    error: str = ""
    """Error message if there is no batch."""


class ShardStream:
    """Endless batches of one split; implements `training.loop.objective.Batches`."""

    def __init__(
        self,
        dataset: Path | str,
        split: Split,
        preset: Preset,
        config: DataConfig,
        batch_size: int,
        seed: int,
        tell: Callable[[str], None] | None = None,
    ) -> None:
        self.tell = tell or _to_stderr
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
        """This rank's batches from `start` on; earlier batches and those of other ranks are not
        read. Raises UserError if too many samples are damaged."""
        keep_freed_memory()
        block, size = self.config.shuffle_samples, self.batch_size
        plan = batches_of_rank(
            planned_batches(self.samples, self.seed, block, size, start), rank, num_ranks
        )
        loaded = self._by_workers(plan) if self.config.workers else self._by_threads(plan)
        for item in loaded:
            self._report_damaged(item.damaged)
            if item.batch is None:
                raise UserError(item.error)
            yield item.batch

    def load(self, planned: PlannedBatch) -> LoadedBatch:
        """Read and decode a planned batch without its damaged samples."""
        damaged: dict[str, str] = {}
        try:
            rows, samples = self._decoded(planned.rows, damaged)
            if not samples:
                # With an empty batch, other ranks would wait forever for this one.
                rows, samples = self._replacement_samples(planned.rows[0], damaged)
        except UserError as error:
            return LoadedBatch(None, damaged, str(error))
        keys = [self.samples.keys[row] for row in rows]
        seeds = [sample_seed(self.seed, planned.epoch, key) for key in keys]
        if self.config.mirror:
            samples = [
                _mirrored(s) if seed & 1 else s for s, seed in zip(samples, seeds, strict=True)
            ]
        return LoadedBatch(collate(samples, self.preset, seeds, planned.position), damaged)

    def _decoded(
        self, rows: tuple[int, ...], damaged: dict[str, str]
    ) -> tuple[list[int], list[Sample]]:
        samples: dict[int, Sample] = {}
        for row, data in zip(rows, self._read(rows), strict=True):
            key = self.samples.keys[row]
            shard_path = str(self.shards[int(self.samples.shard[row])].path)
            try:
                fields = fields_in(data, key, shard_path)
                sample = RawSample(key, shard_path, fields).decode(self._cache.decode)
                if sample.mask.shape != tuple(self.samples.size[row]):
                    raise SchemaError(shard_path, key, "mask", "another size than the table says")
                samples[row] = sample
            except (SchemaError, TarDamage) as error:
                damaged[key] = str(error)
        return list(samples), list(samples.values())

    def _replacement_samples(
        self, row: int, damaged: dict[str, str]
    ) -> tuple[list[int], list[Sample]]:
        """The next undamaged sample of the same size, for a batch that has none."""
        alike = np.flatnonzero((self.samples.size == self.samples.size[row]).all(axis=1))
        first = int(np.searchsorted(alike, row)) + 1
        for other in np.roll(alike, -first)[:MAX_REPLACEMENTS]:
            rows, samples = self._decoded((int(other),), damaged)
            if samples:
                return rows, samples
        raise UserError(f"no sound sample is left around it: {next(iter(damaged.values()))}")

    def _read(self, rows: tuple[int, ...]) -> list[bytes]:
        def read(row: int) -> bytes:
            shard_path = str(self.shards[int(self.samples.shard[row])].path)
            offset, num_bytes = self.samples.offset[row], self.samples.num_bytes[row]
            return self._source.read(shard_path, int(offset), int(num_bytes))

        if not self.is_remote:
            return [read(row) for row in rows]
        with ThreadPoolExecutor(REMOTE_READS) as pool:
            return list(pool.map(read, rows))

    def _by_threads(self, plan: Iterator[PlannedBatch]) -> Iterator[LoadedBatch]:
        if self.config.decode_threads == 0:
            yield from map(self.load, plan)
            return
        with ThreadPoolExecutor(self.config.decode_threads) as pool:
            waiting: list[Future[LoadedBatch]] = []
            for planned in plan:
                waiting.append(pool.submit(self.load, planned))
                if len(waiting) > self.config.batches_ahead:
                    yield waiting.pop(0).result()

    def _by_workers(self, plan: Iterator[PlannedBatch]) -> Iterator[LoadedBatch]:
        loader: Any = torch.utils.data.DataLoader(
            _PlannedDataset(self),  # pyright: ignore[reportArgumentType]
            sampler=_PlanSampler(plan),  # pyright: ignore[reportArgumentType]
            batch_size=None,
            collate_fn=_identity,  # pyright: ignore[reportArgumentType]
            num_workers=self.config.workers,
            prefetch_factor=self.config.batches_ahead,
            worker_init_fn=_start_worker,
            # Server clients hold threads and locks, which do not survive a fork.
            multiprocessing_context="spawn" if self.is_remote else None,
        )
        yield from loader

    def _report_damaged(self, damaged: dict[str, str]) -> None:
        for key, problem in damaged.items():
            if key not in self.damaged:
                self.damaged[key] = problem
                self.tell(f"left out a damaged sample: {problem}")
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
        """The state without open files, cached images and display: each worker has its own."""
        return {k: v for k, v in self.__dict__.items() if k not in ("_source", "_cache", "tell")}


class _PlannedDataset:
    """A torch dataset whose index is a planned batch."""

    def __init__(self, stream: ShardStream) -> None:
        self._stream = stream

    def __getitem__(self, planned: PlannedBatch) -> LoadedBatch:
        return self._stream.load(planned)


class _PlanSampler:
    """A torch sampler that yields planned batches."""

    def __init__(self, plan: Iterator[PlannedBatch]) -> None:
        self._plan = plan

    def __iter__(self) -> Iterator[PlannedBatch]:
        return self._plan


def _to_stderr(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _identity(loaded: LoadedBatch) -> LoadedBatch:
    return loaded


def _start_worker(number: int) -> None:
    cv2.setNumThreads(1)
    keep_freed_memory()


def _mirrored(sample: Sample) -> Sample:
    names = ("current", "next", "target", "mask", "difference")
    turned = {name: np.ascontiguousarray(getattr(sample, name)[:, ::-1]) for name in names}
    return replace(sample, **turned)
