"""Keeps the memory of freed pictures in the process instead of giving it back to the kernel.

What glibc gives back is faulted in again, page by page, for the very next batch, which takes longer
than copying it.
"""

from __future__ import annotations

import ctypes
import functools

# Names and numbers of malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
KEPT_BYTES = 512 << 20
LARGEST_KEPT_BYTES = 32 << 20
"""The most that glibc takes for M_MMAP_THRESHOLD; larger arrays are mapped and given back."""


@functools.cache
def keep_freed_memory() -> bool:
    """For the whole process, up to 512 MB; False where the C library has no such setting."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    is_set = set_option(M_TRIM_THRESHOLD, KEPT_BYTES)
    return bool(is_set and set_option(M_MMAP_THRESHOLD, LARGEST_KEPT_BYTES))
