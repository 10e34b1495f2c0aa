"""All settings of the training package (top key ``training`` of pipelines.yaml)."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from ingest.config import Config
from training.data import DataConfig
from training.mask import MaskConfig
from training.networks.presets import Preset, preset_named
from training.renderer import RendererConfig
from training.text import TextConfig


class TrainingConfig(Config):
    """What `python -m training` can be told."""

    preset: Literal["pocket", "paper"] = "pocket"
    """Sizes of all networks (training/networks/presets.py)."""
    image_side_px: int = Field(default=0, ge=0)
    """Short side that samples are scaled to; 0 takes the preset's (pocket 256, paper 512)."""
    initial: str = ""
    """Folder in diffusers layout (Stable Diffusion 1.5 or a painter) whose parts training starts
    from; empty: random weights, which the paper preset refuses."""
    image_encoder: str = ""
    """Folder or hub name of the CLIP vision model (paper: openai/clip-vit-base-patch32), when the
    folder in `initial` has none."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a GPU if there is one."""
    seed: int = 0
    """Of initial weights, sample order, noise and dropped conditions."""
    data: DataConfig = DataConfig()
    """Reading the shards."""
    text: TextConfig = TextConfig()
    """Instruction generator."""
    mask: MaskConfig = MaskConfig()
    """Region mask generator."""
    renderer: RendererConfig = RendererConfig()
    """Canvas renderer."""

    def resolved_preset(self) -> Preset:
        """The preset with the canvas size asked for."""
        preset = preset_named(self.preset)
        side = self.image_side_px or preset.image_side_px
        return preset.model_copy(update={"image_side_px": side})
