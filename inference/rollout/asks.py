"""What a painting under way asks its artist, as values: so that several can be answered at once."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np

from inference.rollout.steps import Artist, Instruction

T = TypeVar("T")


@dataclass(frozen=True, eq=False)
class Instruct:
    """What comes next? Arguments as in `Artist.instruct`."""

    canvas: np.ndarray
    target: np.ndarray

    @property
    def doing(self) -> str:
        """What the artist does, to follow "while"."""
        return "asking for the next instruction"

    def answer(self, artist: Artist) -> Instruction:
        return artist.instruct(self.canvas, self.target)


@dataclass(frozen=True, eq=False)
class Locate:
    """Where? Arguments as in `Artist.locate`."""

    canvas: np.ndarray
    target: np.ndarray
    difference: np.ndarray
    instruction: str
    interval_s: float

    @property
    def doing(self) -> str:
        return "choosing where to paint"

    def answer(self, artist: Artist) -> np.ndarray:
        return artist.locate(
            self.canvas, self.target, self.difference, self.instruction, self.interval_s
        )


@dataclass(frozen=True, eq=False)
class Render:
    """How does it look? Arguments as in `Artist.render`."""

    canvas: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    instruction: str
    interval_s: float
    index: int

    @property
    def doing(self) -> str:
        return f"rendering canvas {self.index + 1}"

    def answer(self, artist: Artist) -> np.ndarray:
        return artist.render(
            self.canvas, self.target, self.mask, self.instruction, self.interval_s, self.index
        )


Ask = Instruct | Locate | Render
KINDS = (Instruct, Locate, Render)
"""In the order in which a step asks them."""


Explained = Callable[[str], AbstractContextManager[None]]
"""What surrounds an answer, by what is being done for it: it may tell errors in better words."""


def unexplained(doing: str) -> AbstractContextManager[None]:
    """Errors as they are."""
    return nullcontext()


def answered(work: Generator[Ask, Any, T], artist: Artist, explained: Explained = unexplained) -> T:
    """Do work to its end with one artist's answers."""
    try:
        ask = next(work)
        while True:
            with explained(ask.doing):
                answer = ask.answer(artist)
            ask = work.send(answer)
    except StopIteration as end:
        return end.value
