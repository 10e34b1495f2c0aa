"""Finds the byte ranges of a tar's samples from its headers, and reads single samples by range.

A reader can request the bytes of one `Range` from a disk or a server.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Callable
from pathlib import Path

from ingest.conventions.errors import UserError
from ingest.format.tar import Range
from ingest.format.tar_header import BLOCK, REGULAR, Entry, read_header


class TarDamage(UserError):
    """A tar is damaged or does not match its index; the message names tar and sample."""


def find_ranges(path: Path) -> list[Range]:
    """The ranges of all samples in file order. Only headers are read.

    Raises:
        TarDamage: missing, cut short, no tar, or a key occurs twice; names the sample.
    """
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            return ranges_of(lambda offset, length: _at(file, offset, length), size, str(path))
    except FileNotFoundError:
        raise TarDamage(f"{path} is missing: build it again, or correct the path") from None


def ranges_of(read: Callable[[int, int], bytes], size: int, where: str) -> list[Range]:
    """`find_ranges` for a function `read(offset, length)` and the tar's size in bytes."""
    ranges: list[Range] = []
    key, start, position = "", 0, 0
    seen: set[str] = set()
    while True:
        header = read(position, BLOCK)
        if len(header) < BLOCK:
            raise TarDamage(f"{where} is cut short after sample {key or 'none'!r}: build it again")
        is_end = header == bytes(BLOCK)
        entry = None if is_end else _entry(header, where, key)
        entry_key = "" if entry is None else entry.name.partition(".")[0]
        if entry_key != key:
            if key:
                ranges.append(Range(key, start, position - start))
            if entry_key in seen:
                raise TarDamage(f"{where}: sample {entry_key!r} is there twice: build it again")
            seen.add(entry_key)
            key, start = entry_key, position
        if entry is None:
            return ranges
        position += entry.num_bytes
        if position > size:
            raise TarDamage(f"{where} is cut short in sample {key!r}: build it again")


def fields_in(data: bytes | memoryview, key: str, where: str) -> dict[str, bytes]:
    """The fields of a sample from the bytes of its range.

    Raises:
        TarDamage: the bytes are not the complete entries of this key.
    """
    fields: dict[str, bytes] = {}
    view, position = memoryview(data), 0
    while position < len(view):
        header = bytes(view[position : position + BLOCK])
        if len(header) < BLOCK or header == bytes(BLOCK):
            raise TarDamage(f"{where}: sample {key!r} is cut short: build the shard again")
        entry = _entry(header, where, key)
        found, _, field = entry.name.partition(".")
        if found != key:
            raise TarDamage(
                f"{where}: found sample {found!r} where the index says {key!r}: build its index "
                "again with `python -m labeling shards`"
            )
        content = bytes(view[position + BLOCK : position + BLOCK + entry.size])
        if len(content) != entry.size:
            raise TarDamage(f"{where}: sample {key!r} is cut short: build the shard again")
        fields[field] = content
        position += entry.num_bytes
    return fields


def _entry(header: bytes, where: str, key: str) -> Entry:
    try:
        entry = read_header(header)
    except tarfile.TarError as error:
        after = f"in or after sample {key!r}" if key else "at its start"
        raise TarDamage(f"{where} is damaged {after} ({error}): build it again") from error
    if entry.kind not in REGULAR:
        raise TarDamage(f"{where}: {entry.name!r} is no plain file: build the shard again")
    return entry


def _at(file: io.BufferedReader, offset: int, length: int) -> bytes:
    return os.pread(file.fileno(), length, offset)
