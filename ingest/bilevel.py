"""1-bit PNGs read leanly: masks as this project writes them need zlib and NumPy alone.

A general decoder takes twice as long for a mask; it still reads whatever is not plain.
"""

from __future__ import annotations

import struct
import zlib

import numpy as np

SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PLAIN = bytes([1, 0, 0, 0, 0])
"""Bit depth, colour type (grey), and compression, filter and interlace method of such a file."""


def read_bilevel(data: bytes) -> np.ndarray | None:
    """bool (H, W) of a grey 1-bit PNG without interlacing whose rows look at themselves alone.

    None: it is another file, or a damaged one; a general decoder has to say.
    """
    chunks = _chunks(data)
    if chunks is None:
        return None
    width, height, compressed = chunks
    row_bytes = (width + 7) // 8
    num_bytes = height * (1 + row_bytes)
    reader = zlib.decompressobj()
    try:
        # One byte more than is due shows that there is more; a bomb gets no further.
        raw = reader.decompress(compressed, num_bytes + 1)
    except zlib.error:
        return None
    if len(raw) != num_bytes or not reader.eof:
        return None
    rows = np.frombuffer(raw, np.uint8).reshape(height, 1 + row_bytes)
    filters, packed = rows[:, 0], rows[:, 1:]
    if filters.max() > 1:
        return None
    if filters.all():
        # Filter 1: every byte is told as what it differs from the one before.
        packed = np.add.accumulate(packed, axis=1, dtype=np.uint8)
    elif filters.any():
        packed = packed.copy()
        subtracted = filters == 1
        packed[subtracted] = np.add.accumulate(packed[subtracted], axis=1, dtype=np.uint8)
    return np.unpackbits(packed, axis=1, count=width).view(np.bool_)


def _chunks(data: bytes) -> tuple[int, int, bytes] | None:
    """Width, height and compressed rows; None where anything else could matter."""
    if data[:8] != SIGNATURE or data[12:16] != b"IHDR" or data[24:29] != _PLAIN:
        return None
    width, height = struct.unpack(">II", data[16:24])
    parts: list[bytes] = []
    at = 8
    while at + 12 <= len(data):
        length, kind = int.from_bytes(data[at : at + 4], "big"), data[at + 4 : at + 8]
        end = at + 12 + length
        if end > len(data):
            return None
        if zlib.crc32(data[at + 4 : end - 4]) != int.from_bytes(data[end - 4 : end], "big"):
            return None
        if kind == b"IEND":
            return (width, height, b"".join(parts)) if width and height else None
        if kind == b"IDAT":
            parts.append(data[at + 8 : end - 4])
        elif kind != b"IHDR":
            return None
        at = end
    return None
