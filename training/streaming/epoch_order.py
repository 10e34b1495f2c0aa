"""In which order samples come, and in which batches: decided by seed and epoch alone.

Shards come in random order; the samples of neighbouring shards are mixed in blocks, so that a disk
reads near places and repeated pictures are decoded once. Batches hold pictures of one size.
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
    """Places in the list of samples."""
    position: Position
    """The place in the stream after the batch (with several ranks: after its round)."""


def epoch_order(samples: SampleList, seed: int, epoch: int, block: int) -> list[int]:
    """Every sample once. `block`: least number of samples that are mixed with each other."""
    # Python's own generator: its shuffle is the same in every version and on every machine.
    chance = random.Random(f"{seed}/{epoch}")
    starts = np.searchsorted(samples.shard, np.arange(len(samples.shards) + 1))
    shards = list(range(len(samples.shards)))
    chance.shuffle(shards)
    order: list[int] = []
    waiting: list[int] = []
    for number, shard in enumerate(shards, start=1):
        waiting += range(int(starts[shard]), int(starts[shard + 1]))
        if len(waiting) >= block or number == len(shards):
            chance.shuffle(waiting)
            order += waiting
            waiting = []
    return order


def epoch_batches(
    samples: SampleList, seed: int, epoch: int, block: int, batch_size: int
) -> Iterator[tuple[int, ...]]:
    """Batches of one size as they fill up, then what is left over, smallest pictures first."""
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
    """All batches from `start` on, epoch after epoch, without end."""
    seen = start.samples_seen
    for epoch in itertools.count(start.epoch):
        batches = epoch_batches(samples, seed, epoch, block, batch_size)
        for number, rows in enumerate(batches, start=1):
            if epoch == start.epoch and number <= start.batch:
                continue
            seen += len(rows)
            yield PlannedBatch(epoch, rows, Position(epoch, number, seen))


def dealt(batches: Iterator[PlannedBatch], rank: int, num_ranks: int) -> Iterator[PlannedBatch]:
    """This rank's batch of each round of `num_ranks`; its position is that after the round, so that
    any rank's state is that of the whole loader, whatever the number of ranks that go on."""
    while True:
        taken = list(itertools.islice(batches, num_ranks))
        yield taken[rank]._replace(position=taken[-1].position)
