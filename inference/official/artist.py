"""An `Artist` and a `CanvasMetric` that repeat the release with its quirks (`inference.quirks`
official).

docs/inference.md lists every quirk with its effect. Canvases of this rollout are PADDED,
RGB uint8 (hp, wp, 3): padding is part of every difference, CLIP vector and mask area. Latents of
the target are not cached: the release samples them again at each use.
"""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from inference.artist.guidance import BRANCHES, official_sum
from inference.official.noise import NoiseSource
from inference.official.resizing import LOCK_REFUSAL, cropped, padded_image, padded_tensor, signed
from inference.official.sampling import INSIDE_ABOVE, Blend, official_latents
from inference.rollout.steps import Artist, Instruction
from ingest.conventions.errors import UserError
from training.networks import unet
from training.networks.conditions import Branch, CanvasFeatures, Conditioning, TargetFeatures
from training.networks.mask_blocks import upscale_mask
from training.networks.towers import clip_pixels_pillow
from training.painter.painter import Painter

DIFFERENCE_THRESHOLD = 0.2
"""LPIPS above which a pixel counts as different (alpha in paper section 3.2)."""


InstructionFunction = Callable[[np.ndarray, np.ndarray], Instruction]
"""Gives the next instruction from the padded canvas and the picture in its ORIGINAL size."""


class OfficialArtist(Artist):
    """Paints one picture as the release does.

    Args:
        picture: RGB uint8 (H, W, 3) in its original size.
        instruction_function: asks the language model.
        guidance: scales by condition; every branch is computed, as in the release.
    """

    def __init__(
        self,
        painter: Painter,
        picture: np.ndarray,
        instruction_function: InstructionFunction,
        noise: NoiseSource,
        guidance: dict[str, float],
        num_steps: int,
        blended_share: float = 0.2,
        branches: Sequence[Branch] = BRANCHES,
    ) -> None:
        self.painter, self.picture, self.noise, self._instruction_function = (
            painter,
            picture,
            noise,
            instruction_function,
        )
        self.guidance, self.num_steps, self.blended_share = guidance, num_steps, blended_share
        self.branches = branches
        self._short_edge_px = painter.preset.image_side_px
        self._last_latents: Tensor | None = None

    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        return self._instruction_function(canvas, self.picture)

    @torch.inference_mode()
    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        """Two VAE samples from the global random state, canvas first, and one pass."""
        painter = self.painter
        pixels = [signed(padded_tensor(i, self._short_edge_px)) for i in (canvas, self.picture)]
        current, goal = [self._sample(image, self.noise.shared) for image in pixels]
        probability = painter.mask_probability(
            current,
            goal,
            torch.from_numpy(difference)[None, None].to(painter.device),
            painter.encode_text([instruction], for_mask=True),
            self._seconds(interval_s),
        )
        return upscale_mask(probability)[0, 0].cpu().numpy()

    @torch.inference_mode()
    def render(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> np.ndarray:
        latents = self.sampled(canvas, target, mask, instruction, interval_s, index)
        self._last_latents = latents
        return self.decoded(latents)

    def carry_over(self, painted: np.ndarray) -> np.ndarray:
        """Crop to the picture's original size, then scale and pad again (quirk 8)."""
        return padded_image(cropped(painted, self._original_size), self._short_edge_px)

    def sampled(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> Tensor:
        """The latents (1, C, h, w) that one call of the release's pipeline returns."""
        painter = self.painter
        shape = (1, painter.preset.latent_channels, canvas.shape[0] // 8, canvas.shape[1] // 8)
        self.noise.restart()
        if self._last_latents is None:
            # The release samples the canvas here and does not use it (cur_alpha is 0).
            self.noise.pipeline(shape)
        initial = self._on_device(self.noise.pipeline(shape))
        features = self.target_features(target)
        conditioning = self.conditioning(canvas, features, mask, instruction, interval_s)
        return official_latents(
            lambda latents, t: official_sum(
                painter.predict(latents, t, conditioning), self.guidance
            ),
            painter.part("scheduler"),
            self.num_steps,
            initial,
            lambda: self.noise.pipeline(shape),
            self._blend(mask, shape),
        )

    def target_features(self, target: np.ndarray) -> TargetFeatures:
        """Features of the target; latents are sampled and the ReferenceNet is run again at every
        update."""
        painter, rgb = self.painter, self._rgb(target)
        latents = self._sample(rgb, self.noise.shared)
        pooled = painter.pooled_pixels(self._pixels(target))
        tokens = unet.reference_tokens(painter.part("reference_unet"), latents, pooled[:, None])
        return TargetFeatures(rgb, latents, pooled, tokens)

    def conditioning(
        self,
        canvas: np.ndarray,
        target: TargetFeatures,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> Conditioning:
        """The conditioning of an update, with a row per branch."""
        painter = self.painter
        pooled = painter.pooled_pixels(self._pixels(canvas))
        # A network that predicts noise does not use the latents of the canvas.
        features = CanvasFeatures(self._rgb(canvas), torch.zeros_like(target.latents), pooled)
        region = self._on_device(torch.from_numpy(mask)[None, None].float())
        text = painter.encode_text([instruction])
        return painter.condition(
            target, features, region, text, self._seconds(interval_s), keep=self.branches
        )

    def decoded(self, latents: Tensor) -> np.ndarray:
        """RGB uint8 (hp, wp, 3), truncated, not rounded."""
        image = self.painter.decode_latents(latents) / 2 + 0.5
        return (image.clamp(0, 1).float() * 255)[0].permute(1, 2, 0).byte().cpu().numpy()

    def lock(self, locked: np.ndarray | None) -> None:
        if locked is not None:
            raise UserError(LOCK_REFUSAL)

    def snapshot(self) -> Any:
        return self._last_latents, self.noise.snapshot()

    def restore(self, state: Any) -> None:
        self._last_latents = state[0]
        self.noise.restore(state[1])

    def fork(self) -> OfficialArtist:
        other = copy.copy(self)
        other.noise = copy.deepcopy(self.noise)
        return other

    def _blend(self, mask: np.ndarray, shape: Sequence[int]) -> Blend | None:
        if self._last_latents is None:
            return None
        small = functional.interpolate(
            torch.from_numpy(mask)[None, None].float(), size=tuple(shape[2:]), mode="nearest"
        )
        inside = (small > INSIDE_ABOVE).to(self.painter.device)
        return Blend(self._last_latents, inside, int(self.blended_share * self.num_steps))

    def _sample(self, rgb: Tensor, draw: Callable[[Sequence[int]], Tensor]) -> Tensor:
        """A scaled VAE sample of RGB (1, 3, hp, wp) in [-1, 1]; `draw` gives its noise."""
        posterior = self.painter.latent_distribution(self._on_device(rgb))
        noise = self._on_device(draw(posterior.mean.shape))
        scale = self.painter.part("vae").config.scaling_factor
        return (posterior.mean + posterior.std * noise) * scale

    def _rgb(self, image: np.ndarray) -> Tensor:
        values = torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255
        return self._on_device(signed(values))

    def _pixels(self, image: np.ndarray) -> Tensor:
        return self._on_device(clip_pixels_pillow(image, self.painter.preset))

    def _on_device(self, tensor: Tensor) -> Tensor:
        return tensor.to(self.painter.device, self.painter.dtype)

    def _seconds(self, interval_s: float) -> Tensor:
        return torch.tensor([interval_s], device=self.painter.device)

    @property
    def _original_size(self) -> tuple[int, int]:
        return self.picture.shape[0], self.picture.shape[1]


class OfficialMetric:
    """LPIPS as the release computes it, by functions of RGB in [-1, 1], (1, 3, hp, wp)."""

    def __init__(
        self,
        picture: np.ndarray,
        short_edge_px: int,
        spatial: Callable[[Tensor, Tensor], Tensor],
        scalar: Callable[[Tensor, Tensor], Tensor],
    ) -> None:
        """
        Args:
            spatial: gives the LPIPS map (1, 1, hp, wp), not clamped; the first argument is the
                canvas.
            scalar: gives LPIPS.
        """
        self._target = signed(padded_tensor(picture, short_edge_px))
        self._short_edge_px, self._spatial, self._scalar = short_edge_px, spatial, scalar

    def difference(self, canvas: np.ndarray, target: np.ndarray) -> np.ndarray:
        """M_d to the target as the mask generator scales it, padding included."""
        pixels = signed(padded_tensor(canvas, self._short_edge_px))
        map = self._spatial(pixels, self._target)
        return (map > DIFFERENCE_THRESHOLD)[0, 0].cpu().numpy()

    def distance(self, first: np.ndarray, second: np.ndarray) -> float:
        """LPIPS of two padded canvases, padding included: the crop of the release cuts nothing."""
        return float(self._scalar(_signed(first), _signed(second)))


def _signed(image: np.ndarray) -> Tensor:
    return signed(torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255)
