"""Headers of tar entries, read leanly: what this project writes is told from a few slices.

`tarfile` takes longer for a header than a disk for the picture behind it; it still reads whatever
is not a plain entry with a short name.
"""

from __future__ import annotations

import tarfile
from typing import NamedTuple

BLOCK = tarfile.BLOCKSIZE
REGULAR = (tarfile.REGTYPE, tarfile.AREGTYPE)


class Entry(NamedTuple):
    """What a header says."""

    name: str
    size: int
    """Of its content, in bytes without padding."""
    kind: bytes
    """Its type flag; in `REGULAR` for a plain file."""

    @property
    def num_bytes(self) -> int:
        """Of header, content and padding."""
        return BLOCK + self.size + -self.size % BLOCK


def read_header(header: bytes) -> Entry:
    """The entry of a block of 512 bytes. Raises tarfile.HeaderError: it is none, or damaged."""
    kind, size = header[156:157], header[124:135]
    is_plain = len(header) == BLOCK and kind == tarfile.REGTYPE and not header[345]
    is_ours = is_plain and header[257:263] == b"ustar\0" and size.isdigit()
    if is_ours and _sum(header) == _octal(header[148:154]):
        # bytes.isdigit lets 8 and 9 pass: `_octal` gives -1 for them.
        num_bytes = _octal(size)
        if num_bytes >= 0:
            name = header[: header.index(0) if not header[99] else 100]
            return Entry(name.decode("utf-8", "surrogateescape"), num_bytes, kind)
    found = tarfile.TarInfo.frombuf(header, "utf-8", "surrogateescape")
    return Entry(found.name, found.size, kind)


def _sum(header: bytes) -> int:
    """The checksum of a header: of all its bytes, its own eight taken for spaces."""
    return sum(header) - sum(header[148:156]) + 8 * 0x20


def _octal(digits: bytes) -> int:
    try:
        return int(digits, 8)
    except ValueError:
        return -1
