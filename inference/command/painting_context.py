"""Loads what all pictures of one command share: painter, perceptual distance, device, settings."""

from __future__ import annotations

import importlib.metadata
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from pathlib import Path

import torch

from inference.artist.planned.orders import find_order
from inference.artist.rivals.rivals import find_rival
from inference.loading.offload import load_for_inference
from inference.loading.part_loading import PartLoader
from inference.memory.advice import memory_error_text
from inference.memory.out_of_memory import explain_out_of_memory
from inference.memory.plan import MemoryPlan
from inference.output.session import PainterRecord
from inference.settings import InferenceConfig
from ingest import __version__
from ingest.conventions.errors import UserError
from ingest.format.images import sha256
from labeling.regions.perceptual import PerceptualDistance
from training.networks.presets import POCKET
from training.order.network import WEIGHTS_FILE, load_order
from training.painter.device import resolve_device
from training.painter.folder import PainterSettings, local_folder, read_index
from training.painter.painter import Painter
from training.rivals.folder import read_rival

STROKES_PRESET = "strokes"
"""Preset of orders for strokes, in records."""
STROKES_VERSION = 3
"""Raised when the same picture, settings and seed give other strokes."""
RIVAL_PRESET = "rival"
"""Preset of rivals of the paper, in records."""
RIVALS_VERSION = 1
"""Raised when the same picture, rival folder and seed give other frames."""
ORDER_SETTINGS = PainterSettings(
    preset=POCKET, interval_s=20.0, num_steps=POCKET.num_steps, guidance=dict(POCKET.guidance)
)
"""Settings in place of a painter's, for orders and rivals."""

WHOLE_FILE_BYTES = 64 * 2**20
"""Largest file that is hashed as a whole. Larger files enter the fingerprint by their size and both
ends: hashing 14 GB would take longer than painting."""
END_BYTES = 2**20
"""Bytes of each end of a larger file that are hashed."""


@dataclass(frozen=True, eq=False)
class PaintingContext:
    """Everything that painting needs, except the picture."""

    painter: Painter
    record: PainterRecord
    perceptual: PerceptualDistance
    config: InferenceConfig
    plan: MemoryPlan | None = None
    """Expected memory; None if it was not planned."""
    place: str = ""
    """The painter's path now, where the record has the one of then; empty for the same."""

    def explain_out_of_memory(self, activity: str) -> AbstractContextManager[None]:
        """Context in which running out of memory raises an error that says what to switch on."""
        return explain_out_of_memory(activity, lambda: memory_error_text(self.plan))

    def with_seed(self, seed: int) -> PaintingContext:
        """The same networks with another seed of all noise."""
        rollout = self.config.rollout.model_copy(update={"seed": seed})
        return replace(self, config=self.config.model_copy(update={"rollout": rollout}))


def painter_record(config: InferenceConfig) -> tuple[PainterRecord, PainterSettings]:
    """Record and settings of the painter that the config names; no network is loaded.

    Raises:
        UserError: there is no such painter, or the folder is no painter or damaged.
    """
    order = find_order(config.painter)
    if order is not None:
        name, network = order
        fingerprint = f"strokes-{STROKES_VERSION}"
        if name == "learned":
            # The weights decide the order, so that other weights are another painter.
            load_order(network)
            fingerprint += f"-{_digest(network / WEIGHTS_FILE)[:8]}"
        record = PainterRecord(name=config.painter, preset=STROKES_PRESET, fingerprint=fingerprint)
        return record, ORDER_SETTINGS
    rival = find_rival(config.painter)
    if rival is not None:
        read_rival(rival)
        # The checkpoints of its training lie in folders beside the weights.
        fingerprint = f"rival-{RIVALS_VERSION}-{fingerprint_of(rival, '*')}"
        record = PainterRecord(name=config.painter, preset=RIVAL_PRESET, fingerprint=fingerprint)
        return record, ORDER_SETTINGS
    folder = local_folder(config.painter)
    settings = read_index(folder)[1]
    record = PainterRecord(
        name=config.painter, preset=settings.preset.name, fingerprint=fingerprint_of(folder)
    )
    return record, settings


def loader_of(config: InferenceConfig) -> PartLoader:
    """The loader of the config's painter, with device, number format and memory switches resolved.

    Raises:
        UserError: there is no such painter or device, or the quirks do not fit the painter.
    """
    device, is_official = resolve_device(config.device), config.quirks == "official"
    loader = PartLoader.of(config.painter, device, config.memory, is_official)
    preset = loader.settings.preset
    if is_official and preset.codec != "vae":
        raise UserError(
            f"inference.quirks official needs an imported painter, {config.painter} is of the "
            f"{preset.name} preset: leave quirks at fixed"
        )
    return replace(loader, dtype=resolve_dtype(config.dtype, preset.name, device))


def load_context(
    config: InferenceConfig,
    record: PainterRecord,
    plan: MemoryPlan | None = None,
    painter: str | None = None,
) -> PaintingContext:
    """Load the painter and the perceptual distance onto the device.

    Args:
        plan: expected memory, for the message of an out-of-memory error.
        painter: path of the painter, if it is another than in the config.
    """
    place = painter or config.painter
    if not has_painter_parts(place):
        device = resolve_device(config.device)
        nothing = Painter({}, ORDER_SETTINGS, device)
        perceptual = PerceptualDistance(str(device))
        return PaintingContext(nothing, record, perceptual, config, place=place)
    loader = loader_of(config.model_copy(update={"painter": place}))
    with explain_out_of_memory("loading the painter", lambda: memory_error_text(plan)):
        placed = load_for_inference(loader)
        return PaintingContext(placed, record, PerceptualDistance(str(loader.device)), config, plan)


def paints_in_order(painter: str) -> bool:
    """Whether `painter` names an order for strokes (`inference.artist.planned.orders`)."""
    return find_order(painter) is not None


def has_painter_parts(painter: str) -> bool:
    """Whether `painter` names a painter folder, which is neither an order nor a rival."""
    return not paints_in_order(painter) and find_rival(painter) is None


def resolve_dtype(name: str, preset: str, device: torch.device) -> torch.dtype | None:
    """The number format of that name. auto is float16 for the paper preset on CUDA, else None:
    single precision, the language model as it is stored."""
    if name == "auto":
        return torch.float16 if preset == "paper" and device.type == "cuda" else None
    return getattr(torch, name)


def fingerprint_of(folder: Path, pattern: str = "**/*") -> str:
    """Hash of the names and contents of a painter folder's files of that pattern, 12 hex digits."""
    lines = [
        f"{path.relative_to(folder).as_posix()} {_digest(path)}"
        for path in sorted(p for p in folder.glob(pattern) if p.is_file())
    ]
    return sha256("\n".join(lines).encode())[:12]


def versions() -> dict[str, str]:
    """Versions of this code and of the libraries that a painting depends on."""
    libraries = ("torch", "diffusers", "transformers", "numpy", "opencv-python", "pillow", "av")
    return {"inference": __version__} | {n: importlib.metadata.version(n) for n in libraries}


def _digest(path: Path) -> str:
    """Hash of a file; of a large one, size and hash of both ends."""
    num_bytes = path.stat().st_size
    if num_bytes <= WHOLE_FILE_BYTES:
        return sha256(path.read_bytes())
    with path.open("rb") as file:
        head = file.read(END_BYTES)
        file.seek(-END_BYTES, 2)
        return f"{num_bytes} {sha256(head + file.read())}"
