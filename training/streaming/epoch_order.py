"""Computes the order of samples and batches from seed and epoch alone.

Shards come in random order. The samples of neighbouring shards are shuffled in blocks, so that a
disk reads near positions and images shared by samples are decoded once. Batches hold images of one
size.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from training.streaming.batch import Position
from training.streaming.sample_list import SampleList


class PlannedBatch(NamedTuple):
    """A batch before it is read."""

    epoch: int
    rows: tuple[int, ...]
    """Indices into the list of samples."""
    position: Position
    """Position of the stream after the batch (with several ranks: after its round)."""


def epoch_order(samples: SampleList, seed: int, epoch: int, block: int) -> list[int]:
    """Indices of all samples in the order of one epoch.

    Args:
        block: least number of samples that are shuffled together.
    """
    # Python's own generator: its shuffle is the same in every version and on every machine.
    generator = random.Random(f"{seed}/{epoch}")
    starts = np.searchsorted(samples.shard, np.arange(len(samples.shards) + 1))
    shards = list(range(len(samples.shards)))
    generator.shuffle(shards)
    order: list[int] = []
    pending: list[int] = []
    for number, shard in enumerate(shards, start=1):
        pending += range(int(starts[shard]), int(starts[shard + 1]))
        if len(pending) >= block or number == len(shards):
            generator.shuffle(pending)
            order += pending
            pending = []
    return order


def epoch_batches(
    samples: SampleList, seed: int, epoch: int, block: int, batch_size: int
) -> Iterator[tuple[int, ...]]:
    """Batches of one image size as they fill up, then incomplete batches, smallest images first."""
    groups: dict[tuple[int, int], list[int]] = {}
    sizes = [(int(height), int(width)) for height, width in samples.size]
    for row in epoch_order(samples, seed, epoch, block):
        group = groups.setdefault(sizes[row], [])
        group.append(row)
        if len(group) == batch_size:
            yield tuple(groups.pop(sizes[row]))
    yield from (tuple(groups[size]) for size in sorted(groups))


def planned_batches(
    samples: SampleList, seed: int, block: int, batch_size: int, start: Position
) -> Iterator[PlannedBatch]:
    """All batches from `start` on, epoch after epoch; endless."""
    seen = start.samples_seen
    for epoch in itertools.count(start.epoch):
        batches = epoch_batches(samples, seed, epoch, block, batch_size)
        for number, rows in enumerate(batches, start=1):
            if epoch == start.epoch and number <= start.batch:
                continue
            seen += len(rows)
            yield PlannedBatch(epoch, rows, Position(epoch, number, seen))


def batches_of_rank(
    batches: Iterator[PlannedBatch], rank: int, num_ranks: int
) -> Iterator[PlannedBatch]:
    """The batch of `rank` in each round of `num_ranks` batches.

    Its position is the one after the round, so any rank may save it and any number of ranks may
    continue from it.
    """
    while True:
        taken = list(itertools.islice(batches, num_ranks))
        yield taken[rank]._replace(position=taken[-1].position)
