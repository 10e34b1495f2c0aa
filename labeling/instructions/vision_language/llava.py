"""Loads a LLaVA from a folder or the Hugging Face hub, and labels pairs with it.

torch and transformers are imported on the first call.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from labeling.devices import pick_device
from labeling.instructions.labeler import Answer
from labeling.instructions.vision_language.instruction_model import InstructionModel
from labeling.instructions.vision_language.prompts import ANNOTATE, pair_image
from labeling.instructions.vision_language.weights_name import weights_name

if TYPE_CHECKING:
    import torch


class LlavaConfig(Config):
    """The vision-language model that labels pairs."""

    model: str = "llava-hf/llava-1.5-7b-hf"
    """Folder or hub name of a LLaVA in the transformers layout; the paper starts from this one."""
    adapter: str | None = None
    """Folder or hub name of a LoRA adapter (peft layout) that is merged into the model."""
    device: str = "auto"
    """Device of the model: cpu, cuda, cuda:1, ...; auto takes a GPU if there is one."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Number format; auto is bfloat16 on a GPU (14 GB for 7B) and float32 on the CPU."""
    batch_size: int = Field(default=8, ge=1)
    """Pairs in one forward pass; changes speed and memory, not the answers."""
    max_new_tokens: int = Field(default=16, ge=1)
    """Longest answer in tokens; longer answers are cut off. Two words need fewer than 16."""


class LlavaLabeler:
    """Asks a LLaVA the paper's annotation prompt p' about (current, next) pairs."""

    def __init__(self, config: LlavaConfig) -> None:
        self.config = config
        self.name = f"llava:{weights_name(config.model)}"
        if config.adapter:
            self.name += f"+{weights_name(config.adapter)}"
        self.prompt = ANNOTATE
        self._model: InstructionModel | None = None

    def load(self) -> InstructionModel:
        """The model; the first call loads it. Raises UserError: it cannot be loaded."""
        if self._model is None:
            self._model = load_instruction_model(self.config)
        return self._model

    def prepare(
        self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> list[dict[str, torch.Tensor]]:
        """The network's inputs for (current, next) pairs, in batches of `config.batch_size`.

        Canvases are RGB uint8 (H, W, 3). Pairs may differ in size; the two canvases of a pair may
        not.
        """
        images = [pair_image(current, following) for current, following in pairs]
        size = self.config.batch_size
        starts = range(0, len(images), size)
        return [self.load().inputs(images[i : i + size], self.prompt) for i in starts]

    def answer(self, prepared: Sequence[dict[str, torch.Tensor]]) -> list[Answer]:
        """The answer to each pair given to `prepare`."""
        return [answer for inputs in prepared for answer in self.load().answer(inputs)]


def load_instruction_model(config: LlavaConfig) -> InstructionModel:
    """Load the model of a config with its adapter merged, in evaluation mode.

    Raises:
        UserError: the model cannot be loaded; names what was looked for, where, and what to do.
    """
    import torch
    from safetensors import SafetensorError

    device = pick_device(config.device)
    automatic = torch.bfloat16 if device.type == "cuda" else torch.float32
    dtype = automatic if config.dtype == "auto" else getattr(torch, config.dtype)
    try:
        model, processor = load_llava(config.model, dtype)
        if config.adapter is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, config.adapter).merge_and_unload()
    except UserError:
        raise
    except (OSError, ValueError, RuntimeError, SafetensorError) as error:
        raise _loading_error(config, error) from error
    return InstructionModel(model.to(device).eval(), processor, config.max_new_tokens)


def load_llava(name: str, dtype: torch.dtype) -> tuple[Any, Any]:
    """Load network and processor from a folder or by a hub name.

    Raises:
        UserError: the model is not a LLaVA, or some of its weights are missing.
        OSError, ValueError, RuntimeError, SafetensorError: as the libraries raise them.
    """
    from transformers import AutoConfig, AutoProcessor, LlavaForConditionalGeneration

    # The config is read first: without a network every missing file costs 20 s of retries.
    kind = AutoConfig.from_pretrained(name).model_type
    if kind != "llava":
        raise UserError(f"{name} holds a {kind!r} model, expected 'llava': give a LLaVA-1.5 folder")
    processor = AutoProcessor.from_pretrained(name)
    read: Any = LlavaForConditionalGeneration.from_pretrained
    model, report = read(name, dtype=dtype, output_loading_info=True)
    if report["missing_keys"]:
        first = sorted(report["missing_keys"])[0]
        raise UserError(
            f"{name}: {len(report['missing_keys'])} weights are missing, {first} first: "
            "the folder is incomplete, fetch or save it again"
        )
    return model, processor


def _loading_error(config: LlavaConfig, error: Exception) -> UserError:
    """The one-line message for a model or adapter that cannot be loaded."""
    offline = os.environ.get("HF_HUB_OFFLINE", "").upper() in ("1", "ON", "YES", "TRUE")
    hub = "the hub's local cache (HF_HUB_OFFLINE is set)" if offline else "the Hugging Face hub"
    adapter = f" with adapter {config.adapter!r}" if config.adapter else ""
    reason = " ".join(str(error).split()).partition(". ")[0][:160]
    return UserError(
        f"cannot load the vision-language model {config.model!r}{adapter}, looked for as a folder "
        f"and in {hub} ({type(error).__name__}: {reason}). Give a folder in the transformers "
        "LLaVA layout, or fetch one where there is a network: "
        "hf download llava-hf/llava-1.5-7b-hf --local-dir FOLDER"
    )
