"""``shards/samples.parquet``: a row for every sample of the shards, in the order of the shards.

It says where a sample lies in its tar, so that a reader fetches what it wants and nothing else, and
by hashes what it is made of, so that two builds can be compared without opening a tar.
"""

from __future__ import annotations

import hashlib
import io
import json
import struct
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from ingest.conventions.errors import SchemaError, UserError
from ingest.format.images import sha256
from ingest.format.tar import Range
from ingest.format.tar_ranges import TarDamage, fields_in, find_ranges

SAMPLES_FILE = "samples.parquet"


class SampleRow(NamedTuple):
    """One sample of the shards."""

    shard: str
    """Name of its tar."""
    key: str
    offset: int
    """Of its first header in the tar, in bytes."""
    num_bytes: int
    """Of its entries, with headers and padding."""
    height_px: int
    width_px: int
    instruction: str
    labeler: str
    content_hash: str
    """Of its three images, as `labeling.pairs.Pair.content_hash`."""
    region_sha256: str
    """Of its two masks, one after the other as they are stored."""
    record_sha256: str
    """Of its JSON."""


COLUMNS = SampleRow._fields


def describe(shard: str, place: Range, fields: Mapping[str, bytes], where: str) -> SampleRow:
    """The row of a sample from its fields. Raises SchemaError: one of them is missing."""
    key = place.key
    try:
        head = json.loads(fields["json"])
        references = [head["provenance"][name] for name in ("current", "next", "target")]
        height, width = mask_size(fields["mask.png"])
        return SampleRow(
            shard=shard,
            key=key,
            offset=place.offset,
            num_bytes=place.num_bytes,
            height_px=height,
            width_px=width,
            instruction=head["instruction"],
            labeler=head["provenance"]["labeler"],
            content_hash=content_hash([reference["sha256"] for reference in references]),
            region_sha256=sha256(fields["mask.png"] + fields["difference.png"]),
            record_sha256=sha256(fields["json"]),
        )
    except (KeyError, TypeError, ValueError) as error:
        raise SchemaError(where, key, "json", f"the sample cannot be read ({error!r})") from error


def content_hash(hashes: Sequence[str]) -> str:
    """One hash of the hashes of a pair's current, next and target image."""
    return hashlib.sha256("|".join(hashes).encode()).hexdigest()


def mask_size(png: bytes) -> tuple[int, int]:
    """(height, width) in px from the header of a PNG. Raises ValueError: it is none."""
    if len(png) < 24 or png[12:16] != b"IHDR":
        raise ValueError("the mask is no PNG")
    width, height = struct.unpack(">II", png[16:24])
    return height, width


def rows_of_tar(path: Path) -> list[SampleRow]:
    """The rows of a shard, read from the shard itself.

    Raises:
        TarDamage, SchemaError: names shard and key.
    """
    ranges = find_ranges(path)
    rows = []
    with path.open("rb") as file:
        for place in ranges:
            file.seek(place.offset)
            fields = fields_in(file.read(place.num_bytes), place.key, str(path))
            rows.append(describe(path.name, place, fields, str(path)))
    return rows


def encode_rows(rows: Iterable[SampleRow]) -> bytes:
    """The table as a Parquet file; equal rows make equal bytes."""
    import pyarrow
    from pyarrow import parquet

    columns = list(zip(*rows, strict=True)) or [()] * len(COLUMNS)
    table = pyarrow.Table.from_arrays(
        [pyarrow.array(c, t) for c, t in zip(columns, _types(), strict=True)], names=list(COLUMNS)
    )
    buffer = io.BytesIO()
    parquet.write_table(table, buffer, compression="zstd")
    return buffer.getvalue()


def decode_rows(data: bytes, where: str) -> list[SampleRow]:
    """The rows of a table. Raises UserError: it is damaged, or a key occurs twice."""
    columns = read_columns(data, COLUMNS, where)
    rows = [SampleRow(*row) for row in zip(*columns.values(), strict=True)]
    check_unique([(row.shard, row.key) for row in rows], where)
    return rows


def read_columns(data: bytes, names: Sequence[str], where: str) -> dict[str, list[Any]]:
    """Some columns of a table, as lists. Raises UserError."""
    import pyarrow
    from pyarrow import parquet

    try:
        table = parquet.read_table(pyarrow.BufferReader(data), columns=list(names))
        return {name: table.column(name).to_pylist() for name in names}
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        raise UserError(
            f"{where} is damaged ({' '.join(str(error).split())[:160]}): run `python -m labeling "
            "shards` again"
        ) from error


def check_unique(places: Iterable[tuple[str, str]], where: str) -> None:
    """Raises TarDamage naming shard and key of a sample that is there twice."""
    known: dict[str, str] = {}
    for shard, key in places:
        if key in known:
            raise TarDamage(
                f"{where}: sample {key!r} is there twice, in {known[key]} and in {shard}: run "
                "`python -m labeling shards` again"
            )
        known[key] = shard


def _types() -> list[Any]:
    import pyarrow

    numbers = {"offset": pyarrow.int64(), "num_bytes": pyarrow.int64()}
    numbers |= {"height_px": pyarrow.int32(), "width_px": pyarrow.int32()}
    return [numbers.get(name, pyarrow.string()) for name in COLUMNS]
