"""Canvas and hands found by pretrained networks: what is asked of them, whoever answers.

Off by default: the built-in stages need no weights. `ingest.video.segmentation.grounded_segmenter`
holds the networks, `ingest.execution.ray_actors` runs them beside the video workers,
`ingest.video.segmentation.segmenting` uses them.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal, Protocol

import numpy as np
from pydantic import Field

from ingest.conventions.config import Config

Question = Literal["canvas", "cover"]


class Segmenter(Protocol):
    """Finds things in pictures, RGB uint8 (h, w, 3) each, of any sizes."""

    def canvas(self, images: Sequence[np.ndarray]) -> list[np.ndarray | None]:
        """The canvas in each picture: its outer corners in pixels, float64 (4, 2) as top left, top
        right, bottom right, bottom left; None where none is found."""
        ...

    def cover(self, images: Sequence[np.ndarray]) -> list[np.ndarray]:
        """What lies over a canvas (hands, arms, tools) in each picture: bool (h, w)."""
        ...


class SegmenterConfig(Config):
    """Pretrained networks that find canvas and hands, as in the paper; off without a `model`."""

    model: str = ""
    """Folder or hub name of a Grounding DINO in the transformers layout, such as
    IDEA-Research/grounding-dino-base; empty: no network is used."""
    mask_model: str = "facebook/sam-vit-base"
    """Folder or hub name of a SAM, which turns the found boxes into masks."""
    canvas_text: str = "a canvas. a painting. a sheet of paper."
    """What the canvas is called: lower case, a full stop after each thing."""
    cover_text: str = "a hand. an arm. a brush. a pencil. a palette."
    """What covers it."""
    box_threshold: float = Field(default=0.3, ge=0, le=1)
    """Least score of a box."""
    text_threshold: float = Field(default=0.25, ge=0, le=1)
    """Least score of a word; boxes that no word fits are dropped."""
    batch_size: int = Field(default=8, ge=1)
    """Pictures given to the networks at once. More is faster on a GPU and needs more memory; sums
    in another order may move a mask by a pixel, so it counts as a setting of the result."""


class ActorsConfig(Config):
    """Where the segmenter's networks run, beside the video workers."""

    num_actors: int = Field(default=1, ge=1)
    """Copies of the networks; each is loaded once and serves many videos."""
    num_gpus: float = Field(default=0.0, ge=0)
    """GPU share of each copy: 0.25 puts four on one GPU, 0 leaves them on the CPU."""
    start_timeout_s: float = Field(default=900.0, gt=0)
    """How long the networks may take to be scheduled and loaded."""


def batches(images: Sequence[np.ndarray], size: int) -> list[Sequence[np.ndarray]]:
    """The pictures in runs of `size`: the same ones together, wherever the networks run."""
    return [images[start : start + size] for start in range(0, len(images), size)]
