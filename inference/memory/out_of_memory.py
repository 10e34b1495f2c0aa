"""Turns out-of-memory exceptions into one error that says what to switch on."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import cv2
import torch

from ingest.conventions.errors import UserError

ALLOCATOR_OF_CPU = "DefaultCPUAllocator"
"""Part of torch's message when host memory runs out, which raises a RuntimeError."""


class OutOfMemory(UserError):
    """Host or device has no memory left; names the activity, the expected peak and the advice."""


@contextmanager
def explain_out_of_memory(activity: str, plan: Callable[[], str]) -> Iterator[None]:
    """Context that raises `OutOfMemory` for every form of running out of memory.

    Args:
        activity: what is being done, as it follows "while" in the message.
        plan: returns expected memory and advice; called after the tensors that filled the memory
            are freed.
    """
    try:
        yield
    except OutOfMemory:
        raise
    except (torch.OutOfMemoryError, MemoryError, RuntimeError, cv2.error) as error:
        if not is_out_of_memory(error):
            raise
        reason = " ".join(str(error).split())[:160]
        # The traceback's frames still hold every tensor of the failed work.
        traceback.clear_frames(error.__traceback__)
        if torch.cuda.is_available():
            torch.cuda.empty_cache()
        raise OutOfMemory(f"out of memory while {activity} ({reason}): {plan()}") from error


def is_out_of_memory(error: BaseException) -> bool:
    """Returns True if torch, NumPy, OpenCV or Python ran out of memory."""
    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return True
    if isinstance(error, cv2.error):
        return getattr(error, "code", 0) == cv2.Error.StsNoMem
    return isinstance(error, RuntimeError) and ALLOCATOR_OF_CPU in str(error)
