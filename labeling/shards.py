"""Training shards: WebDataset tars of self-contained samples, and the index that names them.

Image bytes are copied from the keyframes as they are; equal plans make equal bytes, whoever builds
them in whatever order. `labeling.shard_plan` decides what goes where.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from pydantic import ValidationError

from ingest.dataset import Dataset
from ingest.errors import UserError
from ingest.fields import SCHEMA_VERSION
from ingest.images import sha256
from ingest.schema import Record, Split, pack_sample
from ingest.tar import Fields, write_tar
from labeling.human_masks import region_in_force
from labeling.pairs import Pair, read_pairs
from labeling.regions import StoredRegion, read_regions
from labeling.shard_plan import PlannedShard


class ShardEntry(Record):
    """One shard in `index.json`."""

    name: str
    split: Split
    num_samples: int
    num_bytes: int
    sha256: str
    recipe: str
    """Hash of everything that the shard is made from; equal recipes make equal bytes."""


class ShardIndex(Record):
    """``shards/index.json``, written last: it names all shards that count."""

    schema_version: str = SCHEMA_VERSION
    config_hash: str
    num_pairs: int
    left_out: dict[str, int]
    """Pairs that are in no shard, by reason: rejected (by a reviewer), unnamed (no instruction)."""
    corrected: int
    """Samples whose instruction a person wrote or confirmed."""
    stale_corrections: int
    """Decisions in the log about images that are no longer in the dataset."""
    shards: tuple[ShardEntry, ...]


def build_shard(plan: PlannedShard) -> ShardEntry:
    """Write one shard. Raises UserError if the dataset changed since the plan was made."""
    dataset = Dataset(plan.root)
    path = dataset.shards / plan.name
    write_tar(path, _samples(dataset, plan))
    return shard_entry(path, plan)


def shard_entry(path: Path, plan: PlannedShard) -> ShardEntry:
    """The index's entry of a shard that stands at `path`."""
    return ShardEntry(
        name=plan.name,
        split=plan.split,
        num_samples=len(plan.kept),
        num_bytes=path.stat().st_size,
        sha256=file_sha256(path),
        recipe=plan.recipe,
    )


def file_sha256(path: Path) -> str:
    """Hash of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def stands(dataset: Dataset, plan: PlannedShard, entry: ShardEntry | None) -> bool:
    """Whether the shard on disk is already the planned one.

    The file itself is hashed: a run that was killed may have left another content under this name.
    """
    path = dataset.shards / plan.name
    if entry is None or entry.recipe != plan.recipe or not path.is_file():
        return False
    return path.stat().st_size == entry.num_bytes and file_sha256(path) == entry.sha256


def read_index(dataset: Dataset) -> ShardIndex:
    """The index of the shards. Raises UserError if it is missing or damaged."""
    path = dataset.index_json
    try:
        return ShardIndex.model_validate_json(path.read_bytes())
    except FileNotFoundError:
        raise UserError(
            f"{path} not found: run `python -m labeling shards {dataset.root}` first"
        ) from None
    except ValidationError as error:
        raise UserError(
            f"{path} is damaged ({error.errors()[0]['msg']}): run `python -m labeling shards "
            f"{dataset.root}` again"
        ) from error


def check_shards(dataset: Dataset) -> list[str]:
    """What is wrong with the shards on disk, one line each; empty if all hashes agree."""
    index = read_index(dataset)
    problems = []
    for entry in index.shards:
        path = dataset.shards / entry.name
        if not path.is_file():
            problems.append(f"{path} is missing")
        elif path.stat().st_size != entry.num_bytes:
            problems.append(f"{path}: {path.stat().st_size} bytes, expected {entry.num_bytes}")
        elif file_sha256(path) != entry.sha256:
            problems.append(f"{path}: content does not have the hash of index.json")
    known = {entry.name for entry in index.shards}
    return problems + [f"{path} is not in index.json" for path in stale_shards(dataset, known)]


def stale_shards(dataset: Dataset, names: Iterable[str]) -> list[Path]:
    """Shards on disk that are not among `names`."""
    known = set(names)
    found = (path for split in ("train", "val") for path in dataset.shards.glob(f"{split}-*.tar"))
    return sorted(path for path in found if path.name not in known)


def _samples(dataset: Dataset, plan: PlannedShard) -> Iterator[tuple[str, Fields]]:
    videos = sorted({planned.video_id for planned in plan.kept})
    sources: dict[str, tuple[Pair, StoredRegion]] = {}
    for video_id in videos:
        regions = read_regions(dataset, video_id)
        for pair in read_pairs(dataset, video_id)[1]:
            sources[pair.pair_id] = (pair, regions[pair.pair_id])
    for planned in plan.kept:
        pair, region = sources[planned.pair_id]
        region = region_in_force(dataset, pair.video_id, region, planned.human_mask)
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
