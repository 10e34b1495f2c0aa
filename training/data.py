"""Shards in, batches out: streamed, shuffled and grouped by size, in an order that the seed and
the epoch decide alone.

Samples are read in one stream and decoded by a few threads (OpenCV lets go of the interpreter while
it decodes), so the order does not depend on how many there are.
"""

from __future__ import annotations

import itertools
import json
import random
import struct
import tarfile
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from webdataset.compat import WebDataset

from ingest.config import Config
from ingest.dataset import Dataset
from ingest.errors import UserError
from ingest.fields import check_version
from ingest.schema import Sample, Split, decode_sample
from training.batch import Batch, Position, sample_seed
from training.framing import frame_image, frame_mask
from training.networks.presets import Preset


class DataConfig(Config):
    """How shards are read. Nothing but `shuffle_samples` changes which batch comes when."""

    shuffle_samples: int = Field(default=256, ge=1)
    """Samples held back to be drawn in random order; encoded, about 0.3 MB each."""
    decode_threads: int = Field(default=1, ge=0)
    """Threads that decode ahead of the training step; 0 decodes in the step's own time."""
    batches_ahead: int = Field(default=2, ge=1)
    """Batches that the threads prepare ahead."""


@dataclass(frozen=True)
class Shard:
    """One tar of the index."""

    path: Path
    num_samples: int


@dataclass(frozen=True, eq=False)
class RawSample:
    """A sample as it lies in its shard."""

    key: str
    shard: str
    fields: dict[str, bytes]

    def decode(self) -> Sample:
        return decode_sample(self.key, self.fields, self.shard)

    def interval_s(self) -> float:
        return float(json.loads(self.fields["json"])["interval_s"])


def read_index(dataset: Path, split: Split) -> list[Shard]:
    """The shards of a split, checked for presence and length.

    Raises:
        UserError: no index, an index of another schema, or a shard that is missing or cut short.
    """
    index_json = Dataset(dataset).index_json
    try:
        index = json.loads(index_json.read_text(encoding="utf-8"))
        entries = [e for e in index["shards"] if e["split"] == split]
        check_version(str(index_json), "-", index)
    except FileNotFoundError:
        raise UserError(
            f"{index_json} not found: make shards with `python -m labeling shards {dataset}`"
        ) from None
    except (KeyError, TypeError, json.JSONDecodeError) as error:
        raise UserError(
            f"{index_json} is damaged ({error!r}): run `python -m labeling shards {dataset}` again"
        ) from error
    shards = []
    for entry in entries:
        path = index_json.parent / entry["name"]
        size = path.stat().st_size if path.is_file() else None
        if size != entry["num_bytes"]:
            found = "it is missing" if size is None else f"it has {size} bytes"
            raise UserError(
                f"{path}: {found}, the index says {entry['num_bytes']} bytes: run "
                f"`python -m labeling shards {dataset}` again"
            )
        shards.append(Shard(path, int(entry["num_samples"])))
    return shards


def read_shards(shards: list[Shard]) -> Iterator[RawSample]:
    """All samples of the shards in file order. Raises UserError naming a damaged shard."""
    for shard in shards:
        stream = WebDataset(
            [str(shard.path)], shardshuffle=False, nodesplitter=None, empty_check=False
        )
        count = 0
        try:
            for item in stream:
                fields = {name: data for name, data in item.items() if not name.startswith("__")}
                yield RawSample(item["__key__"], str(shard.path), fields)
                count += 1
        except (tarfile.TarError, OSError, EOFError, ValueError) as error:
            raise UserError(
                f"{shard.path} is damaged after {count} samples ({type(error).__name__}): delete "
                "it and run `python -m labeling shards` again"
            ) from error
        if count != shard.num_samples:
            raise UserError(
                f"{shard.path} holds {count} samples, the index says {shard.num_samples}: delete "
                "it and run `python -m labeling shards` again"
            )


class ShardStream:
    """Endless batches of one split; see `training.objective.Batches`."""

    def __init__(
        self,
        dataset: Path,
        split: Split,
        preset: Preset,
        config: DataConfig,
        batch_size: int,
        seed: int,
    ) -> None:
        self.shards = read_index(dataset, split)
        self.preset, self.config = preset, config
        self.batch_size, self.seed = batch_size, seed
        self.num_samples = sum(shard.num_samples for shard in self.shards)
        if split == "train" and not self.num_samples:
            raise UserError(f"{dataset} has no {split} samples: add videos, then build its shards")

    def batches(self, start: Position, rank: int = 0, num_ranks: int = 1) -> Iterator[Batch]:
        """This rank's batches from `start` on; those before it in its epoch, and those of other
        ranks, are read but not decoded."""
        with ThreadPoolExecutor(max(1, self.config.decode_threads)) as pool:
            waiting: list[Future[Batch]] = []
            for raw, epoch, position in _dealt(self._raw_batches(start), rank, num_ranks):
                if self.config.decode_threads == 0:
                    yield self._decode(raw, epoch, position)
                    continue
                waiting.append(pool.submit(self._decode, raw, epoch, position))
                if len(waiting) > self.config.batches_ahead:
                    yield waiting.pop(0).result()

    def _raw_batches(self, start: Position) -> Iterator[tuple[list[RawSample], Position]]:
        epoch, seen = start.epoch, start.samples_seen
        while True:
            for number, raw in enumerate(self._epoch(epoch)):
                if epoch == start.epoch and number < start.batch:
                    continue
                seen += len(raw)
                yield raw, Position(epoch, number + 1, seen)
            epoch += 1

    def _epoch(self, epoch: int) -> Iterator[list[RawSample]]:
        """Every sample once: full batches of one size as they fill up, then what is left over."""
        chance = random.Random(f"{self.seed}/{epoch}")
        shards = list(self.shards)
        chance.shuffle(shards)
        groups: dict[tuple[int, int], list[RawSample]] = {}
        for raw in _shuffled(read_shards(shards), self.config.shuffle_samples, chance):
            group = groups.setdefault(picture_size(raw), [])
            group.append(raw)
            if len(group) == self.batch_size:
                yield groups.pop(picture_size(raw))
        yield from (groups[size] for size in sorted(groups))

    def _decode(self, raw: list[RawSample], epoch: int, position: Position) -> Batch:
        seeds = [sample_seed(self.seed, epoch, item.key) for item in raw]
        return collate([item.decode() for item in raw], self.preset, seeds, position)


def _dealt(
    batches: Iterator[tuple[list[RawSample], Position]], rank: int, num_ranks: int
) -> Iterator[tuple[list[RawSample], int, Position]]:
    """One batch of each round of `num_ranks`, its epoch, and the position after the round."""
    while True:
        taken = list(itertools.islice(batches, num_ranks))
        raw, own = taken[rank]
        yield raw, own.epoch, taken[-1][1]


def collate(samples: list[Sample], preset: Preset, seeds: list[int], position: Position) -> Batch:
    """Samples of one size as a batch, scaled and padded as the preset says."""
    images = {
        name: _stack([_rgb(frame_image(getattr(sample, name), preset)) for sample in samples])
        for name in ("current", "next", "target")
    }
    masks = {
        name: _stack([frame_mask(getattr(sample, name), preset)[None] for sample in samples])
        for name in ("mask", "difference")
    }
    return Batch(
        keys=[sample.key for sample in samples],
        interval_s=torch.tensor([sample.interval_s for sample in samples], dtype=torch.float32),
        instructions=[sample.instruction for sample in samples],
        seeds=seeds,
        position=position,
        **images,
        **masks,
    )


def picture_size(raw: RawSample) -> tuple[int, int]:
    """(height, width) of a sample in px, from the header of its mask: a PNG's bytes 16 to 24."""
    header = raw.fields.get("mask.png", b"")[16:24]
    if len(header) < 8:
        raise UserError(f"{raw.shard}: sample {raw.key!r}, field 'mask.png': missing or no PNG")
    width, height = struct.unpack(">II", header)
    return height, width


def _shuffled(
    samples: Iterator[RawSample], buffer_size: int, chance: random.Random
) -> Iterator[RawSample]:
    held: list[RawSample] = []
    for sample in samples:
        held.append(sample)
        if len(held) >= buffer_size:
            yield held.pop(chance.randrange(len(held)))
    chance.shuffle(held)
    yield from held


def _rgb(image: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 3) to float32 (3, H, W) in [-1, 1]."""
    return image.astype(np.float32).transpose(2, 0, 1) / 127.5 - 1


def _stack(arrays: list[Any]) -> Tensor:
    return torch.from_numpy(np.stack(arrays).astype(np.float32))
