"""Training objective of the canvas renderer: the next canvas (paper section 3.3, equation 1).

Teacher forcing: current canvas, region mask and instruction are the true ones (the paper measured
that predicted ones are worse: LPIPS 0.438 instead of 0.364).
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from pydantic import Field
from torch import Tensor
from torch.nn import functional

from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from training.loop.config import LoopConfig
from training.loop.contact_sheet import contact_sheet
from training.networks.conditions import TargetFeatures
from training.networks.diffusion import add_noise, draw_condition_flags, draw_noise, draw_timesteps
from training.networks.lora import UNET_LORA, LoraSettings
from training.networks.mask_blocks import blockwise_mask
from training.painter.folder import PainterSettings
from training.painter.painter import Painter
from training.streaming.batch import Batch


class RendererConfig(Config):
    """Training of the denoising UNet, ReferenceNet, canvas, time and next-image encoders."""

    loop: LoopConfig = LoopConfig(batch_size=4, learning_rate=2e-3)
    """Settings of the training loop."""
    drop_probability: float = Field(default=0.0, ge=0, le=1)
    """Probability that image, canvas, time, mask or text is dropped, each on its own (paper: 0.1).
    Guidance needs it. Pocket paints without guidance, and in a short training it only harms."""
    drop_reference_probability: float = Field(default=0.0, ge=0, le=1)
    """Probability that the target is dropped (paper: 0)."""
    next_image_weight: float = Field(default=0.0, ge=0)
    """Weight of the squared distance between the next-image token and the CLIP vector of the true
    next canvas; both must have the same width. 0, as in the paper: the adapter learns from the
    noise loss alone."""
    lora: LoraSettings = UNET_LORA
    """Low-rank adaptation of UNet and ReferenceNet from `initial`; the small encoders are trained
    whole."""
    preview_samples: int = Field(default=4, ge=1)
    """Number of samples of the preview."""


class RendererObjective:
    """Trains the renderer; implements `training.loop.objective.Objective`."""

    name = "renderer"

    def __init__(
        self, parts: dict[str, Any], settings: PainterSettings, config: RendererConfig
    ) -> None:
        self.painter, self.config = Painter(parts, settings), config
        self.preset = settings.preset
        if config.next_image_weight:
            self._check_next_image_loss()

    def parts(self) -> dict[str, Any]:
        return self.painter.parts

    def loss(self, batch: Batch) -> dict[str, Tensor]:
        """Mean squared error of the predicted noise (equation 1), or mean absolute error of the
        predicted canvas if the preset's UNet predicts that."""
        painter, generators = self.painter, batch.generators()
        device = batch.current.device
        # A list draws each sample's latents from its own generator, whatever batch it is in.
        sampler: Any = generators if self.preset.codec == "vae" else None
        with torch.no_grad():
            clean = painter.encode_latents(batch.next, sampler)
        timesteps = draw_timesteps(generators)
        noise = draw_noise(generators, clean.shape[1:]).to(clean)
        keep = draw_condition_flags(
            generators, self.config.drop_probability, self.config.drop_reference_probability
        ).to(device)
        # With timesteps on the CPU, where the schedule is, no step waits for a GPU here.
        noisy = add_noise(painter.part("scheduler"), clean, noise, timesteps)
        target = painter.encode_target(batch.target, sampler)
        canvas = painter.encode_canvas(batch.current, sampler)
        conditioning = painter.condition(
            target, canvas, self._mask(batch), painter.encode_text(batch.instructions),
            batch.interval_s, keep,
        )  # fmt: skip
        prediction = painter.network_output(noisy, timesteps.to(device), conditioning)
        ground_truth = noise if self.preset.output == "noise" else clean
        error = self._error(prediction.float(), ground_truth.float())
        terms = {"loss": error, "error": error.detach()}
        if self.config.next_image_weight:
            with torch.no_grad():
                following = painter.pooled(batch.next)
            image = painter.next_image_token(canvas, target)
            terms["next_image"] = functional.mse_loss(image[:, 0], following)
            terms["loss"] = error + self.config.next_image_weight * terms["next_image"]
        return terms

    def _check_next_image_loss(self) -> None:
        """Raises UserError if the next-image token does not exist or is not as wide as a CLIP
        vector."""
        tower, token = self.preset.image_tower.width, self.preset.token_width
        if "CE" in self.preset.without or tower != token:
            why = "training.without says CE" if tower == token else f"{token} is not {tower} wide"
            raise UserError(
                "training.renderer.next_image_weight compares the next-image token with the CLIP "
                f"vector of the true next canvas, but {why}: set the weight to 0"
            )

    def _error(self, prediction: Tensor, ground_truth: Tensor) -> Tensor:
        if self.preset.output == "noise":
            return functional.mse_loss(prediction, ground_truth)
        # Squared error would give the mean of "painted" and "not painted yet", a blend of both.
        return functional.l1_loss(prediction, ground_truth)

    def _mask(self, batch: Batch) -> Tensor:
        return blockwise_mask(batch.mask) if self.preset.mask_blocks else batch.mask

    def preview(self, batch: Batch) -> np.ndarray:
        """Rows of current canvas, true mask, true next canvas, predicted next canvas and target."""
        count = min(self.config.preview_samples, len(batch.keys))
        with torch.no_grad():
            target = self.painter.encode_target(batch.target)
            painted = self.paint(batch, target)
        columns = [batch.current, batch.mask * 2 - 1, batch.next, painted, batch.target]
        return contact_sheet([column[:count] for column in columns])

    @torch.no_grad()
    def paint(self, batch: Batch, target: TargetFeatures) -> Tensor:
        """The next canvas (P, 3, H, W) from the true mask and instruction, without guidance."""
        painter = self.painter
        conditioning = painter.condition(
            target, painter.encode_canvas(batch.current), self._mask(batch),
            painter.encode_text(batch.instructions), batch.interval_s,
        )  # fmt: skip
        scheduler = type(painter.part("scheduler")).from_config(painter.part("scheduler").config)
        scheduler.set_timesteps(self.preset.num_steps, device=batch.current.device)
        generators = batch.generators()
        shape = target.latents.shape[1:]
        latents = draw_noise(generators, shape).to(target.latents) * scheduler.init_noise_sigma
        for index, timestep in enumerate(scheduler.timesteps):
            model_input = scheduler.scale_model_input(latents, timestep)
            prediction = painter.predict(model_input, timestep, conditioning)
            step_noise = torch.Generator().manual_seed(batch.seeds[0] + index)
            latents = scheduler.step(
                prediction, timestep, latents, generator=step_noise
            ).prev_sample
        return painter.decode_latents(latents)
