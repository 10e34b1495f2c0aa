"""Writes one training shard, a WebDataset tar of self-contained samples, from its plan.

Image bytes are copied from the keyframes unchanged. Equal plans give equal bytes, independently of
the machine and of the order in which shards are built.
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
from ingest.ledger.outcome import StoredKeyframe, keyframes_file_version, read_keyframes
from labeling.corrections.human_masks import effective_region
from labeling.pairs import white_png
from labeling.regions.regions import read_regions
from labeling.shards.index import ShardEntry, file_sha256
from labeling.shards.plan import PlannedShard
from labeling.shards.sample_table import SampleRow, mask_size


@dataclass(frozen=True)
class ShardTask:
    """Input of the Ray task that builds one shard."""

    plan: PlannedShard
    known: ShardEntry | None
    """Entry of this name in the index of the last build, if any."""


@dataclass(frozen=True)
class BuiltShard:
    """A shard that is up to date on disk."""

    entry: ShardEntry
    rows: list[SampleRow] | None
    """Rows of its samples; None if the shard was not written now."""


def ensure_shard(task: ShardTask) -> BuiltShard:
    """Build a shard unless it is up to date. Raises UserError: the dataset changed meanwhile."""
    if task.known is not None and is_up_to_date(Dataset(task.plan.root), task.plan, task.known):
        return BuiltShard(task.known, None)
    return build_shard(task.plan)


def build_shard(plan: PlannedShard) -> BuiltShard:
    """Write one shard. Raises UserError: the dataset changed since the plan was made."""
    dataset = Dataset(plan.root)
    # Image height and width, and hash of the record; only the written fields have them.
    written: dict[str, tuple[int, int, str]] = {}

    def samples() -> Iterator[tuple[str, Fields]]:
        for key, fields in _samples(dataset, plan):
            written[key] = (*mask_size(fields["mask.png"]), sha256(fields["json"]))
            yield key, fields

    with _HashingWriter() as writer:
        with atomic_file(dataset.shards / plan.name) as file:
            writer.file = file
            ranges = write_ranges(cast(BinaryIO, writer), samples())
        digest = writer.hexdigest()
    pairs = {pair.pair_id: pair for pair in plan.kept}
    rows = [
        SampleRow(
            shard=plan.name,
            key=place.key,
            offset=place.offset,
            num_bytes=place.num_bytes,
            height_px=written[place.key][0],
            width_px=written[place.key][1],
            instruction=pairs[place.key].instruction,
            labeler=pairs[place.key].provenance.labeler,
            content_hash=pairs[place.key].content_hash,
            region_sha256=pairs[place.key].region_sha256,
            record_sha256=written[place.key][2],
        )
        for place in ranges
    ]
    entry = ShardEntry(
        name=plan.name,
        split=plan.split,
        num_samples=len(rows),
        num_bytes=writer.num_bytes,
        sha256=digest,
        recipe=plan.recipe,
    )
    return BuiltShard(entry, rows)


def is_up_to_date(dataset: Dataset, plan: PlannedShard, entry: ShardEntry | None) -> bool:
    """Returns True if the shard on disk has the planned content.

    The file is hashed, because a killed run may have left other content under this name.
    """
    path = dataset.shards / plan.name
    if entry is None or entry.recipe != plan.recipe or not path.is_file():
        return False
    return path.stat().st_size == entry.num_bytes and file_sha256(path) == entry.sha256


def rename_shards(
    dataset: Dataset, plans: Sequence[PlannedShard], known: Iterable[ShardEntry]
) -> dict[str, str]:
    """Rename shards whose number changed and whose content did not.

    Numbers have no gaps: if a shard loses its last sample, the following shards are renamed.

    Args:
        known: shards of the last build.

    Returns:
        Old names by new names.
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
    temporaries = {path: path.with_name(f".{path.name}.{os.getpid()}{SUFFIX}") for path in moves}
    try:
        # All are linked first, because a new name may be the old name of another shard.
        for path, source in moves.items():
            os.link(source, temporaries[path])
        for path, temporary in temporaries.items():
            os.replace(temporary, path)
    finally:
        for temporary in temporaries.values():
            with contextlib.suppress(FileNotFoundError):
                temporary.unlink()
    return {path.name: source.name for path, source in moves.items()}


class _HashingWriter:
    """Writes a file and hashes it in another thread at the same time.

    Hashing after writing would double the time.
    """

    file: BinaryIO
    """The open file; set before the first write."""

    def __init__(self) -> None:
        self._digest, self.num_bytes = hashlib.sha256(), 0
        self._thread = ThreadPoolExecutor(1)

    def __enter__(self) -> _HashingWriter:
        return self

    def __exit__(self, *_: object) -> None:
        self._thread.shutdown(cancel_futures=True)

    def write(self, data: bytes) -> None:
        self.writelines([data])

    def writelines(self, blocks: list[bytes]) -> None:
        # The queue keeps the blocks in memory; their images are in memory anyway.
        self._thread.submit(self._update, blocks)
        self.num_bytes += sum(map(len, blocks))
        self.file.writelines(blocks)

    def hexdigest(self) -> str:
        """SHA-256 of everything written so far."""
        return self._thread.submit(self._digest.hexdigest).result()

    def _update(self, blocks: list[bytes]) -> None:
        for block in blocks:
            self._digest.update(block)


class _VideoCanvases:
    """The encoded canvases of one video, checked against the plan."""

    def __init__(self, dataset: Dataset, video_id: str, file_version: str) -> None:
        stored = read_keyframes(dataset, video_id)
        self._by_index: dict[int | None, StoredKeyframe] = {s.keyframe.index: s for s in stored}
        # Compared after reading, so that a file that was replaced meanwhile is noticed.
        self._is_unchanged = keyframes_file_version(dataset, video_id) == file_version

    def find(self, reference: CanvasRef, like: CanvasRef) -> tuple[ImageFormat, bytes] | None:
        """Format and bytes of a canvas; None if it changed since the plan was made.

        Args:
            like: a stored canvas of the same size, for the white canvas.
        """
        is_white = reference.keyframe is None
        stored = self._by_index.get((like if is_white else reference).keyframe)
        if stored is None:
            return None
        if is_white:
            data = white_png(image_size(stored.data))
            return ("png", data) if sha256(data) == reference.sha256 else None
        # The plan hashed these bytes; they are hashed again only if the file was replaced.
        if not self._is_unchanged and sha256(stored.data) != reference.sha256:
            return None
        return stored.format, stored.data


def _samples(dataset: Dataset, plan: PlannedShard) -> Iterator[tuple[str, Fields]]:
    """Key and encoded fields of every sample of a shard. Raises UserError: the dataset changed."""
    versions = {planned.video_id: planned.keyframes_file_version for planned in plan.kept}
    canvases = {v: _VideoCanvases(dataset, v, version) for v, version in sorted(versions.items())}
    regions = {video: read_regions(dataset, video) for video in canvases}
    for planned in plan.kept:
        key, video, provenance = planned.pair_id, planned.video_id, planned.provenance
        references = (provenance.current, provenance.next, provenance.target)
        current, following, target = (
            canvases[video].find(reference, provenance.next) for reference in references
        )
        region = regions[video].get(key)
        if region is not None:
            region = effective_region(dataset, video, region, planned.human_mask)
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
