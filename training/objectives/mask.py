"""Training objective of the region mask generator g_mask (paper section 3.2): binary cross entropy
between the mask UNet's logits and the true region mask M_t at latent size."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ingest.conventions.config import Config
from training.loop.config import LoopConfig
from training.loop.contact_sheet import contact_sheet
from training.networks.lora import UNET_LORA, LoraSettings
from training.networks.mask_blocks import downscale_mask, upscale_mask
from training.painter.folder import PainterSettings
from training.painter.painter import Painter
from training.streaming.batch import Batch


class MaskConfig(Config):
    """Training of the mask UNet and its own time encoder."""

    loop: LoopConfig = LoopConfig(batch_size=4, learning_rate=1e-3)
    """Settings of the training loop."""
    start: Literal["random", "unet"] = "random"
    """Initial weights if `initial` has no mask UNet: random, as in the released code, or those of
    its Stable Diffusion UNet, as in the paper."""
    lora: LoraSettings = UNET_LORA
    """Low-rank adaptation of a mask UNet from `initial`; its time encoder is trained whole."""
    preview_samples: int = Field(default=4, ge=1)
    """Number of samples of the preview."""


class MaskObjective:
    """Trains the mask generator; implements `training.loop.objective.Objective`."""

    name = "mask"

    def __init__(
        self, parts: dict[str, Any], settings: PainterSettings, config: MaskConfig
    ) -> None:
        self.painter, self.config = Painter(parts, settings), config
        self.preset = settings.preset

    def parts(self) -> dict[str, Any]:
        return self.painter.parts

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Binary cross entropy against M_t; with area downscaling the label is the share of mask
        pixels in the block. Also logs the intersection over union at probability 0.5."""
        logits = self._logits(batch).float()
        ground_truth = downscale_mask(batch.mask, self.preset.mask_downscaling)
        loss = functional.binary_cross_entropy_with_logits(logits, ground_truth)
        predicted, true = logits.detach() > 0, ground_truth >= 0.5
        overlap = (predicted & true).sum() / (predicted | true).sum().clamp(min=1)
        return {"loss": loss, "iou": overlap}

    def preview(self, batch: Batch) -> np.ndarray:
        """Rows of current canvas, target, difference M_d, true mask and predicted probability."""
        count = min(self.config.preview_samples, len(batch.keys))
        with torch.no_grad():
            probability = upscale_mask(torch.sigmoid(self._logits(batch).float()))
        masks = (batch.difference, batch.mask, probability)
        columns = [batch.current, batch.target, *(mask * 2 - 1 for mask in masks)]
        return contact_sheet([column[:count] for column in columns])

    def _logits(self, batch: Batch) -> Tensor:
        painter = self.painter
        # A list draws each sample's latents from its own generator, whatever batch it is in.
        sampler: Any = batch.generators() if self.preset.codec == "vae" else None
        with torch.no_grad():
            canvas = painter.encode_latents(batch.current, sampler)
            target = painter.encode_latents(batch.target, sampler)
            text = painter.encode_text(batch.instructions)
        return painter.mask_logits(canvas, target, batch.difference, text, batch.interval_s)
