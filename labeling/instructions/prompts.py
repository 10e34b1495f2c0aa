"""What a vision-language model is shown and asked: the paper's two questions and its pair image.

Both questions are word for word the paper's (supplement, section A). Their wording, and "less than
2 words" above all, is part of the published system: released weights expect exactly these texts.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Prompt:
    """A question about a pair image; `version` goes into provenance and caches."""

    version: str
    text: str


INSTRUCT = Prompt(
    version="instruct-1",
    text=(
        "There are two images side by side. The left image is an intermediate stage in a painting "
        "process of the right image. Please tell me what content should be painted next? "
        "The answer should be less than 2 words."
    ),
)
"""Prompt p: left the current canvas, right the finished painting; for training and painting."""

ANNOTATE = Prompt(
    version="annotate-1",
    text=(
        "There are two images side by side. The right image is the next step of the left image in "
        "the painting process of a painting. Please tell me what is added to right image? "
        "The answer should be less than 2 words."
    ),
)
"""Prompt p': left the current canvas, right the next one; for labeling pairs of keyframes."""

TEMPLATE = (
    "A chat between a curious user and an artificial intelligence assistant. The assistant gives "
    "helpful, detailed, and polite answers to the user's questions. "
    "USER: <image>\n{question} ASSISTANT:"
)
"""LLaVA-1.5's conversation ("v1"), which the paper's network was trained with. The authors' demo
asked in another one (v0) than it had trained in; training and asking are the same here."""


def conversation(prompt: Prompt) -> str:
    """The text that LLaVA continues with its answer; ``<image>`` stands for the pair image."""
    return TEMPLATE.format(question=prompt.text)


def pair_image(left: np.ndarray, right: np.ndarray) -> np.ndarray:
    """Two canvases side by side, without a gap.

    Args:
        left, right: RGB uint8 (H, W, 3) of one size, so that both are seen at one scale.

    Returns:
        RGB uint8 (H, 2 W, 3).

    Raises:
        ValueError: the sizes differ (a bug: all canvases of a painting have one size).
    """
    if left.shape != right.shape:
        raise ValueError(f"a pair needs one size, got {left.shape} and {right.shape}")
    return np.concatenate([left, right], axis=1)


def pad_to_square(image: np.ndarray, fill: Sequence[float]) -> np.ndarray:
    """Centre an image (H, W, 3) on a square of colour `fill` (RGB in [0, 1]).

    This is LLaVA's ``image_aspect_ratio pad``: without it CLIP's preprocessing cuts the sides off a
    wide pair, and with them most of both canvases.
    """
    height, width = image.shape[:2]
    side = max(height, width)
    colour = np.round(np.asarray(fill) * 255).astype(np.uint8)
    square = np.broadcast_to(colour, (side, side, 3)).copy()
    top, left = (side - height) // 2, (side - width) // 2
    square[top : top + height, left : left + width] = image
    return square
