"""Requests of a rollout to its artist as values, so that several paintings can share a batch."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from inference.rollout.steps import Artist, Instruction

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class InstructRequest:
    """Request for the next instruction; arguments of `Artist.instruct`."""

    canvas: np.ndarray
    target: np.ndarray

    @property
    def activity(self) -> str:
        """What the artist does, as it follows "while" in an error message."""
        return "asking for the next instruction"

    def answer(self, artist: Artist) -> Instruction:
        return artist.instruct(self.canvas, self.target)


@dataclass(frozen=True, eq=False)
class LocateRequest:
    """Request for the probability map of the next region; arguments of `Artist.locate`."""

    canvas: np.ndarray
    target: np.ndarray
    difference: np.ndarray
    instruction: str
    interval_s: float

    @property
    def activity(self) -> str:
        return "choosing where to paint"

    def answer(self, artist: Artist) -> np.ndarray:
        return artist.locate(
            self.canvas, self.target, self.difference, self.instruction, self.interval_s
        )


@dataclass(frozen=True, eq=False)
class RenderRequest:
    """Request for the next canvas; arguments of `Artist.render`."""

    canvas: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    instruction: str
    interval_s: float
    index: int

    @property
    def activity(self) -> str:
        return f"rendering canvas {self.index + 1}"

    def answer(self, artist: Artist) -> np.ndarray:
        return artist.render(
            self.canvas, self.target, self.mask, self.instruction, self.interval_s, self.index
        )


Request = InstructRequest | LocateRequest | RenderRequest
"""Any request to an artist."""
REQUEST_ORDER = (InstructRequest, LocateRequest, RenderRequest)
"""The kinds of requests in the order of one step."""

ErrorContext = Callable[[str], AbstractContextManager[None]]
"""Makes a context manager around an answer from its activity; it may re-raise errors with more
detail."""


def no_error_context(activity: str) -> AbstractContextManager[None]:
    """An `ErrorContext` that does not change errors."""
    return nullcontext()


def run_with_artist(
    requests: Generator[Request, Any, T],
    artist: Artist,
    error_context: ErrorContext = no_error_context,
) -> T:
    """Answer all requests by one artist; returns the return value of the generator."""
    try:
        request = next(requests)
        while True:
            with error_context(request.activity):
                answer = request.answer(artist)
            request = requests.send(answer)
    except StopIteration as end:
        return end.value
