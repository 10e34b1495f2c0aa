"""Reads and checks ``shards/index.json``: the valid shards with their sizes and hashes.

The index is written last, so the files that it names exist. Readers of version 1.x accept every
1.y.
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
"""Version of the index; 1.0 had no table of samples. The samples themselves have the version
`ingest.format.fields.SCHEMA_VERSION`."""


class ShardEntry(Record):
    """One shard of the index."""

    name: str
    split: Split
    num_samples: int
    num_bytes: int
    sha256: str = ""
    recipe: str = ""
    """Hash of everything that the shard is made from; equal recipes give equal bytes. Empty in
    shards made by other tools."""


class SamplesEntry(Record):
    """The table ``shards/samples.parquet`` in the index."""

    name: str
    num_samples: int
    num_bytes: int
    sha256: str


class ShardIndex(Record):
    """The content of `index.json`."""

    schema_version: str = INDEX_VERSION
    config_hash: str = ""
    num_pairs: int = 0
    """Pairs of the dataset, in a shard or not."""
    left_out: dict[str, int] = Field(default_factory=dict)
    """Pairs in no shard, counted by reason (`labeling.shards.plan.Exclusion`)."""
    corrected: int = 0
    """Number of samples whose instruction a person wrote or confirmed."""
    stale_corrections: int = 0
    """Number of corrections of images that are no longer in the dataset."""
    shards: tuple[ShardEntry, ...]
    samples: SamplesEntry | None = None
    """The table of samples; None in an index of version 1.0."""


def read_index(dataset: Dataset) -> ShardIndex:
    """Read the index. Raises UserError: it is missing, damaged or of another major version."""
    return read_index_file(dataset.index_json, f"run `python -m labeling shards {dataset.root}`")


def read_index_file(path: Path, advice: str) -> ShardIndex:
    """Read an index. Raises UserError, with what to do about a missing or damaged one."""
    try:
        return parse_index(path.read_bytes(), str(path))
    except FileNotFoundError:
        raise UserError(f"{path} not found: {advice} first") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{path} is damaged ({place}: {first['msg']}): {advice} again") from error


def parse_index(data: bytes, where: str) -> ShardIndex:
    """Parse an index.

    Raises:
        ValidationError: it is damaged.
        SchemaError: it has another major version.
    """
    try:
        head = json.loads(data)
    except ValueError:
        head = {}
    if isinstance(head, dict) and "schema_version" in head:
        check_version(where, "-", head)
    return ShardIndex.model_validate_json(data)


def read_samples(folder: Path, index: ShardIndex) -> list[SampleRow]:
    """Read the table of samples; for an old index without one, the rows are read from the shards.

    Raises:
        UserError: the table is missing, or has another hash than the index says.
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
    """Check the shards on disk against the index; a line for each problem."""
    index = read_index(dataset)
    problems = [line for entry in index.shards for line in _check_shard(dataset, entry)]
    problems += _check_samples(dataset, index)
    known = {entry.name for entry in index.shards}
    return problems + [f"{path} is not in index.json" for path in stale_shards(dataset, known)]


def stale_shards(dataset: Dataset, names: Iterable[str]) -> list[Path]:
    """Paths of the shards on disk that are not among `names`."""
    known = set(names)
    found = (path for split in ("train", "val") for path in dataset.shards.glob(f"{split}-*.tar"))
    return sorted(path for path in found if path.name not in known)


def file_sha256(path: Path) -> str:
    """SHA-256 of a file, in hex digits."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while block := file.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def _check_shard(dataset: Dataset, entry: ShardEntry) -> list[str]:
    """The first problem of a shard, if any: missing, damaged, or other than its entry."""
    path = dataset.shards / entry.name
    if not path.is_file():
        return [f"{path} is missing"]
    size = path.stat().st_size
    is_right = size == entry.num_bytes and file_sha256(path) == entry.sha256
    try:
        # Counted also if the hash is right: the index may be wrong about the number.
        num_samples = len(find_ranges(path))
    except UserError as error:
        return [str(error)]
    if size != entry.num_bytes:
        return [f"{path}: {size} bytes, expected {entry.num_bytes}"]
    if not is_right:
        return [f"{path}: content does not have the hash of index.json"]
    if num_samples != entry.num_samples:
        return [f"{path}: {num_samples} samples, index.json says {entry.num_samples}"]
    return []


def _check_samples(dataset: Dataset, index: ShardIndex) -> list[str]:
    """Problems of the table of samples: other bytes, or other numbers of samples per shard."""
    if index.samples is None:
        return []
    try:
        rows = read_samples(dataset.shards, index)
    except UserError as error:
        return [str(error)]
    counts = {entry.name: 0 for entry in index.shards}
    for row in rows:
        counts[row.shard] = counts.get(row.shard, 0) + 1
    expected = {entry.name: entry.num_samples for entry in index.shards}
    return [
        f"{dataset.shards / SAMPLES_FILE}: {counts[name]} samples of {name}, index.json says "
        f"{expected.get(name, 'nothing of it')}"
        for name in counts
        if counts[name] != expected.get(name)
    ]
