"""Writes and reads tars in WebDataset's layout; equal samples give equal bytes.

A sample is a key and one entry a field: ``KEY.FIELD``, where KEY has no dot and FIELD may have one
(``current.jpg``). Times, owners and modes of the entries are fixed.
"""

from __future__ import annotations

import io
import os
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import BinaryIO, NamedTuple

from ingest.conventions.atomic import atomic_file
from ingest.conventions.errors import UserError
from ingest.format.tar_header import BLOCK, REGULAR, read_header

Fields = Mapping[str, bytes]


class Range(NamedTuple):
    """Byte range of one sample in a tar: headers, contents and padding of all its entries."""

    key: str
    offset: int
    num_bytes: int


def write_tar(path: Path, samples: Iterable[tuple[str, Fields]]) -> int:
    """Write samples in the order given, atomically; returns the number of samples."""
    with atomic_file(path) as file:
        return write_tar_to(file, samples)


def write_tar_to(file: BinaryIO, samples: Iterable[tuple[str, Fields]]) -> int:
    """`write_tar` into an open binary file."""
    return len(write_ranges(file, samples))


def write_ranges(file: BinaryIO, samples: Iterable[tuple[str, Fields]]) -> list[Range]:
    """`write_tar_to`; returns the byte range of each sample."""
    ranges: dict[str, Range] = {}
    position = 0
    for key, fields in samples:
        if key in ranges or "." in key or not key:
            raise ValueError(f"{key!r} is no unique key without dots")
        # tarfile's own way of adding entries takes longer than the writing itself.
        blocks: list[bytes] = []
        for field, data in fields.items():
            entry = tarfile.TarInfo(f"{key}.{field}")
            entry.size, entry.mtime, entry.mode = len(data), 0, 0o644
            header = entry.tobuf(tarfile.USTAR_FORMAT, "utf-8", "surrogateescape")
            blocks += [header, data, bytes(-len(data) % tarfile.BLOCKSIZE)]
        num_bytes = sum(map(len, blocks))
        file.writelines(blocks)
        ranges[key] = Range(key, position, num_bytes)
        position += num_bytes
    end = 2 * tarfile.BLOCKSIZE
    file.write(bytes(end + -(position + end) % tarfile.RECORDSIZE))
    return list(ranges.values())


def read_tar(path: Path) -> Iterator[tuple[str, dict[str, bytes]]]:
    """Samples of a tar in file order; neighbouring entries of one key form a sample.

    Raises:
        UserError: when the tar is missing, cut short or not a tar; names the file and last key.
    """
    key, fields = "", {}
    try:
        with path.open("rb") as file:
            for name, content in _entries(file):
                entry_key, _, field = name.partition(".")
                if entry_key != key and fields:
                    yield key, fields
                    fields = {}
                key = entry_key
                fields[field] = content
        # tarfile accepts a file that ends inside a header.
        if not has_end(path):
            raise tarfile.ReadError("unexpected end of data")
    except FileNotFoundError:
        raise UserError(f"{path} not found: build it first, or correct the path") from None
    except tarfile.TarError as error:
        after = f" after sample {key!r}" if key else ""
        raise UserError(
            f"{path} is damaged{after} ({error}): delete it and run the command that makes it"
        ) from error
    if fields:
        yield key, fields


def _entries(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    """Yields names and contents of regular files. Raises tarfile.TarError."""
    descriptor, position = file.fileno(), 0
    while header := os.pread(descriptor, BLOCK, position):
        if header == bytes(BLOCK):
            return
        entry = read_header(header)
        if entry.kind not in REGULAR:
            # Folders, long names and other entries of other programs are left to tarfile.
            file.seek(position)
            yield from _entries_by_tarfile(file)
            return
        content = os.pread(descriptor, entry.size, position + BLOCK)
        if len(content) != entry.size:
            raise tarfile.ReadError("unexpected end of data")
        yield entry.name, content
        position += entry.num_bytes
    if not position:
        raise tarfile.ReadError("empty file")


def _entries_by_tarfile(file: BinaryIO) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(fileobj=file, mode="r:") as tar:
        for entry in tar:
            if not entry.isfile():
                continue
            reader = tar.extractfile(entry)
            assert reader is not None
            content = reader.read()
            if len(content) != entry.size:
                raise tarfile.ReadError("unexpected end of data")
            yield entry.name, content


def has_end(path: Path) -> bool:
    """Whether a tar ends with two empty blocks: one that was cut short does not."""
    with path.open("rb") as file:
        file.seek(0, io.SEEK_END)
        file.seek(max(0, file.tell() - 2 * tarfile.BLOCKSIZE))
        return file.read() == bytes(2 * tarfile.BLOCKSIZE)
