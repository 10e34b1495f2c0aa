"""The switches that trade time for memory (key `inference.memory`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.conventions.config import Config


class MemoryConfig(Config):
    """Everything off paints fastest; docs/inference.md says what each costs. Number formats are
    `inference.dtype`."""

    offload: Literal["none", "network", "layer"] = "none"
    """network: a large network is on the device while it computes; the others wait in host memory,
    or on the disk where the device is the CPU. layer: a GPU holds one layer of it at a time
    (accelerate). Neither changes a bit of the painting."""
    vae_tile_px: int | None = Field(default=None, ge=64, multiple_of=8)
    """Canvases are encoded and decoded in overlapping tiles of this side, e.g. 256; seams are
    blended, so colours move a little. null: whole."""
    vae_slices: bool = False
    """Canvases that are given to the VAE together pass it one at a time. Painting, in batches too,
    gives one at a time anyway."""
    llava_bits: Literal[4, 8] | None = None
    """Weights of LLaVA's language model in 4 bit (nf4, doubly quantised) or 8 bit, by bitsandbytes;
    its words may change. null: as `inference.dtype` says."""
