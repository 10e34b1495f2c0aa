"""Asks a LLaVA questions about pair images; returns short answers with confidences.

Labeling asks about (current | next), training and inference about (current | target). The classes
are those of transformers: the published 7B network and the small test networks differ in their
config only. torch is imported on the first call.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labeling.instructions.labeler import Answer
from labeling.instructions.vision_language.prompt_prefix import PromptPrefix
from labeling.instructions.vision_language.prompts import (
    INSTRUCT,
    Prompt,
    conversation,
    pad_to_square,
    pair_image,
)

if TYPE_CHECKING:
    import torch
    from transformers import LlavaForConditionalGeneration, LlavaProcessor


class InstructionModel:
    """A LLaVA that answers questions about pair images by greedy decoding.

    Args:
        model: the network on its device; it is in evaluation mode only while it answers.
        processor: its processor; tokenizer padding is set to the left, as generation needs.
        prefix: caches keys and values of the prompt's beginning; only for fixed weights.
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
        _set_missing_options(processor, model)

    def inputs(self, pair_images: Sequence[np.ndarray], prompt: Prompt) -> dict[str, torch.Tensor]:
        """Left-padded token ids, attention mask and pixels of one batch, on the CPU.

        Another thread may call this while the network answers the batch before.
        """
        images = [self._uncropped(image) for image in pair_images]
        texts = [conversation(prompt)] * len(images)
        call: Any = self.processor  # its type stubs miss the keyword arguments
        encoded = call(images=images, text=texts, padding=True, return_tensors="pt")
        inputs = dict(encoded.items())
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        return inputs

    def ask(self, pair_images: Sequence[np.ndarray], prompt: Prompt) -> list[Answer]:
        """Ask one question about each pair image, RGB uint8 (H, 2 W, 3), in one batch."""
        return self.answer(self.inputs(pair_images, prompt)) if pair_images else []

    def answer(self, inputs: dict[str, torch.Tensor]) -> list[Answer]:
        """Generate the answers to a batch made by `inputs`."""
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
                    # Unset, because released folders set them and greedy decoding warns then.
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
        return [
            Answer.from_log_probability(text.strip(), mean)
            for text, mean in zip(texts, means.tolist(), strict=True)
        ]

    def instruct(
        self, current: Sequence[np.ndarray], target: Sequence[np.ndarray]
    ) -> list[tuple[str, float]]:
        """Say what to paint next (the paper's g_text): text and confidence in [0, 1] per canvas.

        Args:
            current, target: RGB uint8 (H, W, 3); a canvas and its target have the same size.
        """
        pairs = [pair_image(c, t) for c, t in zip(current, target, strict=True)]
        return [(answer.text, answer.confidence) for answer in self.ask(pairs, INSTRUCT)]

    @property
    def tokenizer(self) -> Any:
        """The tokenizer of the processor."""
        return self.processor.tokenizer  # pyright: ignore[reportAttributeAccessIssue]

    def _uncropped(self, image: np.ndarray) -> np.ndarray:
        """The image, padded to a square if the processor would otherwise crop it."""
        preprocessing: Any = self.processor.image_processor  # pyright: ignore[reportAttributeAccessIssue]
        if not getattr(preprocessing, "do_center_crop", False):
            return image
        return pad_to_square(image, preprocessing.image_mean)


def _device_of(model: Any) -> torch.device:
    """The device that the model computes on; accelerate's hooks keep its weights elsewhere."""
    for module in model.modules():
        device = getattr(getattr(module, "_hf_hook", None), "execution_device", None)
        if device is not None:
            import torch

            return torch.device(device)
    return model.device


def _set_missing_options(processor: Any, model: Any) -> None:
    """Set options that older LLaVA folders lack and that batched generation needs."""
    processor.tokenizer.padding_side = "left"
    if processor.tokenizer.pad_token_id is None:
        processor.tokenizer.pad_token = processor.tokenizer.eos_token
    if processor.patch_size is None:
        # Without these three the number of image tokens in the text is wrong.
        processor.patch_size = model.config.vision_config.patch_size
        processor.num_additional_image_tokens = 1
        processor.vision_feature_select_strategy = model.config.vision_feature_select_strategy


def _mean_log_probabilities(logits: torch.Tensor, tokens: torch.Tensor, end: int) -> torch.Tensor:
    """Mean log-probability of the generated tokens, up to and including the end token.

    Args:
        logits: (B, T, vocabulary).
        tokens: generated token ids (B, T), padded after the end token.
        end: id of the end token.

    Returns:
        (B,), natural logarithm.
    """
    chosen = logits.float().log_softmax(dim=-1).gather(-1, tokens[..., None])[..., 0]
    ended_before = (tokens == end).cumsum(dim=1) - (tokens == end).long() > 0
    kept = (~ended_before).float()
    return (chosen * kept).sum(dim=1) / kept.sum(dim=1)
