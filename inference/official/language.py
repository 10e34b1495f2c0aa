"""How the release asks its language model: another template than it was trained with, and a sheet
on which canvas and target may have two scales (quirk 15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inference.rollout.steps import Instruction
from labeling.instructions.llava import InstructionModel
from labeling.instructions.prompts import INSTRUCT, Prompt

if TYPE_CHECKING:
    import torch

TEMPLATE_V0 = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the human's questions."
    "###Human: <image>\n{question}###Assistant:"
)
"""LLaVA's oldest conversation, which the release falls to because its folder name holds no "v1"."""


class OfficialInstructionModel(InstructionModel):
    """An `InstructionModel` that asks in the oldest template."""

    def inputs(self, pair_images: Sequence[np.ndarray], prompt: Prompt) -> dict[str, torch.Tensor]:
        call: Any = self.processor  # its type stubs miss the keyword arguments
        images = [self._whole(image) for image in pair_images]
        texts = [TEMPLATE_V0.format(question=prompt.text)] * len(images)
        encoded = call(images=images, text=texts, padding=True, return_tensors="pt")
        inputs = dict(encoded.items())
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        return inputs


def sheet(canvas: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """Padded canvas and picture on black of twice the picture's ORIGINAL size, RGB uint8: the
    canvas at the left, unscaled, then the picture over it at x = its width."""
    height, width = picture.shape[:2]
    page = np.zeros((height, 2 * width, 3), np.uint8)
    rows, columns = min(height, canvas.shape[0]), min(2 * width, canvas.shape[1])
    page[:rows, :columns] = canvas[:rows, :columns]
    page[:, width:] = picture
    return page


MAX_CHARACTERS = 200
"""Longest instruction that a sample may carry; the text encoder reads about as far."""


def asking(
    model: Callable[[], InstructionModel],
) -> Callable[[np.ndarray, np.ndarray], Instruction]:
    """Answers stripped and used as they are, greedily decoded.

    Args:
        model: gives the model, at every question: an offloaded one has moved meanwhile.
    """

    def ask(canvas: np.ndarray, picture: np.ndarray) -> Instruction:
        answer = model().ask([sheet(canvas, picture)], INSTRUCT)[0]
        return Instruction(answer.text[:MAX_CHARACTERS], answer.confidence)

    return ask
