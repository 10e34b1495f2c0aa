"""Out of memory, told so that something can be done about it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import torch

from ingest.conventions.errors import UserError

ALLOCATOR_OF_CPU = "DefaultCPUAllocator"
"""What torch's message names when the host has no more; it is a plain RuntimeError."""


class OutOfMemory(UserError):
    """Host or device had no memory left; says what was done, what was expected, what to switch."""


@contextmanager
def explained(doing: str, plan: Callable[[], str]) -> Iterator[None]:
    """Raise `OutOfMemory` for whatever form running out of memory takes in the block.

    Args:
        doing: what is being done, to follow "while".
        plan: expectation and advice; asked for when they are needed, after the tensors that filled
            the memory are let go.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except (torch.OutOfMemoryError, MemoryError, RuntimeError, cv2.error) as error:
        if not is_out_of_memory(error):
            raise
        told = " ".join(str(error).split())[:160]
        # The frames below still hold every tensor of the failed work.
        traceback.clear_frames(error.__traceback__)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemory(f"out of memory while {doing} ({told}): {plan()}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Whether torch, numpy, OpenCV or Python itself had no memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, cv2.error):
        return getattr(error, "code", 0) == cv2.Error.StsNoMem
    return isinstance(error, RuntimeError) and ALLOCATOR_OF_CPU in str(error)
