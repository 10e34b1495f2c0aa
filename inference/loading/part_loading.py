"""Loads painter parts from their folder in the number format, layout and quantisation of the
settings."""

from __future__ import annotations

import importlib
import importlib.util
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import torch
from torch import nn

from inference.loading.memory_config import MemoryConfig
from ingest.conventions.errors import UserError
from training.painter.folder import PainterSettings, load_part, local_folder, read_index

INSTRUCTION_MODEL = "instruction_model"
"""Name of the part that is the language model (LLaVA)."""
UNQUANTISED_MODULES = ("model.vision_tower", "model.multi_modal_projector", "lm_head")
"""Modules of a LLaVA that are not quantised in 4 or 8 bit: vision tower, projector and output
layer, a twentieth of the weights."""
CHANNELS_LAST_PARTS = ("unet", "mask_unet", "reference_unet", "vae", "canvas_encoder")
"""Convolutional parts that are converted to the channels-last layout."""
SD_VAE_OVERLAP = 0.25
"""Share of a VAE tile that overlaps with the next one (diffusers' default)."""


@dataclass(frozen=True)
class PartLoader:
    """Loads the parts of one painter folder."""

    folder: Path
    classes: Mapping[str, list[str]]
    """Library and class by part name."""
    settings: PainterSettings
    device: torch.device
    memory: MemoryConfig
    is_official: bool = False
    """Repeat the quirks of the release: sines of the time encoders in half precision, memory
    layouts unchanged."""
    dtype: torch.dtype | None = None
    """Number format of all networks; None: single precision, and the language model as it is
    stored."""

    @classmethod
    def of(
        cls,
        painter: str | Path,
        device: torch.device,
        memory: MemoryConfig,
        is_official: bool = False,
        dtype: torch.dtype | None = None,
    ) -> PartLoader:
        """The loader of a folder or hub name. Raises UserError for one that is no painter."""
        folder = local_folder(painter)
        classes, settings = read_index(folder)
        return cls(folder, classes, settings, device, memory, is_official, dtype)

    def load(self, name: str) -> Any:
        """One part, ready for use: on the CPU, a quantised language model on the device.

        Raises:
            UserError: it is missing or damaged, or quantisation is not available.
        """
        # Only here, since diffusers takes seconds to import.
        from training.networks.time_encoder import TimeEncoder

        if name == INSTRUCTION_MODEL and self.memory.llava_bits is not None:
            return self._quantised()
        part = load_part(self.folder, name, self.classes[name])
        if not isinstance(part, nn.Module):
            return part
        if isinstance(part, TimeEncoder):
            part.sines_in_weight_dtype = self.is_official
        network = cast(Any, part.eval().requires_grad_(False))
        # diffusers' own `to` warns of every format that it did not choose itself.
        nn.Module.to(network, dtype=self.format_of(name))
        if name == "vae":
            prepare_vae(network, self.memory)
        if name in CHANNELS_LAST_PARTS and not self.is_official:
            network.to(memory_format=torch.channels_last)
        return network

    def format_of(self, name: str) -> torch.dtype | None:
        """Number format of a part; None for the stored format."""
        if name == INSTRUCTION_MODEL:
            return self.dtype
        # Time encoders need single precision; the release computes them in half.
        if "time_encoder" in name and not self.is_official:
            return torch.float32
        return self.network_dtype

    @property
    def network_dtype(self) -> torch.dtype:
        """Number format of the UNets."""
        return self.dtype or torch.float32

    def _quantised(self) -> Any:
        options = quantised_options(self.memory.llava_bits or 4, self.device, self.dtype)
        part = load_part(self.folder, INSTRUCTION_MODEL, self.classes[INSTRUCTION_MODEL], **options)
        return part.eval().requires_grad_(False)


def prepare_vae(vae: Any, memory: MemoryConfig) -> None:
    """Enable tiling and slicing of a VAE as configured; does nothing for a `PixelCodec`."""
    if not hasattr(vae, "enable_tiling"):
        return
    if memory.vae_slices:
        vae.enable_slicing()
    if memory.vae_tile_px is not None:
        vae.enable_tiling()
        vae.tile_sample_min_size = memory.vae_tile_px
        vae.tile_latent_min_size = memory.vae_tile_px // 8
        vae.tile_overlap_factor = SD_VAE_OVERLAP


def quantised_options(bits: int, device: torch.device, dtype: torch.dtype | None) -> dict[str, Any]:
    """Options of `from_pretrained` that load a LLaVA in 4 or 8 bit.

    Raises:
        UserError: bitsandbytes is not installed, or has no kernels for the device.
    """
    if importlib.util.find_spec("bitsandbytes") is None:
        raise UserError(
            f"inference.memory.llava_bits {bits} needs bitsandbytes, which is not installed: "
            "`pip install bitsandbytes`, or leave llava_bits out"
        )
    from transformers import BitsAndBytesConfig

    library = importlib.import_module("bitsandbytes")
    known = sorted(getattr(library, "supported_torch_devices", {"cuda"}))
    if device.type not in known:
        raise UserError(
            f"inference.memory.llava_bits {bits}: this bitsandbytes has no kernels for "
            f"{device.type} (it has some for {', '.join(known)}): paint on a CUDA GPU, or leave "
            "llava_bits out"
        )
    computing = dtype or (torch.bfloat16 if device.type == "cuda" else torch.float32)
    config = BitsAndBytesConfig(
        load_in_4bit=bits == 4,
        load_in_8bit=bits == 8,
        llm_int8_skip_modules=list(UNQUANTISED_MODULES),
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=computing,
    )
    return {"quantization_config": config, "device_map": {"": str(device)}, "dtype": computing}
