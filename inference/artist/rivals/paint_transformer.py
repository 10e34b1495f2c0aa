"""Paint Transformer as an artist: strokes from coarse to fine, on black."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from inference.artist.rivals.rival import RivalArtist, RivalStart, RivalTask, files_state
from training.rivals.paint_transformer.levels import WholePicture
from training.rivals.paint_transformer.network import StrokeNetwork
from training.rivals.paint_transformer.settings import load_paint_transformer


def start_paint_transformer(task: RivalTask) -> RivalStart:
    """Paint Transformer from a black canvas, or from the task's. It draws nothing by chance."""
    network, brushes = _loaded(task.folder, str(task.device), files_state(task.folder))
    painting = WholePicture(network, brushes, _planes(task.picture, task.device))
    artist = PaintTransformerArtist(painting, task.device)
    canvas = np.zeros_like(task.picture) if task.canvas is None else task.canvas
    return RivalStart(artist, canvas, painting.num_steps, task.record.interval_s)


@lru_cache(maxsize=1)
def _loaded(folder: Path, device: str, written: tuple[int, ...]) -> tuple[StrokeNetwork, Tensor]:
    """Network and brushes of a folder, kept for the next picture while its files are as
    `written`."""
    network, brushes = load_paint_transformer(folder)
    return network.to(device), brushes.pictures.to(device)


class PaintTransformerArtist(RivalArtist):
    """Every stroke of a group of patches is a step; strokes go beyond the picture's border, on
    black that is not shown."""

    def __init__(self, painting: WholePicture, device: torch.device) -> None:
        self._painting, self._device = painting, device
        self._square: Tensor | None = None
        self._painted: np.ndarray | None = None

    def next_canvas(self, canvas: np.ndarray, target: np.ndarray, index: int) -> np.ndarray:
        after = self._painting.step(self._current(canvas), index)
        shown = self._painting.inner(after).permute(1, 2, 0).cpu().numpy()
        self._square = after
        # Cut and not rounded, as the authors' frames are; the square keeps what is cut off.
        self._painted = painted = (shown * 255).astype(np.uint8)
        return painted

    def _current(self, canvas: np.ndarray) -> Tensor:
        """The square canvas of a canvas, RGB uint8 (H, W, 3). Pixels that are not as they were
        painted, such as locked ones, are the canvas's."""
        if self._square is None or self._painted is None:
            return self._painting.squared(_planes(canvas, self._device))
        changed = (canvas != self._painted).any(axis=2)
        if not changed.any():
            return self._square
        square = self._square.clone()
        mask = torch.from_numpy(changed).to(self._device)
        inner = self._painting.inner(square)
        inner[:, mask] = _planes(canvas, self._device)[:, mask]
        return square

    def snapshot(self) -> Any:
        return self._painting.fork(), self._square, self._painted

    def restore(self, state: Any) -> None:
        painting, self._square, self._painted = state
        self._painting = painting.fork()

    def fork(self) -> PaintTransformerArtist:
        other = copy.copy(self)
        other._painting = self._painting.fork()
        return other


def _planes(picture: np.ndarray, device: torch.device) -> Tensor:
    """A picture, RGB uint8 (H, W, 3), as float (3, H, W) in [0, 1]."""
    return torch.from_numpy(picture.astype(np.float32) / 255).permute(2, 0, 1).to(device)
