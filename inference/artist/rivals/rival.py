"""What every rival gets to paint a picture, and what it gives."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from inference.artist.planned.plan import UNNAMED
from inference.rollout.steps import Artist, Instruction
from ingest.conventions.errors import UserError
from training.rivals.folder import RivalRecord


@dataclass(frozen=True, eq=False)
class RivalTask:
    """A picture to paint with a rival folder."""

    folder: Path
    record: RivalRecord
    picture: np.ndarray
    """RGB uint8 (H, W, 3)."""
    seed: int
    canvas: np.ndarray | None
    """Canvas to go on from, RGB uint8 (H, W, 3); None for the rival's own first one."""
    device: torch.device


def files_state(folder: Path) -> tuple[int, ...]:
    """When the files of a rival folder were written, in ns: other values, other weights."""
    return tuple(path.stat().st_mtime_ns for path in sorted(folder.glob("*.*")))


@dataclass(frozen=True, eq=False)
class RivalStart:
    """A rival before its first step."""

    artist: Artist
    canvas: np.ndarray
    """The first canvas, RGB uint8 (H, W, 3)."""
    num_steps: int
    """Frames after it."""
    interval_s: float
    """Painting seconds of a frame, as the paper gives them."""


class RivalArtist(Artist, ABC):
    """An artist without words and regions: its steps may change the whole canvas."""

    @abstractmethod
    def next_canvas(self, canvas: np.ndarray, target: np.ndarray, index: int) -> np.ndarray:
        """The canvas after step `index` (from 0), RGB uint8 (H, W, 3)."""

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return Instruction(UNNAMED, None)

    def places_word(self, word: str) -> bool:
        if word != UNNAMED:
            raise UserError(f"rivals of the paper know no words, got {word!r}: take learned")
        return True

    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        return np.ones(target.shape[:2], np.float32)

    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        return np.where(mask[..., None], self.next_canvas(canvas, target, index), canvas)
