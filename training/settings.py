"""Settings of the training package: top key ``training`` of pipelines.yaml, and the published
values of ``training/loop/paper.yaml``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal, get_args

from pydantic import Field

from ingest.conventions.config import Config, load_section
from training.networks.lora import LoraSettings
from training.networks.presets import Ablation, Preset, ablated, preset_named
from training.objectives.mask import MaskConfig
from training.objectives.renderer import RendererConfig
from training.objectives.text import TextConfig
from training.painter.pretrained import local_parts
from training.streaming.stream import DataConfig

ObjectiveName = Literal["text", "mask", "renderer"]
"""Name of a network to train, also of its section in the config."""
PUBLISHED_CONFIG = Path(__file__).parent / "loop" / "paper.yaml"
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
READ_ABLATIONS: dict[str, tuple[Ablation, ...]] = {
    "text": ("TG",),
    "mask": ("TE", "TG", "MG"),
    "renderer": get_args(Ablation),
}
"""Ablations that change a network, or leave it out."""


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
    1.5, or a painter or finished run to fine-tune; empty: random weights, which the paper preset
    refuses."""
    image_encoder: str = ""
    """Folder or hub name of the CLIP vision model (paper: openai/clip-vit-base-patch32), when the
    folder in `initial` has none."""
    device: str = "auto"
    """cpu, cuda, cuda:1, ...; auto takes a GPU if there is one."""
    seed: int = 0
    """Seed of initial weights, sample order, noise and dropped conditions."""
    without: tuple[Ablation, ...] = ()
    """Ablations of the paper's table 1: TE (time) and TG (text) of mask and renderer, MG (mask), RN
    (ReferenceNet) and CE (next-image token) of the renderer. They never see what is left out."""
    one_step: bool = False
    """The one-step variant of section 3.1: the renderer alone, without text and mask (TG, MG)."""
    interval_s: float = Field(default=0.0, ge=0)
    """Seconds that a step of the painter stands for, stored with the renderer (paper: 20; its table
    also has 10 and 30); 0 takes 20 where training saw such steps, else the median of the data."""
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


def unused_keys(
    name: ObjectiveName, config: TrainingConfig, num_workers: int, is_remote: bool, validates: bool
) -> dict[str, str]:
    """Keys of ``--set`` that do nothing in a run of one objective, and why.

    Args:
        num_workers: processes on Ray; 0: none.
        is_remote: the dataset is on a server.
        validates: the dataset has samples of the split val.
    """
    unused = {
        f"training.{other}": f"`{name}` reads only training.{name} of the three networks"
        for other in get_args(ObjectiveName)
        if other != name
    }
    if not num_workers:
        unused["training.launch"] = "one process trains; add --workers N"
    data = config.data
    if data.workers:
        unused["training.data.decode_threads"] = "the processes of training.data.workers decode"
    elif not data.decode_threads:
        unused["training.data.batches_ahead"] = "training.data.decode_threads=0 loads none ahead"
    if not is_remote:
        unused["training.data.remote"] = "the dataset is a folder"
    if name != "renderer":
        unused["training.interval_s"] = "a painter takes it from its renderer"
    return unused | _unused_starts(name, config) | _unused_of_objective(name, config, validates)


def _unused_starts(name: ObjectiveName, config: TrainingConfig) -> dict[str, str]:
    """Keys of initial weights that nothing starts from, and ablations that change nothing."""
    unused: dict[str, str] = {}
    initial = local_parts(config.initial) if config.initial else None

    def has(part: str) -> bool:
        return initial is not None and (initial / part).is_dir()

    if name != "renderer":
        unused["training.image_encoder"] = "only the renderer has an image encoder"
    elif has("image_encoder"):
        unused["training.image_encoder"] = f"{initial} has one, which is taken"
    if name == "mask" and has("mask_unet"):
        unused["training.mask.start"] = f"{initial} has a mask UNet, which is taken"
    if name == "text":
        if has("instruction_model"):
            unused["training.text.base"] = f"{initial} has an instruction model, which is taken"
        elif initial is not None and initial.is_dir():
            unused["training.initial"] = f"{initial} has no instruction model"
        if has("instruction_model") or config.text.base:
            unused["training.text.language"] = "the sizes are those of the model to start from"
    idle = [ablation for ablation in config.without if ablation not in READ_ABLATIONS[name]]
    if idle:
        unused["training.without"] = f"{', '.join(idle)} change nothing of the network `{name}`"
    return unused


def _unused_of_objective(
    name: ObjectiveName, config: TrainingConfig, validates: bool
) -> dict[str, str]:
    """Keys of the objective's own section that others of its keys put out of use."""
    unused: dict[str, str] = {}
    own: Any = getattr(config, name)
    if not own.lora.rank:
        for key in set(LoraSettings.model_fields) - {"rank"}:
            unused[f"training.{name}.lora.{key}"] = (
                f"every weight is trained; add --set training.{name}.lora.rank=64"
            )
    loop = f"training.{name}.loop"
    for key, by in (("max_steps", "max_epochs"), ("warmup_steps", "warmup_share")):
        if getattr(own.loop, by):
            unused[f"{loop}.{key}"] = f"{loop}.{by} decides; set it to 0"
    if not validates:
        for key in ("loop.validate_every_steps", "loop.validation_batches", "preview_samples"):
            unused[f"training.{name}.{key}"] = "the dataset has no held-out samples"
    return unused


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
