"""Training shards: WebDataset tars of self-contained samples, each built by itself.

Image bytes are copied from the keyframes as they are; equal plans make equal bytes, whoever builds
them in whatever order. `labeling.shard_plan` decides what goes where.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ingest.atomic import SUFFIX, atomic_file
from ingest.dataset import Dataset
from ingest.errors import UserError
from ingest.images import sha256
from ingest.schema import pack_sample
from ingest.tar import Fields, write_ranges
from labeling.pairs import Pair, read_pairs
from labeling.regions import StoredRegion, read_regions
from labeling.sample_table import SampleRow, mask_size
from labeling.shard_index import ShardEntry, file_sha256
from labeling.shard_plan import PlannedShard


@dataclass(frozen=True)
class ShardTask:
    """A shard that should stand, and what the last build says of its name; what a Ray task gets."""

    plan: PlannedShard
    known: ShardEntry | None


@dataclass(frozen=True)
class BuiltShard:
    """A shard that stands."""

    entry: ShardEntry
    rows: list[SampleRow] | None
    """Of its samples; None where it stood already."""


def ensure_shard(task: ShardTask) -> BuiltShard:
    """Build a shard unless it stands. Raises UserError: the dataset changed meanwhile."""
    if task.known is not None and stands(Dataset(task.plan.root), task.plan, task.known):
        return BuiltShard(task.known, None)
    return build_shard(task.plan)


def build_shard(plan: PlannedShard) -> BuiltShard:
    """Write one shard. Raises UserError if the dataset changed since the plan was made."""
    dataset = Dataset(plan.root)
    # What only the written fields tell: size of the pictures, hash of the record.
    told: dict[str, tuple[int, int, str]] = {}

    def watched() -> Iterator[tuple[str, Fields]]:
        for key, fields in _samples(dataset, plan):
            told[key] = (*mask_size(fields["mask.png"]), sha256(fields["json"]))
            yield key, fields

    with atomic_file(dataset.shards / plan.name) as file:
        hashing = _Hashing(file)
        ranges = write_ranges(cast(BinaryIO, hashing), watched())
    pairs = {pair.pair_id: pair for pair in plan.kept}
    rows = [
        SampleRow(
            shard=plan.name,
            key=place.key,
            offset=place.offset,
            num_bytes=place.num_bytes,
            height_px=told[place.key][0],
            width_px=told[place.key][1],
            instruction=pairs[place.key].instruction,
            labeler=pairs[place.key].provenance.labeler,
            content_hash=pairs[place.key].content_hash,
            region_sha256=pairs[place.key].region_sha256,
            record_sha256=told[place.key][2],
        )
        for place in ranges
    ]
    entry = ShardEntry(
        name=plan.name,
        split=plan.split,
        num_samples=len(rows),
        num_bytes=hashing.num_bytes,
        sha256=hashing.digest.hexdigest(),
        recipe=plan.recipe,
    )
    return BuiltShard(entry, rows)


def stands(dataset: Dataset, plan: PlannedShard, entry: ShardEntry | None) -> bool:
    """Whether the shard on disk is already the planned one.

    The file itself is hashed: a run that was killed may have left another content under this name.
    """
    path = dataset.shards / plan.name
    if entry is None or entry.recipe != plan.recipe or not path.is_file():
        return False
    return path.stat().st_size == entry.num_bytes and file_sha256(path) == entry.sha256


def rename_shards(
    dataset: Dataset, plans: Sequence[PlannedShard], known: Iterable[ShardEntry]
) -> dict[str, str]:
    """Give shards that only changed their number their new name; returns old names by new ones.

    A shard that loses its last sample leaves no gap: those behind it move up, none is written.
    """
    by_recipe = {entry.recipe: entry for entry in known if entry.recipe}
    moves: dict[Path, Path] = {}
    for plan in plans:
        entry = by_recipe.get(plan.recipe)
        if entry is None or entry.name == plan.name or entry.split != plan.split:
            continue
        source = dataset.shards / entry.name
        if source.is_file() and file_sha256(source) == entry.sha256:
            moves[dataset.shards / plan.name] = source
    waiting = {path: path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}") for path in moves}
    try:
        # All are taken by the hand first: a new name may be another one's old name.
        for path, source in moves.items():
            os.link(source, waiting[path])
        for path, temporary in waiting.items():
            os.replace(temporary, path)
    finally:
        for temporary in waiting.values():
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
    return {path.name: source.name for path, source in moves.items()}


class _Hashing:
    """A file that is hashed as it is written: reading it again would cost as much as writing."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self.digest, self.num_bytes = hashlib.sha256(), 0

    def write(self, data: bytes) -> None:
        self.writelines([data])

    def writelines(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self.digest.update(block)
            self.num_bytes += len(block)
        self._file.writelines(blocks)


def _samples(dataset: Dataset, plan: PlannedShard) -> Iterator[tuple[str, Fields]]:
    videos = sorted({planned.video_id for planned in plan.kept})
    sources: dict[str, tuple[Pair, StoredRegion]] = {}
    for video_id in videos:
        regions = read_regions(dataset, video_id)
        for pair in read_pairs(dataset, video_id)[1]:
            sources[pair.pair_id] = (pair, regions[pair.pair_id])
    for planned in plan.kept:
        pair, region = sources[planned.pair_id]
        masks = sha256(region.mask + region.difference)
        if (pair.content_hash, masks) != (planned.content_hash, planned.region_sha256):
            raise UserError(f"pair {pair.pair_id} changed while shards were built: run it again")
        yield (
            pair.pair_id,
            pack_sample(
                key=pair.pair_id,
                current=(pair.current.format, pair.current.data),
                next=(pair.next.format, pair.next.data),
                target=(pair.target.format, pair.target.data),
                mask=region.mask,
                difference=region.difference,
                interval_s=planned.interval_s,
                instruction=planned.instruction,
                provenance=planned.provenance,
            ),
        )
