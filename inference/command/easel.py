"""What all pictures of one command share: the painter, the distance, the device, the settings."""

from __future__ import annotations

import importlib.metadata
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from inference.loading.offload import placed_painter
from inference.loading.part_loading import PartLoader
from inference.memory.advice import told_of
from inference.memory.out_of_memory import explained
from inference.memory.plan import MemoryPlan
from inference.output.session import PainterRecord
from inference.settings import InferenceConfig
from ingest import __version__
from ingest.conventions.errors import UserError
from ingest.format.images import sha256
from labeling.regions.perceptual import PerceptualDistance
from training.painter.folder import PainterSettings, local_folder, read_index
from training.painter.painter import Painter

DEFAULT_PAINTER = InferenceConfig().painter

WHOLE_FILE_BYTES = 64 * 2**20
"""Larger weight files enter the fingerprint by their size and their two ends: hashing 14 GB would
take longer than painting."""
END_BYTES = 2**20


@dataclass(frozen=True, eq=False)
class Easel:
    """Everything but the picture."""

    painter: Painter
    record: PainterRecord
    perceptual: PerceptualDistance
    config: InferenceConfig
    plan: MemoryPlan | None = None
    """Expected memory, where it was planned."""

    def explained(self, doing: str) -> AbstractContextManager[None]:
        """Running out of memory in the block is told with what to switch on."""
        return explained(doing, lambda: told_of(self.plan))

    def with_seed(self, seed: int) -> Easel:
        """The same networks with another seed of all noise."""
        rollout = self.config.rollout.model_copy(update={"seed": seed})
        return replace(self, config=self.config.model_copy(update={"rollout": rollout}))


def painter_record(config: InferenceConfig) -> tuple[PainterRecord, PainterSettings]:
    """Which painter the config names, without loading its networks.

    Raises:
        UserError: there is no such painter, or the folder is none.
    """
    if config.painter == DEFAULT_PAINTER and not Path(config.painter).is_dir():
        raise UserError(
            f"the painter {config.painter} is not there: run from the repository root, or give "
            "--painter FOLDER (make one with `python -m training text|mask|renderer` and "
            "`python -m training painter`)"
        )
    folder = local_folder(config.painter)
    settings = read_index(folder)[1]
    record = PainterRecord(
        name=config.painter, preset=settings.preset.name, fingerprint=fingerprint_of(folder)
    )
    return record, settings


def loader_of(config: InferenceConfig) -> PartLoader:
    """What loads the config's painter, its device, number format and memory switches resolved.

    Raises:
        UserError: there is no such painter or device, or the quirks do not fit the painter.
    """
    device, is_official = device_named(config.device), config.quirks == "official"
    loader = PartLoader.of(config.painter, device, config.memory, is_official)
    preset = loader.settings.preset
    if is_official and preset.codec != "vae":
        raise UserError(
            f"inference.quirks official needs an imported painter, {config.painter} is of the "
            f"{preset.name} preset: leave quirks at fixed"
        )
    return replace(loader, dtype=dtype_named(config.dtype, preset.name, device))


def set_up(
    config: InferenceConfig,
    record: PainterRecord,
    plan: MemoryPlan | None = None,
    painter: str | None = None,
) -> Easel:
    """Load the painter and the distance onto the device.

    Args:
        plan: what is expected of the memory, for the error that tells of too little.
        painter: where the painter lies, if that is not where the config says.
    """
    loader = loader_of(config.model_copy(update={"painter": painter or config.painter}))
    with explained("loading the painter", lambda: told_of(plan)):
        placed = placed_painter(loader)
        return Easel(placed, record, PerceptualDistance(str(loader.device)), config, plan)


def device_named(name: str) -> torch.device:
    """The device of that name; auto takes CUDA, then Apple's GPU, then the CPU."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"device {name!r} cannot be used ({reason}): choose auto, cpu, cuda or mps"
        ) from None
    return device


def dtype_named(name: str, preset: str, device: torch.device) -> torch.dtype | None:
    """The number format of that name; auto halves the published networks on a GPU, and is None for
    all others: single precision, the language model as it is stored."""
    if name == "auto":
        return torch.float16 if preset == "paper" and device.type == "cuda" else None
    return getattr(torch, name)


def fingerprint_of(folder: Path) -> str:
    """Twelve hex digits over a painter folder's files; its place and its age do not count."""
    lines = [
        f"{path.relative_to(folder).as_posix()} {_digest(path)}"
        for path in sorted(p for p in folder.rglob("*") if p.is_file())
    ]
    return sha256("\n".join(lines).encode())[:12]


def versions() -> dict[str, str]:
    """Of this code and of the libraries that decide what a seed paints."""
    libraries = ("torch", "diffusers", "transformers", "numpy", "opencv-python", "pillow", "av")
    return {"inference": __version__} | {n: importlib.metadata.version(n) for n in libraries}


def _digest(path: Path) -> str:
    num_bytes = path.stat().st_size
    if num_bytes <= WHOLE_FILE_BYTES:
        return sha256(path.read_bytes())
    with path.open("rb") as file:
        head = file.read(END_BYTES)
        file.seek(-END_BYTES, 2)
        return f"{num_bytes} {sha256(head + file.read())}"
