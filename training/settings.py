"""Settings of the training package: top key ``training`` of pipelines.yaml, and the published
values of ``training/paper.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from ingest.conventions.config import Config, load_section
from training.networks.presets import Ablation, Preset, ablated, preset_named
from training.objectives.mask import MaskConfig
from training.objectives.renderer import RendererConfig
from training.objectives.text import TextConfig
from training.streaming.stream import DataConfig

ObjectiveName = Literal["text", "mask", "renderer"]
"""Name of a network to train, also of its section in the config."""
PUBLISHED_CONFIG = Path(__file__).with_name("paper.yaml")
"""Settings of the paper; the defaults of the paper preset."""


IDLE_SECTIONS = ("launch.", "data.remote.")
"""Sections that do not change what a run learns."""
IDLE_KEYS = {
    "device", "data.workers", "data.decode_threads", "data.batches_ahead", "data.cache_mb",
    "data.max_damaged", "loop.max_steps", "loop.max_epochs", "loop.max_time_s",
    "loop.log_every_steps", "loop.checkpoint_every_steps", "loop.keep_checkpoints",
    "loop.validate_every_steps", "loop.validation_batches", "preview_samples",
}  # fmt: skip
"""Settings that do not change what a run learns, or only how long it does."""


class LaunchConfig(Config):
    """Training on several processes (`--workers`)."""

    max_restarts: int = Field(default=3, ge=0)
    """Times that all workers are started anew from the newest checkpoint because one died."""


class TrainingConfig(Config):
    """Settings of `python -m training`."""

    preset: Literal["pocket", "paper"] = "pocket"
    """Sizes of all networks (training/networks/presets.py)."""
    image_side_px: int = Field(default=0, ge=0)
    """Short side that samples are scaled to; 0 takes the preset's (pocket 256, paper 512)."""
    initial: str = ""
    """Folder or hub name in diffusers layout whose parts training starts from: Stable Diffusion
    1.5, or a painter to fine-tune; empty: random weights, which the paper preset refuses."""
    image_encoder: str = ""
    """Folder or hub name of the CLIP vision model (paper: openai/clip-vit-base-patch32), when the
    folder in `initial` has none."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a GPU if there is one."""
    seed: int = 0
    """Seed of initial weights, sample order, noise and dropped conditions."""
    without: tuple[Ablation, ...] = ()
    """Ablations of the paper's table 1, for all three networks: TE (time), TG (text), MG (mask), RN
    (ReferenceNet), CE (next-image token). The networks never see what is left out."""
    one_step: bool = False
    """The one-step variant of section 3.1: the renderer alone, without text and mask (TG, MG)."""
    interval_s: float = Field(default=0.0, ge=0)
    """Seconds that a step of the painter stands for (paper: 20; its table also has 10 and 30); 0
    takes 20 where training saw such steps, else the median of the data."""
    launch: LaunchConfig = LaunchConfig()
    """Several processes."""
    data: DataConfig = DataConfig()
    """Reading the shards."""
    text: TextConfig = TextConfig()
    """Instruction generator."""
    mask: MaskConfig = MaskConfig()
    """Region mask generator."""
    renderer: RendererConfig = RendererConfig()
    """Canvas renderer."""

    def resolved_preset(self) -> Preset:
        """The preset with the canvas size and the ablations asked for."""
        preset = preset_named(self.preset)
        side = self.image_side_px or preset.image_side_px
        one_step: tuple[Ablation, ...] = ("TG", "MG") if self.one_step else ()
        without = (*self.without, *one_step)
        return ablated(preset.model_copy(update={"image_side_px": side}), without)


def changed_settings(
    before: Mapping[str, Any], config: TrainingConfig, name: ObjectiveName
) -> list[str]:
    """Settings that differ from those that a run began with and that change what it learns, each as
    "training.KEY is NEW, was OLD".

    Args:
        before: the section `training` of the run's ``training.yaml``.
        name: the run's objective; the sections of the others count for nothing.
    """
    now = _flattened(config.model_dump(mode="json"))
    then = _flattened(before)
    others = tuple(f"{other}." for other in get_args(ObjectiveName) if other != name)
    return [
        f"training.{key} is {now[key]!r}, was {then[key]!r}"
        for key in sorted({*now} & {*then})
        if now[key] != then[key]
        and not key.startswith((*others, *IDLE_SECTIONS))
        and key.removeprefix(f"{name}.") not in IDLE_KEYS
    ]


def _flattened(values: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for key, value in values.items():
        if isinstance(value, Mapping):
            flat |= _flattened(value, f"{prefix}{key}.")
        else:
            flat[f"{prefix}{key}"] = value
    return flat


def load_training(path: Path | None, overrides: list[str] | None) -> TrainingConfig:
    """The training settings from a file and `overrides`. With ``preset: paper`` the published
    values are the defaults; of pipelines.yaml, which names every key, only values that differ from
    the pocket defaults override them."""
    config = load_section("training", TrainingConfig, path, overrides)
    if config.preset != "paper":
        return config
    published = load_section("training", TrainingConfig, PUBLISHED_CONFIG)
    return load_section("training", TrainingConfig, path, overrides, published)
