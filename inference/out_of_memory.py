"""Out of memory, told so that something can be done about it."""

from __future__ import annotations

import traceback
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import cv2
import numpy as np
import torch

from inference.asks import Ask, Instruct, Locate, Render
from inference.steps import Artist, Instruction
from ingest.errors import UserError

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


class ExplainingArtist(Artist):
    """Another artist, whose running out of memory is told by name of what it did."""

    def __init__(
        self, artist: Artist, explained: Callable[[str], AbstractContextManager[None]]
    ) -> None:
        """
        Args:
            explained: `explained` with its plan, by what is being done.
        """
        self.artist, self.explained = artist, explained

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return self._answered(Instruct(canvas, target))

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        return self._answered(Locate(canvas, target, difference, instruction, interval_s))

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        return self._answered(Render(canvas, target, mask, instruction, interval_s, index))

    def carry_over(self, painted: np.ndarray) -> np.ndarray:
        return self.artist.carry_over(painted)

    def snapshot(self) -> Any:
        return self.artist.snapshot()

    def restore(self, state: Any) -> None:
        self.artist.restore(state)

    def twin(self) -> Artist:
        return ExplainingArtist(self.artist.twin(), self.explained)

    def _answered(self, ask: Ask) -> Any:
        with self.explained(ask.doing):
            return ask.answer(self.artist)
