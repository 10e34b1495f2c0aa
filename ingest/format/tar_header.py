"""Parses headers of tar entries quickly.

`tarfile` takes longer to parse a header than a disk to read the picture behind it. Headers as this
project writes them are parsed here; all others are still left to `tarfile`.
"""

from __future__ import annotations

import tarfile
from typing import NamedTuple

BLOCK = tarfile.BLOCKSIZE
"""Size of a tar block in bytes."""
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)
"""Type flags of regular files."""


class Entry(NamedTuple):
    """A parsed header."""

    name: str
    size: int
    """Size of the content in bytes, without padding."""
    kind: bytes
    """Type flag; in `REGULAR` for a regular file."""

    @property
    def num_bytes(self) -> int:
        """Size of header, content and padding in bytes."""
        return BLOCK + self.size + -self.size % BLOCK


def read_header(header: bytes) -> Entry:
    """Parse a header of 512 bytes. Raises tarfile.HeaderError: it is none, or damaged."""
    kind, size = header[156:157], header[124:135]
    is_plain = len(header) == BLOCK and kind == tarfile.REGTYPE and not header[345]
    is_ours = is_plain and header[257:263] == b"ustar\0" and size.isdigit()
    # The checksum's last two bytes do not enter the sum; tarfile refuses other ones.
    is_ours = is_ours and header[154:156] == b"\0 " and header[135] == 0
    if is_ours and _sum(header) == _octal(header[148:154]):
        # bytes.isdigit accepts 8 and 9; `_octal` returns -1 for them.
        num_bytes = _octal(size)
        if num_bytes >= 0:
            name = header[: header.index(0) if not header[99] else 100]
            return Entry(name.decode("utf-8", "surrogateescape"), num_bytes, kind)
    found = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    return Entry(found.name, found.size, kind)


def _sum(header: bytes) -> int:
    """The checksum of a header: the sum of its bytes, with its own eight replaced by spaces."""
    return sum(header) - sum(header[148:156]) + 8 * 0x20


def _octal(digits: bytes) -> int:
    try:
        return int(digits, 8)
    except ValueError:
        return -1
