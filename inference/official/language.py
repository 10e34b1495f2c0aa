"""Prompts the language model as the release does: with another template than in training, and a
pair image in which canvas and target may have two scales (quirk 15)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from inference.rollout.steps import Instruction
from labeling.instructions.vision_language.instruction_model import InstructionModel
from labeling.instructions.vision_language.prompts import INSTRUCT, Prompt

if TYPE_CHECKING:
    import torch

TEMPLATE_V0 = (
    "A chat between a curious human and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the human's questions."
    "###Human: <image>\n{question}###Assistant:"
)
"""LLaVA's oldest conversation template, which the release uses because its folder name holds no
"v1"."""


class OfficialInstructionModel(InstructionModel):
    """An `InstructionModel` with the oldest template."""

    def inputs(self, pair_images: Sequence[np.ndarray], prompt: Prompt) -> dict[str, torch.Tensor]:
        call: Any = self.processor  # its type stubs miss the keyword arguments
        images = [self._uncropped(image) for image in pair_images]
        texts = [TEMPLATE_V0.format(question=prompt.text)] * len(images)
        encoded = call(images=images, text=texts, padding=True, return_tensors="pt")
        inputs = dict(encoded.items())
        inputs["pixel_values"] = inputs["pixel_values"].to(self.model.dtype)
        return inputs


def official_pair_image(canvas: np.ndarray, picture: np.ndarray) -> np.ndarray:
    """The release's pair image, RGB uint8, as high and twice as wide as the ORIGINAL picture: the
    padded canvas at the left, unscaled, then the picture over it at x = its width; the rest is
    black."""
    height, width = picture.shape[:2]
    page = np.zeros((height, 2 * width, 3), np.uint8)
    rows, columns = min(height, canvas.shape[0]), min(2 * width, canvas.shape[1])
    page[:rows, :columns] = canvas[:rows, :columns]
    page[:, width:] = picture
    return page


MAX_CHARACTERS = 200
"""Length at which instructions are cut; the text encoder reads about as far."""


def instruction_function(
    model: Callable[[], InstructionModel],
) -> Callable[[np.ndarray, np.ndarray], Instruction]:
    """A function that gives the instruction for a canvas and a picture: the greedily decoded
    answer, stripped.

    Args:
        model: gives the model for each question, because an offloaded one may have moved.
    """

    def ask(canvas: np.ndarray, picture: np.ndarray) -> Instruction:
        answer = model().ask([official_pair_image(canvas, picture)], INSTRUCT)[0]
        return Instruction(answer.text[:MAX_CHARACTERS], answer.confidence)

    return ask
