"""Defines interface and config of the optional pretrained segmenter of canvas and occluders.

Off by default: the built-in stages need no weights. `grounded_segmenter` holds the networks,
`ray_segmenter` runs them next to the video workers, `shot_segmentation` uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config

Question = Literal["canvas", "occluders"]
"""The name of a method of `Segmenter`: what a request asks for."""


class Segmenter(Protocol):
    """Segments pictures, RGB uint8 (h, w, 3) each, of any sizes."""

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        """The canvas in each picture: its outer corners in pixels, float64 (4, 2) as top left, top
        right, bottom right, bottom left; None without one."""
        ...

    def occluders(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """The mask of all occluders (hands, arms, tools) in each picture: bool (h, w)."""
        ...


class SegmenterConfig(Config):
    """Pretrained networks that segment canvas and hands, as in the paper; off without `model`."""

    model: str = ""
    """Folder or hub name of a Grounding DINO in the transformers layout, such as
    IDEA-Research/grounding-dino-base; empty: no network is used."""
    mask_model: str = "facebook/sam-vit-base"
    """Folder or hub name of a SAM, which turns the detected boxes into masks."""
    canvas_text: str = "a canvas. a painting. a sheet of paper."
    """Prompt for the canvas: lower case, a full stop after each name."""
    cover_text: str = "a hand. an arm. a brush. a pencil. a palette."
    """Prompt for the occluders, in the same format."""
    box_threshold: float = Field(default=0.3, ge=0, le=1)
    """Least score of a box."""
    text_threshold: float = Field(default=0.25, ge=0, le=1)
    """Least score of a word; boxes without a word are dropped."""
    batch_size: int = Field(default=8, ge=1)
    """Pictures per batch. More is faster on a GPU and needs more memory. Another order of summation
    may move a mask by a pixel, so it is part of the identity of the result."""


def batches(images: Sequence[np.ndarray], size: int) -> list[Sequence[np.ndarray]]:
    """The pictures in batches of `size`. Wherever the networks run, the batches are the same."""
    return [images[start : start + size] for start in range(0, len(images), size)]
