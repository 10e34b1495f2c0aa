"""Computes the memory plan of painting: weights by part, memory by stage, and the peak.

    peak = the largest over all stages of
           weights on the device in that stage + tensors alive in it (`inference.memory.dry_run`)

Sizes of weights come from the headers of the painter's files. On the CPU the process itself (Python
and its libraries) is added. Not counted: workspaces of convolution libraries, the context of a GPU
driver (about half a gigabyte), and the reserve of an allocator.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psutil
import torch
from PIL import Image, UnidentifiedImageError

from inference.artist.guidance import BRANCHES, guidance_of
from inference.loading.memory_config import MemoryConfig
from inference.loading.offload import offloaded_parts
from inference.loading.part_loading import INSTRUCTION_MODEL, PartLoader
from inference.memory.weight_bytes import Weights, dtype_of, weights_of
from inference.settings import InferenceConfig
from training.networks.conditions import Branch
from training.networks.presets import Preset
from training.streaming.resizing import padding_px

if TYPE_CHECKING:
    from inference.memory.dry_run import MemoryStage

LPIPS_WEIGHTS = Weights(9_880_000, 3_540_000)
"""Bytes of LPIPS (AlexNet) in single precision."""
DEFAULT_SIZE = (512, 640)
"""Height and width in px that are assumed if no picture can be read."""


@dataclass(frozen=True)
class PartPlan:
    """Place and size of one part with weights."""

    name: str
    format: str
    """Number format: float16, 4 bit, ..."""
    weights: Weights
    is_offloaded: bool


@dataclass(frozen=True)
class MemoryPlan:
    """Expected memory of painting with one set of switches."""

    loader: PartLoader
    branches: tuple[Branch, ...]
    size: tuple[int, int]
    """Height and width of the network input."""
    parts: tuple[PartPlan, ...]
    stages: tuple[MemoryStage, ...]
    num_paintings: int = 1
    """Number of paintings in a batch."""

    @property
    def memory(self) -> MemoryConfig:
        return self.loader.memory

    def stage_bytes(self, stage: MemoryStage) -> int:
        """Weights on the device and tensors alive in one stage."""
        present = LPIPS_WEIGHTS.num_bytes
        for part in self.parts:
            if not part.is_offloaded:
                present += part.weights.num_bytes
            elif part.name == stage.network:
                is_whole = self.memory.offload == "network"
                present += part.weights.num_bytes if is_whole else part.weights.largest_bytes
        return present + stage.live_bytes

    @property
    def worst(self) -> MemoryStage:
        """The stage that needs most memory."""
        return max(self.stages, key=self.stage_bytes)

    @property
    def peak_bytes(self) -> int:
        """Peak bytes of the painter on its device, without the process itself."""
        return self.stage_bytes(self.worst)

    @property
    def host_bytes(self) -> int:
        """Bytes of weights that are offloaded to host memory."""
        waits_there = self.loader.device.type != "cpu"
        waiting = sum(part.weights.num_bytes for part in self.parts if part.is_offloaded)
        return waiting if waits_there else 0

    def with_switches(
        self, dtype: torch.dtype | None = None, num_paintings: int | None = None, **memory: object
    ) -> MemoryPlan:
        """The plan with other switches, or with another number of paintings in a batch."""
        loader = dataclasses.replace(
            self.loader,
            dtype=dtype or self.loader.dtype,
            memory=self.memory.model_copy(update=memory),
        )
        # The place of offloaded weights does not change which other tensors are alive.
        same = loader.dtype == self.loader.dtype and set(memory) <= {"offload"}
        stages = self.stages if same and num_paintings is None else None
        count = num_paintings or self.num_paintings
        return plan_for(loader, self.branches, self.size, stages, count)


def memory_plan(
    loader: PartLoader,
    config: InferenceConfig,
    pictures: Iterable[Path] = (),
    num_paintings: int = 1,
) -> MemoryPlan:
    """The plan for the largest of some pictures with `num_paintings` of its size in a batch;
    pictures that cannot be read are skipped."""
    is_official = config.quirks == "official"
    fixed = guidance_of(config.sampling.guidance or loader.settings.guidance).branches
    sizes = [network_size(size, loader.settings.preset) for size in picture_sizes(pictures)]
    size = max(sizes, key=lambda s: s[0] * s[1], default=None)
    size = size or network_size(DEFAULT_SIZE, loader.settings.preset)
    branches = BRANCHES if is_official else fixed
    return plan_for(loader, branches, size, num_paintings=num_paintings)


def plan_for(
    loader: PartLoader,
    branches: Sequence[Branch],
    size: tuple[int, int],
    stages: tuple[MemoryStage, ...] | None = None,
    num_paintings: int = 1,
) -> MemoryPlan:
    """The plan for network inputs of `size` (height, width); a dry run computes the `stages` if
    they are not given."""
    offloaded = offloaded_parts(loader)
    parts = tuple(
        _part_plan(name, loader, name in offloaded)
        for name in loader.classes
        if any((loader.folder / name).glob("*.safetensors"))
    )
    if stages is None:
        # Only here: networks take seconds to import, and strokes need none.
        from inference.memory.dry_run import dry_run

        stages = dry_run(loader, size, branches, num_paintings)
    return MemoryPlan(loader, tuple(branches), size, parts, stages, num_paintings)


def network_size(canvas_size: tuple[int, int], preset: Preset) -> tuple[int, int]:
    """Height and width of a canvas with the preset's short side, padded."""
    scale = preset.image_side_px / min(canvas_size)
    height, width = (max(preset.image_side_px, round(side * scale)) for side in canvas_size)
    bottom, right = padding_px(height, width, preset)
    return height + bottom, width + right


def free_bytes(device: torch.device) -> int:
    """Free memory of a device in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[0]
    return psutil.virtual_memory().available


def capacity_bytes(device: torch.device) -> int:
    """Total memory of a device in bytes."""
    if device.type == "cuda":
        return torch.cuda.mem_get_info(device)[1]
    return psutil.virtual_memory().total


def _part_plan(name: str, loader: PartLoader, is_offloaded: bool) -> PartPlan:
    folder = loader.folder / name
    bits = loader.memory.llava_bits if name == INSTRUCTION_MODEL else None
    dtype = loader.format_of(name)
    named = str(dtype or dtype_of(folder)).removeprefix("torch.")
    weights = weights_of(folder, dtype, bits)
    return PartPlan(name, f"{bits} bit" if bits else named, weights, is_offloaded)


def picture_sizes(pictures: Iterable[Path]) -> list[tuple[int, int]]:
    """Height and width of each picture, from its header; those that cannot be read are left out."""
    sizes = []
    for path in pictures:
        try:
            with Image.open(path) as image:
                sizes.append((image.height, image.width))
        except (OSError, UnidentifiedImageError, Image.DecompressionBombError):
            continue  # reported when it is painted
    return sizes
