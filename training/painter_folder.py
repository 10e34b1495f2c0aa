"""A painter on disk: a diffusers pipeline folder with `painter.json` beside its index.

::

    model_index.json   every part with the library and class that load it
    painter.json       preset, interval, guidance, thresholds, provenance, versions
    unet/ mask_unet/ vae/ ...   one folder a part, safetensors + config
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
import shutil
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError

from ingest.atomic import write_json
from ingest.config import Config
from ingest.errors import UserError
from training.networks.presets import Preset

PIPELINE_CLASS = "InversePaintingPipeline"
PARTS_OF = {
    "text": ("instruction_model", "instruction_processor"),
    "mask": ("mask_unet", "mask_time_encoder", "vae", "text_encoder", "tokenizer"),
    "renderer": (
        "scheduler", "vae", "unet", "reference_unet", "canvas_encoder", "next_image_adapter",
        "time_encoder", "image_encoder", "text_encoder", "tokenizer",
    ),
}  # fmt: skip
"""Parts that each objective saves; those in two of them are frozen and must be identical."""
ALL_PARTS = tuple(dict.fromkeys(name for parts in PARTS_OF.values() for name in parts))
LIBRARIES = ("diffusers", "transformers", "training.networks")
"""Where part classes may come from; anything else in an index is refused, never imported."""


class PainterSettings(Config):
    """`painter.json`: how the networks were built and are meant to be used."""

    preset: Preset
    """Sizes of the networks and of the canvas."""
    interval_s: float = Field(20.0, gt=0)
    """Seconds that one step stands for (paper: 20)."""
    mask_thresholds: tuple[float, ...] = (0.5, 0.4, 0.3, 0.2, 0.1)
    """Tried in this order on the mask's probability."""
    num_steps: int = Field(ge=1)
    """Denoising steps of one canvas update."""
    guidance: dict[str, float] = Field(default_factory=dict)
    """Guidance scales by condition; 1 needs no branch of its own."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    """By objective: dataset, config hash, samples seen, date-free facts of its training."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Of the libraries that wrote the folder."""
