"""Finds pairs of close perceptual hashes among millions of videos.

Up to `MAX_EXACT` videos all pairs are compared. Beyond that, locality-sensitive hashing compares
only pairs that agree in a random choice of bits, in any of several tables. So many bits are chosen
that a bucket holds a few videos. Memory is 16 bytes per video and table.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingest.ledger.fingerprint import MAX_DISTANCE

MAX_EXACT = 20_000
"""Videos up to which all pairs are compared: 2e8 comparisons, a few seconds."""
NUM_TABLES = 24
"""Tables of the locality-sensitive hashing, each with its own random bits."""
BUCKET_SIZE = 64
"""About how many videos a bucket holds."""
MAX_BUCKET = 1000
"""Most videos of a bucket that are compared with each other; a larger one is split."""
MAX_COMPARISONS = 1 << 20
"""Most comparisons in one step; bounds its memory to about 20 MB."""


def close_pairs(hashes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields index pairs (i < j) whose hashes differ in at most `MAX_DISTANCE` bits, some twice.

    Args:
        hashes: uint64 (N,).
    """
    if len(hashes) <= MAX_EXACT:
        yield from _all_pairs(hashes)
        return
    # With a fixed seed the same videos give the same pairs in every run.
    rng = np.random.default_rng(0)
    num_bits = max(1, int(np.log2(len(hashes) / BUCKET_SIZE)))
    for _ in range(NUM_TABLES):
        chosen = np.bitwise_or.reduce(
            np.uint64(1) << rng.choice(64, num_bits, replace=False).astype(np.uint64)
        )
        yield from _pairs_in_buckets(hashes, chosen)


def _all_pairs(hashes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields all close pairs, block by block."""
    size = max(1, MAX_COMPARISONS // max(1, len(hashes)))
    for start in range(0, len(hashes), size):
        block = hashes[start : start + size, None]
        first, second = np.nonzero(_distance(block, hashes[None, start:]) <= MAX_DISTANCE)
        for i, j in zip(first.tolist(), second.tolist(), strict=True):
            if i < j:
                yield start + i, start + j


def _pairs_in_buckets(hashes: np.ndarray, chosen: np.uint64) -> Iterator[tuple[int, int]]:
    """Yields the close pairs of one table, whose buckets agree in the chosen bits."""
    keys = hashes & chosen
    # Buckets are sorted by the whole hash: if one is split, similar hashes stay together.
    order = np.lexsort((hashes, keys))
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]).tolist()
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        for low in range(start, end, MAX_BUCKET):
            members = order[low : min(low + MAX_BUCKET, end)]
            if len(members) > 1:
                yield from _pairs_among(hashes, members)


def _pairs_among(hashes: np.ndarray, members: np.ndarray) -> Iterator[tuple[int, int]]:
    """Yields the close pairs among some members, given as indices."""
    some = hashes[members]
    first, second = np.nonzero(np.triu(_distance(some[:, None], some[None]) <= MAX_DISTANCE, 1))
    for a, b in zip(members[first].tolist(), members[second].tolist(), strict=True):
        yield min(a, b), max(a, b)


_BITS = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)
"""uint8 (65536,): number of set bits of every 16-bit number."""


def _distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Hamming distance of two broadcastable uint64 arrays: uint8."""
    different = first ^ second
    total = _BITS[different & np.uint64(0xFFFF)]
    for shift in (16, 32, 48):
        total = total + _BITS[(different >> np.uint64(shift)) & np.uint64(0xFFFF)]
    return total
