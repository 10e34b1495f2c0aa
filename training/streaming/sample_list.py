"""Lists all samples of a split with shard, byte range and size, from the table of samples.

A dataset is a folder, or an address (``s3://``, ``gs://``, ``http://``, ``https://``) of one.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from pydantic import ValidationError

from ingest.conventions.errors import UserError
from ingest.format.images import sha256
from ingest.format.schema import Split
from ingest.format.tar_ranges import TarDamage, fields_in, find_ranges
from ingest.sources.file_systems import RemoteConfig
from labeling.shards.index import ShardIndex, parse_index
from labeling.shards.sample_table import check_unique, mask_size, read_columns
from training.streaming.sample_source import read_whole

_COLUMNS = ("shard", "key", "offset", "num_bytes", "height_px", "width_px")
"""Columns that are read from the table of samples."""
_COLLAPSED_SCHEME = re.compile(r"^(s3|gs|https?):/+(?=[^/])")
"""Scheme of an address, also where `Path` made one slash of two."""


@dataclass(frozen=True)
class Shard:
    """One tar of the index."""

    path: Path | str
    """A file, or the address of one."""
    num_samples: int


@dataclass(frozen=True, eq=False)
class SampleList:
    """The samples of a split in the order of the shards; arrays of one length."""

    shards: list[Shard]
    shard: np.ndarray
    """Index of each sample's tar in `shards`, int32."""
    keys: list[str]
    offset: np.ndarray
    """Byte offset of the sample's first header in its tar, int64."""
    num_bytes: np.ndarray
    """Number of bytes of the sample's entries in the tar, int64."""
    size: np.ndarray
    """Height and width in px, int32 (n, 2)."""

    def __len__(self) -> int:
        return len(self.keys)


def address_of(dataset: Path | str) -> str:
    """The dataset as a path or address; restores the two slashes that `Path` collapses."""
    return _COLLAPSED_SCHEME.sub(r"\1://", str(dataset)).rstrip("/")


def is_address(dataset: Path | str) -> bool:
    """Returns True if the dataset is remote."""
    return "://" in address_of(dataset)


def read_index(
    dataset: Path | str, split: Split, remote: RemoteConfig | None = None
) -> list[Shard]:
    """The shards of a split; existence and length of local files are checked.

    Raises:
        UserError: no index, an index of another schema, or a shard that is missing or cut short.
    """
    index = _index(dataset, remote or RemoteConfig())
    return _shards(address_of(dataset), index, split)


def list_samples(
    dataset: Path | str, split: Split, remote: RemoteConfig | None = None
) -> SampleList:
    """All samples of a split, from the table of samples; without one the tars are read.

    Raises:
        UserError: as `read_index`; a table that the index does not name or that does not fit the
            shards, a damaged tar, a duplicate key (names shard and key).
    """
    remote = remote or RemoteConfig()
    index = _index(dataset, remote)
    shards = _shards(address_of(dataset), index, split)
    names = [_name(shard) for shard in shards]
    rows = _rows(dataset, index, shards, remote)
    place = {name: number for number, name in enumerate(names)}
    chosen = [row for row in rows if row[0] in place]
    check_unique([(row[0], row[1]) for row in chosen], _path_in_shards(dataset, "index.json"))
    _check_counts(dataset, shards, [row[0] for row in chosen])
    return SampleList(
        shards=shards,
        shard=np.array([place[row[0]] for row in chosen], np.int32),
        keys=[row[1] for row in chosen],
        offset=np.array([row[2] for row in chosen], np.int64),
        num_bytes=np.array([row[3] for row in chosen], np.int64),
        size=np.array([row[4:6] for row in chosen], np.int32).reshape(-1, 2),
    )


def _index(dataset: Path | str, remote: RemoteConfig) -> ShardIndex:
    where = _path_in_shards(dataset, "index.json")
    rebuild = f"`python -m labeling shards {dataset}`"
    try:
        return parse_index(read_whole(where, remote), where)
    except FileNotFoundError:
        raise UserError(f"{where} not found: make shards with {rebuild}") from None
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise UserError(f"{where} is damaged ({place}: {first['msg']}): run {rebuild}") from error


def _shards(dataset: str, index: ShardIndex, split: Split) -> list[Shard]:
    shards = []
    for entry in index.shards:
        if entry.split != split:
            continue
        if is_address(dataset):
            shards.append(Shard(f"{dataset}/shards/{entry.name}", entry.num_samples))
            continue
        path = Path(dataset) / "shards" / entry.name
        size = path.stat().st_size if path.is_file() else None
        if size != entry.num_bytes:
            found = "it is missing" if size is None else f"it has {size} bytes"
            raise UserError(
                f"{path}: {found}, the index says {entry.num_bytes} bytes: run "
                f"`python -m labeling shards {dataset}` again"
            )
        shards.append(Shard(path, entry.num_samples))
    return shards


_Row = tuple[str, str, int, int, int, int]


def _rows(
    dataset: Path | str, index: ShardIndex, shards: Sequence[Shard], remote: RemoteConfig
) -> list[_Row]:
    """(shard, key, offset, num_bytes, height, width) of all samples; may include other splits."""
    if index.samples is None:
        if is_address(dataset):
            raise UserError(
                f"{_path_in_shards(dataset, 'index.json')} has no table of samples, which reading "
                "from afar needs: run `python -m labeling migrate` where the shards lie, upload "
                "again"
            )
        return [row for shard in shards for row in _scan(Path(shard.path))]
    where = _path_in_shards(dataset, index.samples.name)
    try:
        data = read_whole(where, remote)
    except FileNotFoundError:
        data = b""
    if sha256(data) != index.samples.sha256:
        raise UserError(
            f"{where} is {'missing' if not data else 'not the one that index.json names'}: run "
            "`python -m labeling shards` again, or wait for the build that runs"
        )
    return list(zip(*read_columns(data, _COLUMNS, where).values(), strict=True))


def _scan(path: Path) -> list[_Row]:
    rows = []
    with path.open("rb") as file:
        for key, offset, num_bytes in find_ranges(path):
            file.seek(offset)
            fields = fields_in(file.read(num_bytes), key, str(path))
            try:
                height, width = mask_size(fields.get("mask.png", b""))
            except ValueError as error:
                raise TarDamage(f"{path}: sample {key!r}, field 'mask.png': {error}") from error
            rows.append((path.name, key, offset, num_bytes, height, width))
    return rows


def _check_counts(dataset: Path | str, shards: Sequence[Shard], found: Sequence[str]) -> None:
    counts = {_name(shard): 0 for shard in shards}
    for name in found:
        counts[name] += 1
    for shard in shards:
        if counts[_name(shard)] != shard.num_samples:
            raise UserError(
                f"{shard.path} holds {counts[_name(shard)]} samples, the index says "
                f"{shard.num_samples}: run `python -m labeling shards {dataset}` again"
            )


def _name(shard: Shard) -> str:
    return str(shard.path).rpartition("/")[2]


def _path_in_shards(dataset: Path | str, name: str) -> str:
    return f"{address_of(dataset)}/shards/{name}"
