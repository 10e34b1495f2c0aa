"""Timecraft as an artist: the picture is painted small, in crops of 50 x 50 px, and scaled up."""

from __future__ import annotations

import copy
from functools import lru_cache
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from inference.artist.rivals.rival import RivalArtist, RivalStart, RivalTask, files_state
from training.rivals.timecraft.crops import crop_starts, in_range, seen_picture, seen_size
from training.rivals.timecraft.network import NUM_LATENTS, SIDE_PX, NextFrameNetwork
from training.rivals.timecraft.settings import TimecraftSettings, load_timecraft

CROPS_AT_ONCE = 32
"""Crops that go through the network together."""


def start_timecraft(task: RivalTask) -> RivalStart:
    """Timecraft from a white canvas, or from the task's."""
    network, settings = _loaded(task.folder, str(task.device), files_state(task.folder))
    artist = TimecraftArtist(network, settings, task.picture, task.seed, task.device)
    canvas = np.full_like(task.picture, 255) if task.canvas is None else task.canvas
    return RivalStart(artist, canvas, task.record.num_steps, task.record.interval_s)


@lru_cache(maxsize=1)
def _loaded(
    folder: Path, device: str, written: tuple[int, ...]
) -> tuple[NextFrameNetwork, TimecraftSettings]:
    """The network of a folder, kept for the next picture while its files are as `written`."""
    network, settings = load_timecraft(folder)
    return network.to(device), settings


class TimecraftArtist(RivalArtist):
    """Paints all crops of a picture at once, each from its own canvas.

    The latent of a step is the same in all crops, so that they do alike things; it is drawn from
    the seed and the step's number.
    """

    def __init__(
        self,
        network: NextFrameNetwork,
        settings: TimecraftSettings,
        picture: np.ndarray,
        seed: int,
        device: torch.device,
    ) -> None:
        self._network, self._seed, self._device = network, seed, device
        self._layout = CropLayout(picture.shape[0], picture.shape[1], settings.layout)
        self._is_bgr = settings.channels == "bgr"
        self._finished = self._crops(picture)
        self._canvases: Tensor | None = None
        self._painted: np.ndarray | None = None

    def next_canvas(self, canvas: np.ndarray, target: np.ndarray, index: int) -> np.ndarray:
        before, painted = self._canvases, self._painted
        # Another canvas than the one that was painted: the first, or one with locked pixels.
        if before is None or painted is None or not np.array_equal(canvas, painted):
            before = self._crops(canvas)
        rng = np.random.default_rng([self._seed, index])
        latent = torch.from_numpy(rng.standard_normal(NUM_LATENTS, np.float32)).to(self._device)
        with torch.inference_mode():
            parts = [
                self._network(finished, crops, latent.expand(len(crops), -1)).clamp(-1, 1)
                for finished, crops in zip(
                    self._finished.split(CROPS_AT_ONCE), before.split(CROPS_AT_ONCE), strict=True
                )
            ]
        self._canvases = torch.cat(parts)
        shown = self._layout.stitched(self._canvases.permute(0, 2, 3, 1).cpu().numpy())
        self._painted = np.ascontiguousarray(shown[..., ::-1]) if self._is_bgr else shown
        return self._painted

    def snapshot(self) -> Any:
        return self._canvases, self._painted

    def restore(self, state: Any) -> None:
        self._canvases, self._painted = state

    def fork(self) -> TimecraftArtist:
        return copy.copy(self)

    def _crops(self, picture: np.ndarray) -> Tensor:
        """All crops of a picture, RGB uint8 (H, W, 3), as float (crops, 3, 50, 50) in [-1, 1]."""
        ordered = np.ascontiguousarray(picture[..., ::-1]) if self._is_bgr else picture
        return torch.from_numpy(self._layout.crops(ordered)).permute(0, 3, 1, 2).to(self._device)


class CropLayout:
    """How a picture is cut into crops, and put together again."""

    def __init__(self, height: int, width: int, layout: str) -> None:
        self._size = (width, height)
        self._is_whole = layout == "whole"
        small = (SIDE_PX, SIDE_PX) if self._is_whole else seen_size(height, width)
        self._small_height, self._small_width = small
        self._places = [
            (top, left)
            for top in crop_starts(self._small_height)
            for left in crop_starts(self._small_width)
        ]

    def crops(self, picture: np.ndarray) -> np.ndarray:
        """All crops of a picture, uint8 (H, W, 3), as float32 (crops, 50, 50, 3) in [-1, 1]."""
        size = (SIDE_PX, SIDE_PX)
        seen = cv2.resize(picture, size) if self._is_whole else seen_picture(picture)
        small = in_range(seen)
        return np.stack(
            [small[top : top + SIDE_PX, left : left + SIDE_PX] for top, left in self._places]
        )

    def stitched(self, crops: np.ndarray) -> np.ndarray:
        """The picture of all crops, uint8 (H, W, 3). Where crops overlap, each counts the more the
        farther its border is.

        Args:
            crops: float (crops, 50, 50, 3) in [-1, 1].
        """
        shape = (self._small_height, self._small_width, 1)
        total, weights = np.zeros((*shape[:2], 3)), np.zeros(shape)
        ramp = np.minimum(np.arange(SIDE_PX) + 1, SIDE_PX - np.arange(SIDE_PX)) / (SIDE_PX / 2)
        weight = np.outer(ramp, ramp)[..., None]
        for (top, left), crop in zip(self._places, crops, strict=True):
            inside = (slice(top, top + SIDE_PX), slice(left, left + SIDE_PX))
            total[inside] += weight * crop
            weights[inside] += weight
        small = (total / weights + 1) * 127.5
        full = cv2.resize(small, self._size, interpolation=cv2.INTER_CUBIC)
        return np.rint(full.clip(0, 255)).astype(np.uint8)
