"""Sets glibc's malloc to keep the memory of freed images instead of returning it to the kernel.

Returned memory causes page faults for the next batch, which take longer than copying the batch.
"""

from __future__ import annotations

import ctypes
import functools

M_TRIM_THRESHOLD = -1
"""Option number of malloc.h: free memory at the top of the heap, in bytes, above which glibc
returns it."""
M_MMAP_THRESHOLD = -3
"""Option number of malloc.h: size in bytes above which an allocation is mapped on its own."""
TRIM_THRESHOLD_BYTES = 512 << 20
"""Free memory that the process keeps at most."""
MMAP_THRESHOLD_BYTES = 32 << 20
"""Largest value that glibc accepts for M_MMAP_THRESHOLD; larger arrays are mapped and returned."""


@functools.cache
def keep_freed_memory() -> bool:
    """Set both options for the whole process. Returns False if the C library has no such
    options."""
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is None:
        return False
    is_set = set_option(M_TRIM_THRESHOLD, TRIM_THRESHOLD_BYTES)
    return bool(is_set and set_option(M_MMAP_THRESHOLD, MMAP_THRESHOLD_BYTES))
