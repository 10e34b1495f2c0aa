"""Reads and writes ``shards/samples.parquet``: a row for every sample, in the order of the shards.

A row has the byte range of the sample in its tar, so that readers can fetch single samples, and the
hashes of its parts, so that two builds can be compared without opening a tar.
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
"""Name of the table in the folder of shards."""


class SampleRow(NamedTuple):
    """One sample of the shards."""

    shard: str
    """File name of its tar."""
    key: str
    offset: int
    """Position of its first header in the tar, in bytes."""
    num_bytes: int
    """Size of its entries with headers and padding."""
    height_px: int
    width_px: int
    instruction: str
    labeler: str
    content_hash: str
    """`labeling.pairs.Pair.content_hash` of its three images."""
    region_sha256: str
    """Hash of its two encoded masks, concatenated."""
    record_sha256: str
    """Hash of its JSON."""


COLUMNS = SampleRow._fields
"""Columns of the table, in order."""


def _row_of_fields(shard: str, place: Range, fields: Mapping[str, bytes], where: str) -> SampleRow:
    """The row of a sample.

    Args:
        shard: file name of its tar.
        place: its key and byte range.
        fields: its fields by extension.
        where: path of the tar, for errors.

    Raises:
        SchemaError: a field is missing or damaged.
    """
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
    """`labeling.pairs.Pair.content_hash` from the hashes of current, next and target image."""
    return hashlib.sha256("|".join(hashes).encode()).hexdigest()


def mask_size(png: bytes) -> tuple[int, int]:
    """(height, width) in pixels from the header of a PNG. Raises ValueError: it is not a PNG."""
    if len(png) < 24 or png[12:16] != b"IHDR":
        raise ValueError("the mask is no PNG")
    width, height = struct.unpack(">II", png[16:24])
    return height, width


def rows_of_tar(path: Path) -> list[SampleRow]:
    """Read the rows of a shard from its tar.

    Raises:
        TarDamage, SchemaError: the tar is damaged; names shard and key.
    """
    ranges = find_ranges(path)
    rows = []
    with path.open("rb") as file:
        for place in ranges:
            file.seek(place.offset)
            fields = fields_in(file.read(place.num_bytes), place.key, str(path))
            rows.append(_row_of_fields(path.name, place, fields, str(path)))
    return rows


def encode_rows(rows: Iterable[SampleRow]) -> bytes:
    """Encode the table as Parquet; equal rows give equal bytes."""
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
    """Decode a table. Raises UserError: it is damaged, or a key occurs twice."""
    columns = read_columns(data, COLUMNS, where)
    rows = [SampleRow(*row) for row in zip(*columns.values(), strict=True)]
    check_unique([(row.shard, row.key) for row in rows], where)
    return rows


def read_columns(data: bytes, names: Sequence[str], where: str) -> dict[str, list[Any]]:
    """Decode some columns of a table, as lists by name. Raises UserError: it is damaged."""
    import pyarrow
    from pyarrow import parquet

    try:
        # Arrow's threads may end a short process with "terminate called" when it exits.
        table = parquet.read_table(
            pyarrow.BufferReader(data), columns=list(names), use_threads=False, pre_buffer=False
        )
        return {name: table.column(name).to_pylist() for name in names}
    except (pyarrow.ArrowException, OSError, KeyError) as error:
        raise UserError(
            f"{where} is damaged ({' '.join(str(error).split())[:160]}): run `python -m labeling "
            "shards` again"
        ) from error


def check_unique(places: Iterable[tuple[str, str]], where: str) -> None:
    """Raises TarDamage if a key occurs twice.

    Args:
        places: shard and key of every sample.
        where: file or folder, for the error.
    """
    known: dict[str, str] = {}
    for shard, key in places:
        if key in known:
            raise TarDamage(
                f"{where}: sample {key!r} is there twice, in {known[key]} and in {shard}: run "
                "`python -m labeling shards` again"
            )
        known[key] = shard


def _types() -> list[Any]:
    """The pyarrow type of each of `COLUMNS`."""
    import pyarrow

    numbers = {"offset": pyarrow.int64(), "num_bytes": pyarrow.int64()}
    numbers |= {"height_px": pyarrow.int32(), "width_px": pyarrow.int32()}
    return [numbers.get(name, pyarrow.string()) for name in COLUMNS]
