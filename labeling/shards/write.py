"""Training shards: WebDataset tars of self-contained samples, each built by itself.

Image bytes are copied from the keyframes as they are; equal plans make equal bytes, whoever builds
them in whatever order. `labeling.shards.plan` decides what goes where.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, cast

from ingest.conventions.atomic import SUFFIX, atomic_file
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import ImageFormat, image_size, sha256
from ingest.format.schema import CanvasRef, pack_sample
from ingest.format.tar import Fields, write_ranges
from ingest.ledger.outcome import StoredKeyframe, keyframes_stamp, read_keyframes
from labeling.corrections.human_masks import region_in_force
from labeling.pairs import white_png
from labeling.regions.regions import read_regions
from labeling.shards.index import ShardEntry, file_sha256
from labeling.shards.plan import PlannedShard
from labeling.shards.sample_table import SampleRow, mask_size


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

    with _Hashing() as hashing:
        with atomic_file(dataset.shards / plan.name) as file:
            hashing.file = file
            ranges = write_ranges(cast(BinaryIO, hashing), watched())
        digest = hashing.hexdigest()
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
        sha256=digest,
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
    """A file that is hashed while it is written and flushed, by a thread beside it: reading it
    again would cost as much as writing, and hashing in turn more than the disk takes."""

    file: BinaryIO

    def __init__(self) -> None:
        self._digest, self.num_bytes = hashlib.sha256(), 0
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> _Hashing:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def write(self, data: bytes) -> None:
        self.writelines([data])

    def writelines(self, blocks: list[bytes]) -> None:
        # The blocks are kept until they are hashed; their pictures are in memory anyway.
        self._thread.submit(self._update, blocks)
        self.num_bytes += sum(map(len, blocks))
        self.file.writelines(blocks)

    def hexdigest(self) -> str:
        """Of all that was written."""
        return self._thread.submit(self._digest.hexdigest).result()

    def _update(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self._digest.update(block)


class _Images:
    """The canvases of one video as they were planned."""

    def __init__(self, dataset: Dataset, video_id: str, stamp: str) -> None:
        stored = read_keyframes(dataset, video_id)
        self._by_index: dict[int | None, StoredKeyframe] = {s.keyframe.index: s for s in stored}
        # Looked at after reading: what was put there meanwhile has another stamp, too.
        self._is_known = keyframes_stamp(dataset, video_id) == stamp

    def find(self, reference: CanvasRef, like: CanvasRef) -> tuple[ImageFormat, bytes] | None:
        """A canvas, None if it is another one now; `like`: one of its size that is stored."""
        is_made = reference.keyframe is None
        stored = self._by_index.get((like if is_made else reference).keyframe)
        if stored is None:
            return None
        if is_made:
            data = white_png(image_size(stored.data))
            return ("png", data) if sha256(data) == reference.sha256 else None
        # Planning hashed these very bytes; it is done again only if the file was written anew.
        if not self._is_known and sha256(stored.data) != reference.sha256:
            return None
        return stored.format, stored.data


def _samples(dataset: Dataset, plan: PlannedShard) -> Iterator[tuple[str, Fields]]:
    stamps = {planned.video_id: planned.keyframes_stamp for planned in plan.kept}
    images = {video: _Images(dataset, video, stamp) for video, stamp in sorted(stamps.items())}
    regions = {video: read_regions(dataset, video) for video in images}
    for planned in plan.kept:
        key, video, known = planned.pair_id, planned.video_id, planned.provenance
        references = (known.current, known.next, known.target)
        current, following, target = (images[video].find(r, known.next) for r in references)
        region = regions[video].get(key)
        if region is not None:
            region = region_in_force(dataset, video, region, planned.human_mask)
        if (
            not (current and following and target and region)
            or sha256(region.mask + region.difference) != planned.region_sha256
        ):
            raise UserError(f"pair {key} changed while shards were built: run it again")
        yield (
            key,
            pack_sample(
                key=key,
                current=current,
                next=following,
                target=target,
                mask=region.mask,
                difference=region.difference,
                interval_s=planned.interval_s,
                instruction=planned.instruction,
                provenance=planned.provenance,
            ),
        )
