"""LLaVA: a pair of canvases and a question in, a short answer and its confidence out.

`InstructionModel` is used by labeling (current | next), training previews and inference
(current | target). It holds the real classes, `LlavaForConditionalGeneration` and its processor:
the published 7B network and the pocket one differ in their config only.
torch and transformers are imported late, so that importing this file costs nothing.
"""

from __future__ import annotations

import math
import os
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from labeling.devices import pick_device
from labeling.instructions.prompt_prefix import PromptPrefix
from labeling.instructions.prompts import (
    ANNOTATE,
    INSTRUCT,
    Prompt,
    conversation,
    pad_to_square,
    pair_image,
)
from labeling.instructions.weights_name import weights_name

if TYPE_CHECKING:
    import torch
    from transformers import LlavaForConditionalGeneration, LlavaProcessor


class LlavaConfig(Config):
    """The vision-language model that labels pairs."""

    model: str = "llava-hf/llava-1.5-7b-hf"
    """Folder or hub name of a LLaVA in the transformers layout; the paper starts from this one."""
    adapter: str | None = None
    """A folder or hub name of a LoRA adapter (peft layout) that is merged into the model."""
    device: str = "auto"
    """Where it runs: cpu, cuda, cuda:1, ...; auto takes a GPU if there is one."""
    dtype: Literal["auto", "bfloat16", "float16", "float32"] = "auto"
    """Number format; auto is bfloat16 on a GPU (14 GB for 7B) and float32 on the CPU."""
    batch_size: int = Field(default=8, ge=1)
    """Pairs asked about together; changes speed and memory, not the answers."""
    max_new_tokens: int = Field(default=16, ge=1)
    """Longest answer in tokens: two words need fewer, and a model that rambles is cut off."""


@dataclass(frozen=True)
class Answer:
    """What the model said about one pair."""

    text: str
    """As generated, stripped; `labeling.instructions.wording.normalise` makes a label of it."""
    mean_log_probability: float
    """Natural logarithm, mean over the answer's tokens and its end mark; at most 0."""

    @property
    def confidence(self) -> float:
        """Geometric mean of the tokens' probabilities, in [0, 1]."""
        return math.exp(min(0.0, self.mean_log_probability))


class InstructionModel:
    """A LLaVA that answers questions about pair images, greedily.

    Args:
        model: on its device, in evaluation or training mode (put into evaluation while it answers).
        processor: its processor; tokenizer padding is set to the left, as generation needs.
        prefix: keeps what all questions begin with; only for a model whose weights stay.
    """

    def __init__(
        self,
        model: LlavaForConditionalGeneration,
        processor: LlavaProcessor,
        max_new_tokens: int = 16,
        prefix: PromptPrefix | None = None,
    ) -> None:
        self.model, self.processor = model, processor
        self.max_new_tokens, self.prefix = max_new_tokens, prefix
        _complete(processor, model)

    def inputs(self, pair_images: Sequence[np.ndarray], prompt: Prompt) -> dict[str, torch.Tensor]:
        """Token ids, attention mask and pixels, left-padded, on the CPU: making them takes no GPU,
        and may be done while the network answers the batch before."""
        images = [self._whole(image) for image in pair_images]
        texts = [conversation(prompt)] * len(images)
        call: Any = self.processor  # its type stubs miss the keyword arguments
        encoded = call(images=images, text=texts, padding=True, return_tensors="pt")
        inputs = dict(encoded.items())
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        return inputs

    def ask(self, pair_images: Sequence[np.ndarray], prompt: Prompt) -> list[Answer]:
        """Answers to one question about each pair image, RGB uint8 (H, 2 W, 3), in one batch."""
        return self.answer(self.inputs(pair_images, prompt)) if pair_images else []

    def answer(self, inputs: dict[str, torch.Tensor]) -> list[Answer]:
        """`ask` with `inputs` that were made before, perhaps by another thread."""
        import torch

        device = _device_of(self.model)
        inputs = {name: tensor.to(device) for name, tensor in inputs.items()}
        was_training = self.model.training
        self.model.eval()
        try:
            with torch.no_grad():
                network: Any = self.model  # its type stubs reject its own `generate`
                cache = self.prefix.cache_for(network, inputs) if self.prefix else None
                output = network.generate(
                    **inputs,
                    past_key_values=cache,
                    max_new_tokens=self.max_new_tokens,
                    do_sample=False,
                    num_beams=1,
                    # Released folders carry sampling settings that mean nothing to greedy decoding.
                    temperature=None,
                    top_p=None,
                    top_k=None,
                    pad_token_id=self.tokenizer.pad_token_id,
                    eos_token_id=self.tokenizer.eos_token_id,
                    return_dict_in_generate=True,
                    output_logits=True,
                )
        finally:
            self.model.train(was_training)
        tokens = output.sequences[:, inputs["input_ids"].shape[1] :]
        means = _mean_log_probabilities(
            torch.stack(output.logits, dim=1), tokens, self.tokenizer.eos_token_id
        )
        texts = self.tokenizer.batch_decode(tokens, skip_special_tokens=True)
        return [Answer(t.strip(), m) for t, m in zip(texts, means.tolist(), strict=True)]

    def instruct(
        self, current: Sequence[np.ndarray], target: Sequence[np.ndarray]
    ) -> list[tuple[str, float]]:
        """What to paint next (g_text): raw text and confidence in [0, 1] for each canvas.

        Args:
            current, target: RGB uint8 (H, W, 3); a canvas and its target have one size.
        """
        pairs = [pair_image(c, t) for c, t in zip(current, target, strict=True)]
        return [(answer.text, answer.confidence) for answer in self.ask(pairs, INSTRUCT)]

    @property
    def tokenizer(self) -> Any:
        """The processor's tokenizer."""
        return self.processor.tokenizer  # pyright: ignore[reportAttributeAccessIssue]

    def _whole(self, image: np.ndarray) -> np.ndarray:
        """The image in a form that the processor takes whole: one that crops gets a square."""
        preprocessing: Any = self.processor.image_processor  # pyright: ignore[reportAttributeAccessIssue]
        if not getattr(preprocessing, "do_center_crop", False):
            return image
        return pad_to_square(image, preprocessing.image_mean)


class LlavaLabeler:
    """Labels pairs with LLaVA: the question is the paper's annotation prompt p'."""

    def __init__(self, config: LlavaConfig) -> None:
        self.config = config
        self.name = f"llava:{weights_name(config.model)}"
        if config.adapter:
            self.name += f"+{weights_name(config.adapter)}"
        self.prompt = ANNOTATE
        self._model: InstructionModel | None = None

    def load(self) -> InstructionModel:
        """The model, loaded when it is first asked for. Raises UserError."""
        if self._model is None:
            self._model = load_instruction_model(self.config)
        return self._model

    def prepare(
        self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]
    ) -> list[dict[str, torch.Tensor]]:
        """What the network takes of (current, next) pairs, in batches. Pairs of one call may have
        different sizes; canvases of one pair may not, so that both are seen at one scale."""
        images = [pair_image(current, following) for current, following in pairs]
        size = self.config.batch_size
        starts = range(0, len(images), size)
        return [self.load().inputs(images[i : i + size], self.prompt) for i in starts]

    def answer(self, prepared: Sequence[dict[str, torch.Tensor]]) -> list[tuple[str, float]]:
        """Raw answer and mean token log-probability of each pair that was prepared."""
        answers = [answer for inputs in prepared for answer in self.load().answer(inputs)]
        return [(answer.text, answer.mean_log_probability) for answer in answers]

    def label(self, pairs: Sequence[tuple[np.ndarray, np.ndarray]]) -> list[tuple[str, float]]:
        """Raw answer and mean token log-probability of each (current, next) pair."""
        return self.answer(self.prepare(pairs))


def load_instruction_model(config: LlavaConfig) -> InstructionModel:
    """The model of a config, adapter merged, in evaluation mode.

    Raises:
        UserError: it cannot be loaded; says what was looked for, where, and what to do.
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
    """Network and processor of a folder or hub name.

    Raises:
        UserError: it is no LLaVA, or some of its weights are missing.
        OSError, ValueError, RuntimeError, SafetensorError: as the libraries raise them.
    """
    from transformers import AutoConfig, AutoProcessor, LlavaForConditionalGeneration

    # Asked for first: without a network every file costs 20 s of retries.
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
    """The one-line answer to a model or adapter that cannot be had."""
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


def _device_of(model: Any) -> torch.device:
    """Where the model computes: under accelerate's hooks its weights lie somewhere else."""
    for module in model.modules():
        device = getattr(getattr(module, "_hf_hook", None), "execution_device", None)
        if device is not None:
            import torch

            return torch.device(device)
    return model.device


def _complete(processor: Any, model: Any) -> None:
    """Set what older LLaVA folders leave out and generation in batches needs."""
    processor.tokenizer.padding_side = "left"
    if processor.tokenizer.pad_token_id is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    if processor.patch_size is None:
        # Without these three the number of image tokens in the text is wrong.
        processor.patch_size = model.config.vision_config.patch_size
        processor.num_additional_image_tokens = 1
        processor.vision_feature_select_strategy = model.config.vision_feature_select_strategy


def _mean_log_probabilities(logits: torch.Tensor, tokens: torch.Tensor, end: int) -> torch.Tensor:
    """Mean log-probability of the chosen tokens up to and with the end mark.

    Args:
        logits: (B, T, vocabulary).
        tokens: (B, T), padded after the end mark.

    Returns:
        (B,), natural logarithm.
    """
    chosen = logits.float().log_softmax(dim=-1).gather(-1, tokens[..., None])[..., 0]
    ended_before = (tokens == end).cumsum(dim=1) - (tokens == end).long() > 0
    kept = (~ended_before).float()
    return (chosen * kept).sum(dim=1) / kept.sum(dim=1)
