"""The paper's two prompts, and the pair image that a vision-language model is shown with them.

Both prompts are word for word the paper's (supplement, section A). The released weights expect
exactly these texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prompt:
    """A question about a pair image."""

    version: str
    """Identifies the text in provenance and caches."""
    text: str


INSTRUCT = Prompt(
    version="instruct-1",
    text=(
        "There are two images side by side. The left image is an intermediate stage in a painting "
        "process of the right image. Please tell me what content should be painted next? "
        "The answer should be less than 2 words."
    ),
)
"""Prompt p, for training and inference: current canvas left, finished painting right."""

ANNOTATE = Prompt(
    version="annotate-1",
    text=(
        "There are two images side by side. The right image is the next step of the left image in "
        "the painting process of a painting. Please tell me what is added to right image? "
        "The answer should be less than 2 words."
    ),
)
"""Prompt p', for labeling: current canvas left, next canvas right."""

TEMPLATE = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. "
    "USER: <image>\n{question} ASSISTANT:"
)
"""The conversation template of LLaVA-1.5 ("v1"), with which the paper's network was trained. The
authors' demo uses v0 instead; here training and inference use the same template."""


def conversation(prompt: Prompt) -> str:
    """The text that LLaVA continues with its answer; ``<image>`` stands for the pair image."""
    return TEMPLATE.format(question=prompt.text)


def pair_image(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two canvases side by side, without a gap.

    Args:
        left, right: RGB uint8 (H, W, 3), both of one size.

    Returns:
        RGB uint8 (H, 2 W, 3).

    Raises:
        ValueError: the sizes differ.
    """
    if left.shape != right.shape:
        raise ValueError(f"a pair needs one size, got {left.shape} and {right.shape}")
    return np.concatenate([left, right], axis=1)


def pad_to_square(image: np.ndarray, fill: Sequence[float]) -> np.ndarray:
    """Centre an image (H, W, 3) on a square of colour `fill` (RGB in [0, 1]).

    This is LLaVA's ``image_aspect_ratio pad``. Without it CLIP's preprocessing would crop the sides
    of a wide pair image, and with them most of both canvases.
    """
    height, width = image.shape[:2]
    side = max(height, width)
    colour = np.round(np.asarray(fill) * 255).astype(np.uint8)
    square = np.broadcast_to(colour, (side, side, 3)).copy()
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square
