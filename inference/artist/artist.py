"""The `Artist` of the rollout that answers with the networks of a painter."""

from __future__ import annotations

import copy
from typing import Any

import numpy as np

from inference.artist.batched_artists import BatchedArtists
from inference.artist.detail import DetailConfig
from inference.artist.painting_state import PaintingState
from inference.artist.sampling import SamplingConfig
from inference.rollout.artist_requests import InstructRequest, LocateRequest, RenderRequest
from inference.rollout.steps import Artist, Instruction
from training.painter.painter import Painter


class PainterArtist(Artist):
    """Paints one target with a painter.

    A painter without text (-TG) gives the empty instruction, one without a mask generator (-MG) the
    whole canvas as region: the conditions that it was trained without. The forward
    passes are in `inference.artist.batched_artists`; a single artist is a batch of one painting.
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

    def has_words(self) -> bool:
        painter = self.state.painter
        return "instruction_model" in painter.parts or "TG" in painter.preset.without

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return BatchedArtists([self.state]).instruct([InstructRequest(canvas, target)])[0]

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        request = LocateRequest(canvas, target, difference, instruction, interval_s)
        return BatchedArtists([self.state]).locate([request])[0]

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        request = RenderRequest(canvas, target, mask, instruction, interval_s, index)
        return BatchedArtists([self.state]).render([request])[0]

    def snapshot(self) -> Any:
        return self.state.last_output

    def restore(self, state: Any) -> None:
        self.state.last_output = state

    def fork(self) -> PainterArtist:
        fork = copy.copy(self)
        fork.state = copy.copy(self.state)
        return fork
