"""Reads and writes painter folders: a diffusers pipeline folder with an additional `painter.json`.

::

    model_index.json   every part with the library and class that load it
    painter.json       preset, interval, guidance, thresholds, provenance, versions
    unet/ mask_unet/ vae/ ...   one folder a part, safetensors + config
"""

from __future__ import annotations

import importlib
import importlib.metadata
import json
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from torch import nn

from ingest.conventions.atomic import atomic_folder, write_json
from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers
from training.networks.presets import Preset
from training.painter.part_classes import check_part_classes

PIPELINE_CLASS = "InversePaintingPipeline"
"""Pipeline class that `model_index.json` names."""
PARTS_OF = {
    "text": ("instruction_model", "instruction_processor"),
    "mask": ("mask_unet", "mask_time_encoder", "vae", "text_encoder", "tokenizer"),
    "renderer": (
        "scheduler", "vae", "unet", "reference_unet", "canvas_encoder", "next_image_adapter",
        "time_encoder", "image_encoder", "text_encoder", "tokenizer",
    ),
}  # fmt: skip
"""Parts that each objective saves. Parts of two objectives are frozen and must be identical."""
OMITTED_PARTS = {
    "TE": ("time_encoder", "mask_time_encoder"),
    "RN": ("reference_unet",),
    "CE": ("next_image_adapter",),
}
"""Parts that an ablation leaves out (`presets.Ablation`)."""
ALL_PARTS = tuple(dict.fromkeys(name for parts in PARTS_OF.values() for name in parts))
"""Names of all parts of all objectives, each once."""
OPTIONAL_PARTS = ("mask_text_encoder",)
"""Parts that only some painters have: the mask generator's text encoder, if the renderer was
trained with another one."""


class PainterSettings(Config):
    """`painter.json`: how the networks were built and how to use them."""

    preset: Preset
    """Sizes of the networks and of the canvas."""
    interval_s: float = Field(default=20.0, gt=0)
    """Seconds that one step stands for (paper: 20)."""
    mask_thresholds: tuple[float, ...] = (0.5, 0.4, 0.3, 0.2, 0.1)
    """Thresholds on the mask's probability, tried in this order."""
    num_steps: int = Field(ge=1)
    """Denoising steps of one canvas update."""
    guidance: dict[str, float] = Field(default_factory=dict)
    """Guidance scale by condition; a scale of 1 needs no additional branch."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    """By objective: dataset, config hash, samples seen and other facts of its training, no
    dates."""
    versions: dict[str, str] = Field(default_factory=dict)
    """Versions of the libraries that wrote the folder."""


def parts_of(objective: str, preset: Preset) -> tuple[str, ...]:
    """The parts of `PARTS_OF` that the preset has."""
    omitted = [name for ablation in preset.without for name in OMITTED_PARTS.get(ablation, ())]
    return tuple(name for name in PARTS_OF[objective] if name not in omitted)


def save_part(part: Any, folder: Path) -> None:
    """Write one part, models as safetensors with LoRA layers merged; replaces the folder."""
    from training.networks.lora import without_lora

    with atomic_folder(folder) as temporary:
        without_lora(part).save_pretrained(temporary)


def class_of(part: Any) -> list[str]:
    """Library (or module) and class of a part, as in `model_index.json`."""
    module = type(part).__module__
    for library in ("diffusers", "transformers"):
        if module.startswith(f"{library}."):
            return [library, type(part).__name__]
    return [module, type(part).__name__]


def write_index(folder: Path, classes: Mapping[str, list[str]], settings: PainterSettings) -> None:
    """Write `painter.json`, then `model_index.json`, which marks the folder as complete."""
    versions = {n: importlib.metadata.version(n) for n in ("torch", "diffusers", "transformers")}
    settings = settings.model_copy(update={"versions": versions})
    write_json(folder / "painter.json", settings.model_dump(mode="json"))
    check_part_classes(classes, folder / "model_index.json")
    index = {"_class_name": PIPELINE_CLASS, "_diffusers_version": versions["diffusers"], **classes}
    write_json(folder / "model_index.json", index)


def save_painter(parts: Mapping[str, Any], settings: PainterSettings, folder: Path) -> None:
    """Write a painter folder with any of `ALL_PARTS` and `OPTIONAL_PARTS`. Raises UserError for
    other names."""
    known = (*ALL_PARTS, *OPTIONAL_PARTS)
    unknown = sorted(set(parts) - set(known))
    if unknown:
        raise UserError(f"unknown painter parts {unknown}: expected some of {list(known)}")
    for name, part in parts.items():
        save_part(part, folder / name)
    write_index(folder, {name: class_of(part) for name, part in parts.items()}, settings)


def read_painter_folder(
    folder: str | Path, names: Collection[str] | None = None
) -> tuple[dict[str, Any], PainterSettings]:
    """The parts called `names` (None: all that the index names), on the CPU, and the settings."""
    place = local_folder(folder)
    classes, settings = read_index(place)
    missing = sorted(set(names or ()) - set(classes))
    if missing:
        raise UserError(f"{place} lacks {', '.join(missing)}: give a painter that has them")
    wanted = classes if names is None else names
    return {name: load_part(place, name, classes[name]) for name in wanted}, settings


def local_folder(folder: str | Path, local_files_only: bool = False) -> Path:
    """The folder itself, or the local copy of the hub repository of that name, which
    `local_files_only` takes from the cache without network."""
    if Path(folder).is_dir():
        return Path(folder)
    name = str(folder)
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(
            f"{name} not found: give a painter folder (with a model_index.json) or the name of a "
            "hub repository such as OWNER/NAME"
        )
    from huggingface_hub import snapshot_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(snapshot_download(name, local_files_only=local_files_only))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{name} is no folder here and could not be fetched from the hub "
            f"({type(error).__name__}): check the name and the network"
        ) from error


def read_index(folder: Path) -> tuple[dict[str, list[str]], PainterSettings]:
    """Classes by part, and settings; imports no class.

    Raises:
        UserError: the folder is no painter, or its index names a class that is not in
            `PART_CLASSES`.
    """
    if not (folder / "model_index.json").is_file() or not (folder / "painter.json").is_file():
        raise UserError(
            f"{folder} is no painter folder (model_index.json or painter.json is missing): put one "
            "together with `python -m training painter --text RUN --mask RUN --renderer RUN -o DIR`"
        )
    file = folder / "model_index.json"
    try:
        index = json.loads(file.read_text(encoding="utf-8"))
        classes = {name: list(v) for name, v in index.items() if not name.startswith("_")}
        file = folder / "painter.json"
        settings = PainterSettings.model_validate(json.loads(file.read_text(encoding="utf-8")))
    except (ValueError, TypeError, AttributeError, ValidationError) as error:
        raise UserError(
            f"{file} is damaged ({' '.join(str(error).split())[:200]}): put the painter together "
            "again"
        ) from error
    check_part_classes(classes, folder / "model_index.json")
    return classes, settings


def load_part(folder: Path, name: str, library_and_class: list[str], **options: Any) -> Any:
    """One part from its sub-folder, ready for use; `options` are passed to its `from_pretrained`.

    Raises:
        UserError: the class is not in `PART_CLASSES`, the sub-folder is missing, or its files do
            not fit the class.
    """
    from diffusers.utils import logging as diffusers_logging
    from transformers.utils import logging as transformers_logging

    from training.painter.parts import prepare_part

    # Parts load quickly; the libraries' progress bars would disturb ours.
    transformers_logging.disable_progress_bar()
    diffusers_logging.disable_progress_bar()

    check_part_classes({name: library_and_class}, folder / "model_index.json")
    library, class_name = library_and_class
    if not (folder / name).is_dir():
        raise UserError(
            f"{folder} lacks the part {name!r} that its model_index.json names: copy the sub-folder"
            f" {name}/ there, or put the painter together again"
        )
    refuse_pointers(folder / name)
    try:
        loaded = getattr(importlib.import_module(library), class_name)
        part = loaded.from_pretrained(folder / name, **without_code(loaded), **options)
    except (OSError, ValueError, RuntimeError, KeyError, AttributeError, ImportError) as error:
        raise UserError(
            f"{folder / name} does not load as {library}.{class_name} "
            f"({' '.join(str(error).split())[:200]}): put the painter together again"
        ) from error
    return prepare_part(name, part)


def without_code(loaded: type) -> dict[str, bool]:
    """Options of `loaded.from_pretrained` with which no code of the folder runs: neither Python
    files that a config names, nor pickled weights."""
    if issubclass(loaded, nn.Module):
        return {"use_safetensors": True}
    return {"trust_remote_code": False} if loaded.__module__.startswith("transformers.") else {}
