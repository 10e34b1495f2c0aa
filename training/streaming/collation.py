"""Stacks samples of one size to a batch of uint8 images and bool masks."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from ingest.format.schema import Sample
from training.networks.presets import Preset
from training.streaming.batch import Batch, Position
from training.streaming.resizing import resize_and_pad, resize_and_pad_mask


def collate(samples: list[Sample], preset: Preset, seeds: list[int], position: Position) -> Batch:
    """A batch of samples of one size, resized and padded as the preset says."""
    images = {
        name: _stacked([resize_and_pad(getattr(sample, name), preset) for sample in samples])
        for name in ("current", "next", "target")
    }
    masks = {
        name: _stacked(
            [resize_and_pad_mask(getattr(sample, name), preset)[..., None] for sample in samples]
        )
        for name in ("mask", "difference")
    }
    return Batch(
        keys=[sample.key for sample in samples],
        interval_s=torch.tensor([sample.interval_s for sample in samples], dtype=torch.float32),
        instructions=[sample.instruction for sample in samples],
        seeds=seeds,
        position=position,
        **images,
        **masks,
    )


def _stacked(images: list[np.ndarray]) -> Tensor:
    """uint8 or bool (H, W, C) to (B, C, H, W) of the same type; the memory layout stays NHWC."""
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
