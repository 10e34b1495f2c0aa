"""Painting processes of a dataset's shards at the size at which Timecraft sees them, and crops of
them to train on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from ingest.conventions.errors import UserError
from ingest.format.schema import Sample, Split
from training.rivals.timecraft.crops import crop_starts, in_range, seen_picture
from training.rivals.timecraft.network import SIDE_PX
from training.streaming.stream import read_index, read_shards

VISIBLE_CHANGE = 0.05
"""Change of grey, of 1, from which on a pixel counts as painted."""
CLEANING_PX = 3
"""Side of the square by which what was painted is eroded and dilated: grain goes away."""
LEAST_PAINTED_PX = 25
"""Pixels of a crop that a step must paint to be an example."""


@dataclass(frozen=True, eq=False)
class SeenProcess:
    """One painting, small."""

    frames: tuple[np.ndarray, ...]
    """Canvases in order of time, RGB uint8 (H, W, 3)."""
    finished: np.ndarray
    """The picture."""


@dataclass(frozen=True)
class CropPlace:
    """A crop of a step that paints something in it."""

    process: int
    first: int
    """Index of the canvas before the step."""
    top: int
    left: int


class CropExamples:
    """All crops of some processes that can be trained on."""

    def __init__(self, processes: Sequence[SeenProcess]) -> None:
        self.processes = processes
        self.places = [p for n, process in enumerate(processes) for p in _places(n, process)]
        if not self.places:
            raise UserError(
                f"no step of {len(processes)} processes paints {LEAST_PAINTED_PX} px of a crop: "
                "give a dataset with more videos"
            )

    def draw(
        self, rng: np.random.Generator, count: int, num_steps: int = 1
    ) -> tuple[Tensor, Tensor]:
        """Random crops: pictures (B, 3, 50, 50) and their canvases in a row
        (num_steps + 1, B, 3, 50, 50), in [-1, 1]. A step paints in each; further ones may not."""
        usable = [
            place
            for place in self.places
            if place.first + num_steps < len(self.processes[place.process].frames)
        ]
        if not usable:
            raise UserError(f"no process has {num_steps} steps: give longer ones")
        chosen = [usable[index] for index in rng.integers(len(usable), size=count)]
        pictures = [self._cut(place, None) for place in chosen]
        rows = [
            np.stack([self._cut(place, step) for place in chosen]) for step in range(num_steps + 1)
        ]
        return _planes(np.stack(pictures)), torch.stack([_planes(row) for row in rows])

    def draw_pictures(self, rng: np.random.Generator, count: int) -> Tensor:
        """Crops of finished pictures at random places, (B, 3, 50, 50) in [-1, 1]."""
        crops = []
        for index in rng.integers(len(self.processes), size=count):
            picture = self.processes[index].finished
            top, left = (int(rng.integers(size - SIDE_PX + 1)) for size in picture.shape[:2])
            crops.append(in_range(picture[top : top + SIDE_PX, left : left + SIDE_PX]))
        return _planes(np.stack(crops))

    def _cut(self, place: CropPlace, step: int | None) -> np.ndarray:
        """A crop of the canvas `step` steps after the first, or of the picture."""
        process = self.processes[place.process]
        image = process.finished if step is None else process.frames[place.first + step]
        return in_range(image[place.top : place.top + SIDE_PX, place.left : place.left + SIDE_PX])


def read_processes(dataset: Path, split: Split = "train") -> list[SeenProcess]:
    """The processes of a dataset's shards.

    Raises:
        UserError: no dataset, no shards, or no sample in the split.
    """
    processes = collect_seen(raw.decode() for raw in read_shards(read_index(dataset, split)))
    if not processes:
        raise UserError(f"{dataset} has no {split} samples: add videos, then build its shards")
    return processes


def collect_seen(samples: Iterable[Sample]) -> list[SeenProcess]:
    """The processes of samples in any order, in the order of their ids."""
    canvases: dict[tuple[str, str], dict[float, np.ndarray]] = {}
    pictures: dict[tuple[str, str], np.ndarray] = {}
    for sample in samples:
        origin = sample.provenance
        key = origin.video_id, origin.target.sha256
        frames = canvases.setdefault(key, {})
        if key not in pictures:
            pictures[key] = seen_picture(sample.target)
        for reference, image in ((origin.current, sample.current), (origin.next, sample.next)):
            if reference.time_s not in frames:
                frames[reference.time_s] = seen_picture(image)
    return [
        SeenProcess(tuple(frames for _, frames in sorted(canvases[key].items())), pictures[key])
        for key in sorted(canvases)
    ]


def painted_pixels(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Where a step paints, bool (H, W), without grain; canvases RGB uint8 (H, W, 3)."""
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY).astype(np.float32) for image in (before, after)]
    changed = (np.abs(grey[1] - grey[0]) > VISIBLE_CHANGE * 255).astype(np.uint8)
    square = np.ones((CLEANING_PX, CLEANING_PX), np.uint8)
    return cv2.dilate(cv2.erode(changed, square), square) > 0


def _places(number: int, process: SeenProcess) -> list[CropPlace]:
    height, width = process.finished.shape[:2]
    found = []
    for first in range(len(process.frames) - 1):
        painted = painted_pixels(process.frames[first], process.frames[first + 1])
        found += [
            CropPlace(number, first, top, left)
            for top in crop_starts(height)
            for left in crop_starts(width)
            if painted[top : top + SIDE_PX, left : left + SIDE_PX].sum() >= LEAST_PAINTED_PX
        ]
    return found


def _planes(images: np.ndarray) -> Tensor:
    return torch.from_numpy(images).permute(0, 3, 1, 2).contiguous()
