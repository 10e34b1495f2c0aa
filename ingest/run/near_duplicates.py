"""Pairs of videos whose finished paintings look the same, among millions.

Up to a few ten thousand videos all pairs are compared. Beyond, only pairs that agree in a random
choice of their hash's bits, in any of several choices (locality-sensitive hashing): the bits are
chosen so that a bucket holds a few videos. Memory is 16 bytes a video and table.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from ingest.ledger.fingerprint import MAX_DISTANCE

MAX_EXACT = 20_000
"""Videos up to which all pairs are compared: 2e8 comparisons, a few seconds."""
NUM_TABLES, BUCKET_SIZE, MAX_BUCKET = 24, 64, 1000
MOST_AT_ONCE = 1 << 20
"""Comparisons in one step: bounds the memory of it to some 20 MB."""


def close_pairs(hashes: np.ndarray) -> Iterator[tuple[int, int]]:
    """Index pairs (i < j) whose hashes differ in at most `MAX_DISTANCE` bits; some come twice.

    Args:
        hashes: uint64 (N,).
    """
    if len(hashes) <= MAX_EXACT:
        yield from _all_pairs(hashes)
        return
    # Chosen by a fixed seed: the same videos give the same pairs in any run.
    rng = np.random.default_rng(0)
    num_bits = max(1, int(np.log2(len(hashes) / BUCKET_SIZE)))
    for _ in range(NUM_TABLES):
        chosen = np.bitwise_or.reduce(
            np.uint64(1) << rng.choice(64, num_bits, replace=False).astype(np.uint64)
        )
        yield from _pairs_in_buckets(hashes, chosen)


def _all_pairs(hashes: np.ndarray) -> Iterator[tuple[int, int]]:
    size = max(1, MOST_AT_ONCE // max(1, len(hashes)))
    for start in range(0, len(hashes), size):
        block = hashes[start : start + size, None]
        first, second = np.nonzero(_distance(block, hashes[None, start:]) <= MAX_DISTANCE)
        for i, j in zip(first.tolist(), second.tolist(), strict=True):
            if i < j:
                yield start + i, start + j


def _pairs_in_buckets(hashes: np.ndarray, chosen: np.uint64) -> Iterator[tuple[int, int]]:
    keys = hashes & chosen
    # Inside a bucket by the whole hash, so that in a bucket that is too full like is near like.
    order = np.lexsort((hashes, keys))
    starts = np.flatnonzero(np.r_[True, keys[order][1:] != keys[order][:-1]]).tolist()
    for start, end in zip(starts, [*starts[1:], len(order)], strict=True):
        for low in range(start, end, MAX_BUCKET):
            members = order[low : min(low + MAX_BUCKET, end)]
            if len(members) > 1:
                yield from _pairs_among(hashes, members)


def _pairs_among(hashes: np.ndarray, members: np.ndarray) -> Iterator[tuple[int, int]]:
    some = hashes[members]
    first, second = np.nonzero(np.triu(_distance(some[:, None], some[None]) <= MAX_DISTANCE, 1))
    for a, b in zip(members[first].tolist(), members[second].tolist(), strict=True):
        yield min(a, b), max(a, b)


_BITS = np.array([number.bit_count() for number in range(1 << 16)], np.uint8)
"""Bits set in each number of 16 bits."""


def _distance(first: np.ndarray, second: np.ndarray) -> np.ndarray:
    """Bits in which two broadcastable uint64 arrays differ, uint8."""
    different = first ^ second
    total = _BITS[different & np.uint64(0xFFFF)]
    for shift in (16, 32, 48):
        total = total + _BITS[(different >> np.uint64(shift)) & np.uint64(0xFFFF)]
    return total
