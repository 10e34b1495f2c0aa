"""A trained painter at work: the `Artist` of the rollout whose answers come from the networks."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from inference.artist.crew import Crew
from inference.artist.detail import DetailConfig
from inference.artist.painting_state import PaintingState
from inference.artist.sampling import SamplingConfig
from inference.rollout.asks import Instruct, Locate, Render
from inference.rollout.steps import Artist, Instruction
from training.painter.painter import Painter


class PainterArtist(Artist):
    """Paints one target with a painter.

    A painter without text (-TG) gives the empty instruction, one without a mask generator (-MG) the
    whole canvas as region: the conditions that it was trained without. The networks' passes stand
    in `inference.artist.crew`, which takes any number of paintings; alone an artist is a crew of
    one.
    """

    def __init__(
        self,
        painter: Painter,
        target: np.ndarray,
        sampling: SamplingConfig,
        detail: DetailConfig,
        seed: int,
    ) -> None:
        self.state = PaintingState(painter, target, sampling, detail, seed)

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return Crew([self.state]).instruct([Instruct(canvas, target)])[0]

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        ask = Locate(canvas, target, difference, instruction, interval_s)
        return Crew([self.state]).locate([ask])[0]

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        ask = Render(canvas, target, mask, instruction, interval_s, index)
        return Crew([self.state]).render([ask])[0]

    def snapshot(self) -> Any:
        return self.state.returned

    def restore(self, state: Any) -> None:
        self.state.returned = state

    def twin(self) -> PainterArtist:
        twin = copy.copy(self)
        twin.state = copy.copy(self.state)
        return twin
