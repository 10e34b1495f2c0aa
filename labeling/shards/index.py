"""``shards/index.json``: which shards count, how large they are, and what their bytes hash to.

It is written last, so whatever it names stands. Readers of any 1.x take every 1.y.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable
from pathlib import Path

from pydantic import Field, ValidationError

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.fields import check_version
from ingest.format.schema import Record, Split
from ingest.format.tar_ranges import find_ranges
from labeling.shards.sample_table import SAMPLES_FILE, SampleRow, decode_rows, rows_of_tar

INDEX_VERSION = "1.1"
"""1.0 named no table of samples. Samples themselves have `ingest.format.fields.SCHEMA_VERSION`."""


class ShardEntry(Record):
    """One shard in `index.json`."""

    name: str
    split: Split
    num_samples: int
    num_bytes: int
    sha256: str = ""
    recipe: str = ""
    """Hash of everything that the shard is made from; equal recipes make equal bytes. Empty in
    shards that were made by other means."""


class SamplesEntry(Record):
    """``shards/samples.parquet`` in `index.json`."""

    name: str
    num_samples: int
    num_bytes: int
    sha256: str


class ShardIndex(Record):
    """All of `index.json`."""

    schema_version: str = INDEX_VERSION
    config_hash: str = ""
    num_pairs: int = 0
    left_out: dict[str, int] = Field(default_factory=dict)
    """Pairs that are in no shard, by reason: rejected (by a reviewer), unnamed (no instruction)."""
    corrected: int = 0
    """Samples whose instruction a person wrote or confirmed."""
    stale_corrections: int = 0
    """Decisions in the log about images that are no longer in the dataset."""
    shards: tuple[ShardEntry, ...]
    samples: SamplesEntry | None = None
    """The table of samples; None in an index of version 1.0."""


def read_index(dataset: Dataset) -> ShardIndex:
    """The index of the shards. Raises UserError if it is missing, damaged or of another major."""
    path = dataset.index_json
    rebuild = f"run `python -m labeling shards {dataset.root}`"
    try:
        return parse_index(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise UserError(f"{path} not found: {rebuild} first") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is damaged ({place}: {first['msg']}): {rebuild} again") from error


def parse_index(data: bytes, where: str) -> ShardIndex:
    """An index from its bytes. Raises ValidationError; SchemaError: another major version."""
    try:
        head = json.loads(data)
    except ValueError:
        head = {}
    if isinstance(head, dict) and "schema_version" in head:
        check_version(where, "-", head)
    return ShardIndex.model_validate_json(data)


def read_samples(folder: Path, index: ShardIndex) -> list[SampleRow]:
    """The table of samples; where an old index names none, what the shards themselves hold.

    Raises:
        UserError: it is missing or not the one that the index names.
    """
    if index.samples is None:
        return [row for entry in index.shards for row in rows_of_tar(folder / entry.name)]
    path = folder / index.samples.name
    data = path.read_bytes() if path.is_file() else b""
    if hashlib.sha256(data).hexdigest() != index.samples.sha256:
        found = f"{len(data)} bytes of other content" if data else "nothing"
        raise UserError(
            f"{path}: found {found}, index.json names {index.samples.num_bytes} bytes: run "
            "`python -m labeling shards` again, or wait for the build that runs"
        )
    return decode_rows(data, str(path))


def check_shards(dataset: Dataset) -> list[str]:
    """What is wrong with the shards on disk, one line each; empty if all hashes agree."""
    index = read_index(dataset)
    problems = [line for entry in index.shards for line in _check_shard(dataset, entry)]
    problems += _check_samples(dataset, index)
    known = {entry.name for entry in index.shards}
    return problems + [f"{path} is not in index.json" for path in stale_shards(dataset, known)]


def stale_shards(dataset: Dataset, names: Iterable[str]) -> list[Path]:
    """Shards on disk that are not among `names`."""
    known = set(names)
    found = (path for split in ("train", "val") for path in dataset.shards.glob(f"{split}-*.tar"))
    return sorted(path for path in found if path.name not in known)


def file_sha256(path: Path) -> str:
    """Hash of a file, read in pieces."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(1 << 20):
            digest.update(piece)
    return digest.hexdigest()


def _check_shard(dataset: Dataset, entry: ShardEntry) -> list[str]:
    path = dataset.shards / entry.name
    if not path.is_file():
        return [f"{path} is missing"]
    size = path.stat().st_size
    is_right = size == entry.num_bytes and file_sha256(path) == entry.sha256
    try:
        # Asked in any case: an index may be wrong about a shard that it hashed well.
        found = len(find_ranges(path))
    except UserError as error:
        return [str(error)]
    if size != entry.num_bytes:
        return [f"{path}: {size} bytes, expected {entry.num_bytes}"]
    if not is_right:
        return [f"{path}: content does not have the hash of index.json"]
    if found != entry.num_samples:
        return [f"{path}: {found} samples, index.json says {entry.num_samples}"]
    return []


def _check_samples(dataset: Dataset, index: ShardIndex) -> list[str]:
    """Whether the table of samples is the one that was built, and tells what the shards hold."""
    if index.samples is None:
        return []
    try:
        rows = read_samples(dataset.shards, index)
    except UserError as error:
        return [str(error)]
    told = {entry.name: 0 for entry in index.shards}
    for row in rows:
        told[row.shard] = told.get(row.shard, 0) + 1
    wanted = {entry.name: entry.num_samples for entry in index.shards}
    return [
        f"{dataset.shards / SAMPLES_FILE}: {told[name]} samples of {name}, index.json says "
        f"{wanted.get(name, 'nothing of it')}"
        for name in told
        if told[name] != wanted.get(name)
    ]
