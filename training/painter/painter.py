"""A painter: all networks of one system, and the forward passes that training and inference share.

`load_painter` reads a painter folder (layout: `training.painter.folder`). Gradients flow through
every method except where a network is frozen; inference wraps its loop in `torch.inference_mode()`.
Guidance, thresholds and the loop itself live in the inference package.

Modules of networks are imported where they are used: that takes seconds, and strokes need none.

Legend: P paintings, R rows, H x W image size (a multiple of `preset.pad_multiple_px`), h x w latent
size (an eighth of it), C latent channels, D token width. RGB tensors are in [-1, 1].
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import torch
from torch import Tensor, nn

from ingest.conventions.errors import UserError
from training.networks.conditions import (
    Branch,
    CanvasFeatures,
    ConditionFlags,
    Conditioning,
    TargetFeatures,
)
from training.networks.mask_blocks import downscale_mask
from training.painter.finite import finite
from training.painter.folder import PainterSettings, read_painter_folder


class Painter:
    """Networks by part name and their settings. Trainers need some of the parts only; a method
    whose part is missing raises a UserError that names it."""

    def __init__(
        self,
        parts: dict[str, Any],
        settings: PainterSettings,
        device: torch.device | None = None,
    ) -> None:
        """
        Args:
            device: device of the computation; None for that of the weights.
        """
        self.parts, self.settings, self.preset = parts, settings, settings.preset
        self._device = device
        self._empty_text: Tensor | None = None

    def part(self, name: str) -> Any:
        """A part by its name (`unet`, `scheduler`, `instruction_model`, ...)."""
        if name not in self.parts:
            raise UserError(
                f"this painter has no part {name!r} (it has {', '.join(sorted(self.parts))}): "
                "train it and put the painter together again with `python -m training painter`"
            )
        return self.parts[name]

    @property
    def device(self) -> torch.device:
        """Device of the computation."""
        return self._device or next(iter(self._networks())).device

    @property
    def dtype(self) -> torch.dtype:
        """Number format of the UNets; time encoders stay in float32."""
        return next(iter(self._networks())).dtype

    def to(self, device: torch.device | str, dtype: torch.dtype | None = None) -> Painter:
        """Move every network; time encoders keep float32 (`TimeEncoder.to`)."""
        for part in self.parts.values():
            if isinstance(part, nn.Module):
                # diffusers' own `to` is hidden from type checkers behind a decorator.
                cast(Any, part).to(device, dtype)
        self._empty_text = None
        self._device = None
        return self

    def to_channels_last(self) -> Painter:
        """Convert convolutions to the channels-last layout, which CPUs compute faster; results
        differ by rounding."""
        for name in ("unet", "mask_unet", "reference_unet", "vae", "canvas_encoder"):
            if isinstance(self.parts.get(name), nn.Module):
                network: Any = self.parts[name]
                network.to(memory_format=torch.channels_last)
        return self

    def _networks(self) -> list[Tensor]:
        names = ("unet", "mask_unet")
        return [next(self.parts[n].parameters()) for n in names if n in self.parts]

    # Computed once per painting or once per canvas update

    def encode_latents(self, rgb: Tensor, generator: torch.Generator | None = None) -> Tensor:
        """E_I: RGB (P, 3, H, W) to scaled latents (P, C, h, w): the mode of the posterior, or with
        a generator a sample of it."""
        posterior = self.latent_distribution(rgb)
        latents = posterior.mode() if generator is None else posterior.sample(generator)
        return latents * self.part("vae").config.scaling_factor

    def latent_distribution(self, rgb: Tensor) -> Any:
        """The posterior of unscaled latents of RGB (P, 3, H, W): `mean` and, of a VAE, `std`."""
        return self.part("vae").encode(rgb.to(self.dtype)).latent_dist

    def decode_latents(self, latents: Tensor) -> Tensor:
        """Scaled latents (P, C, h, w) to RGB (P, 3, H, W), clamped to [-1, 1]. Raises UserError for
        values that are not finite."""
        codec = self.part("vae")
        unscaled = latents.to(self.dtype) / codec.config.scaling_factor
        return finite(codec.decode(unscaled).sample, "canvas", self.dtype).clamp(-1, 1)

    def pooled(self, rgb: Tensor) -> Tensor:
        """CLIP vector of the class token after the last norm, (P, width)."""
        from training.networks.towers import clip_pixels

        return self.pooled_pixels(clip_pixels(rgb, self.preset))

    def pooled_pixels(self, pixels: Tensor) -> Tensor:
        """`pooled` of preprocessed pixels: square, normalised (P, 3, side, side)."""
        return self.part("image_encoder")(pixels.to(self.dtype)).pooler_output

    def encode_target(
        self, target: Tensor, generator: torch.Generator | None = None
    ) -> TargetFeatures:
        """Features of the target (P, 3, H, W), once per painting; runs the ReferenceNet."""
        from training.networks import unet

        latents, pooled = self.encode_latents(target, generator), self.pooled(target)
        if "RN" in self.preset.without:
            return TargetFeatures(target, latents, pooled, {})
        reference = unet.reference_tokens(self.part("reference_unet"), latents, pooled[:, None])
        return TargetFeatures(target, latents, pooled, reference)

    def encode_canvas(
        self, canvas: Tensor, generator: torch.Generator | None = None
    ) -> CanvasFeatures:
        """Features of the current canvas (P, 3, H, W), computed once per canvas update."""
        return CanvasFeatures(canvas, self.encode_latents(canvas, generator), self.pooled(canvas))

    def encode_text(self, instructions: Sequence[str], for_mask: bool = False) -> Tensor:
        """g_p: last hidden state of the text encoder, padded, (P, text tokens, D).

        Args:
            for_mask: use the mask generator's own text encoder, if the painter has one (the
                renderer has another text encoder if it was trained with it).
        """
        own = for_mask and "mask_text_encoder" in self.parts
        encoder = self.part("mask_text_encoder" if own else "text_encoder")
        known = [""] * len(instructions) if "TG" in self.preset.without else list(instructions)
        encoded = self.part("tokenizer")(
            known, padding="max_length", truncation=True, max_length=self.preset.text_tokens,
            return_tensors="pt",
        )  # fmt: skip
        return encoder(encoded.input_ids.to(self.device)).last_hidden_state

    def time_tokens(self, interval_s: Tensor) -> Tensor:
        """g_t of the renderer: seconds (P,) to one token each, (P, 1, D)."""
        if "TE" in self.preset.without:
            return self._zero_token(interval_s)
        return self.part("time_encoder")(interval_s)

    def next_image_token(self, canvas: CanvasFeatures, target: TargetFeatures) -> Tensor:
        """g_c: the token that describes the next canvas, (P, 1, D)."""
        if "CE" in self.preset.without:
            return self._zero_token(canvas.pooled)
        pooled = torch.cat([canvas.pooled, target.pooled], dim=-1)
        return self.part("next_image_adapter")(pooled)

    # The mask generator

    def mask_logits(
        self, canvas_latents: Tensor, target_latents: Tensor, difference: Tensor, text: Tensor,
        interval_s: Tensor,
    ) -> Tensor:  # fmt: skip
        """g_mask before its sigmoid: (P, 1, h, w).

        Args:
            canvas_latents: `encode_latents` of the current canvas, (P, C, h, w).
            target_latents: the same of the target.
            difference: M_d at image size, 0/1 or bool, (P, 1, H, W).
            text: `encode_text`, (P, text tokens, D).
            interval_s: seconds to the next canvas, (P,).
        """
        from training.networks import unet

        small = downscale_mask(difference, self.preset.mask_downscaling).to(canvas_latents.dtype)
        if "TE" in self.preset.without:
            time = self._zero_token(text)
        else:
            time = self.part("mask_time_encoder")(interval_s).to(text.dtype)
        tokens = torch.cat([time, text], dim=1)
        sample = torch.cat([canvas_latents, target_latents, small], dim=1)
        return unet.mask_logits(self.part("mask_unet"), sample, tokens)

    def mask_probability(
        self, canvas_latents: Tensor, target_latents: Tensor, difference: Tensor, text: Tensor,
        interval_s: Tensor,
    ) -> Tensor:  # fmt: skip
        """Probability in [0, 1] that a latent pixel is painted in this step, (P, 1, h, w);
        arguments as in `mask_logits`. Thresholding and `upscale_mask` are the caller's. Raises
        UserError for values that are not finite."""
        logits = self.mask_logits(canvas_latents, target_latents, difference, text, interval_s)
        return torch.sigmoid(finite(logits, "region", self.dtype).float())

    # The renderer

    def condition(
        self,
        target: TargetFeatures,
        canvas: CanvasFeatures,
        mask: Tensor,
        text: Tensor,
        interval_s: Tensor,
        keep: ConditionFlags | Sequence[Branch] = (Branch(),),
    ) -> Conditioning:
        """The conditioning of one canvas update, for R rows.

        Args:
            mask: M_t at image size, 0/1, (P, 1, H, W).
            text: `encode_text` of the instructions, (P, text tokens, D).
            interval_s: seconds to the next canvas, (P,).
            keep: the conditions that each row sees; branches give branch-major rows.
        """
        from training.networks import denoiser

        if not isinstance(keep, ConditionFlags):
            keep = ConditionFlags.of(keep, len(text), text.device)
        keep = keep.without(self.preset.without)
        image = self.next_image_token(canvas, target)
        time = self.time_tokens(interval_s).to(text.dtype)
        return denoiser.build_conditioning(
            canvas_encoder=self.part("canvas_encoder"),
            image_token=image,
            time_token=time,
            text_tokens=text,
            empty_text=self._encoded_empty_text(),
            target=target,
            canvas=canvas,
            mask=mask.to(text.dtype),
            keep=keep,
        )

    def network_output(
        self, latents: Tensor, timestep: Tensor | float, conditioning: Conditioning
    ) -> Tensor:
        """The training output of the UNet, (R, C, h, w): the noise in paper, the clean next canvas
        in pocket; arguments as in `predict`."""
        from training.networks import denoiser

        unet_part, output = self.part("unet"), self.preset.output
        return denoiser.network_output(unet_part, output, latents, timestep, conditioning)

    def predict(
        self, latents: Tensor, timestep: Tensor | float, conditioning: Conditioning
    ) -> Tensor:
        """One pass of the denoising UNet.

        Args:
            latents: noisy latents as the scheduler's `scale_model_input` gives them (variance
                preserving), (P, C, h, w); repeated for every branch of `conditioning`.
            timestep: in [0, 999], fractions allowed; one number, or (R,) in training.

        Returns:
            (R, C, h, w), branch-major, in the scheduler's prediction type: noise (epsilon) in
            paper, velocity in pocket. Guidance may sum either.
        """
        from training.networks import denoiser

        unet_part, scheduler, output = self.part("unet"), self.part("scheduler"), self.preset.output
        return denoiser.predict(unet_part, scheduler, output, latents, timestep, conditioning)

    def _zero_token(self, like: Tensor) -> Tensor:
        """The token of a condition that the preset leaves out, (P, 1, D)."""
        return like.new_zeros(len(like), 1, self.preset.token_width)

    def _encoded_empty_text(self) -> Tensor:
        if self._empty_text is None:
            with torch.no_grad():
                self._empty_text = self.encode_text([""])
        return self._empty_text


def load_painter(
    folder: str | Path,
    device: torch.device | str = "cpu",
    dtype: torch.dtype | None = None,
) -> Painter:
    """A painter from a folder or the name of a hub repository, in evaluation mode.

    Raises:
        UserError: no such folder, not a painter folder, or a part that is missing or damaged.
    """
    parts, settings = read_painter_folder(folder)
    for part in parts.values():
        if isinstance(part, nn.Module):
            part.eval().requires_grad_(False)
    return Painter(parts, settings).to(device, dtype)
