"""Settings that trade time for memory (key `inference.memory`)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.conventions.config import Config


class MemoryConfig(Config):
    """Switches that save memory; with all of them off, painting is fastest. docs/inference.md lists
    their cost. The number format is `inference.dtype`."""

    offload: Literal["none", "network", "layer"] = "none"
    """network: one large network at a time is on the device; the others are in host memory, or on
    the disk if the device is the CPU. layer: the GPU holds one layer of it at a time (accelerate).
    Neither changes a bit of the painting."""
    vae_tile_px: int | None = Field(default=None, ge=64, multiple_of=8)
    """Side of the overlapping tiles in which canvases are encoded and decoded, e.g. 256; blended
    seams change colours slightly. null: whole canvases."""
    vae_slices: bool = False
    """The VAE processes a batch one canvas at a time. Painting gives it one canvas at a time
    anyway, also in batches."""
    llava_bits: Literal[4, 8] | None = None
    """Weights of LLaVA's language model in 4 bit (nf4, doubly quantised) or 8 bit, by bitsandbytes;
    its answers may change. null: as `inference.dtype`."""
