"""A trained painter at work: the `Artist` of the rollout whose answers come from the networks."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from inference.detail import DetailConfig, full_size_canvas, keep_outside
from inference.edges import spread_along_edges, widen
from inference.framing import Framing
from inference.guidance import guidance_of
from inference.sampling import SamplingConfig, sample_latents
from inference.steps import Artist, Instruction
from labeling.instructions import normalise
from labeling.llava import InstructionModel
from labeling.prompt_prefix import PromptPrefix
from training.networks.conditions import Branch, CanvasFeatures, Conditioning, TargetFeatures
from training.networks.presets import Preset
from training.painter import Painter

WORDLESS = "details"
"""What an instruction is taken for that holds no word at all."""


@dataclass(frozen=True)
class Manner:
    """`DetailConfig` with the preset's own choices filled in."""

    carries_detail: bool
    keeps_outside: bool
    follows_edges: bool
    feather_share: float
    opaque: tuple[float, float]

    @classmethod
    def of(cls, config: DetailConfig, preset: Preset) -> Manner:
        is_pocket = preset.name == "pocket"
        edges = config.region_edges or ("picture" if is_pocket else "blocks")
        return cls(
            is_pocket if config.carry_detail is None else config.carry_detail,
            is_pocket if config.keep_outside_mask is None else config.keep_outside_mask,
            edges == "picture",
            config.feather_share,
            config.opaque,
        )


class PainterArtist(Artist):
    """Paints one target with a painter; what depends on the target alone is computed once.

    A painter without text (-TG) gives the empty instruction, one without a mask generator (-MG) the
    whole canvas as region: the conditions that it was trained without.
    """

    def __init__(
        self,
        painter: Painter,
        target: np.ndarray,
        sampling: SamplingConfig,
        detail: DetailConfig,
        seed: int,
    ) -> None:
        self.painter, self.sampling, self.seed = painter, sampling, seed
        self.manner = Manner.of(detail, painter.preset)
        self.framing = Framing(target.shape[:2], painter.preset)
        self.guidance = guidance_of(sampling.guidance or painter.settings.guidance)
        self._prompt_prefix = PromptPrefix()
        with torch.inference_mode():
            self._target: TargetFeatures = painter.encode_target(self._tensor(target))
            self._goal = self._shown(self._target.latents)
        self._seen: tuple[np.ndarray, CanvasFeatures] | None = None
        self._returned: tuple[np.ndarray, Tensor] | None = None

    @torch.inference_mode()
    def instruct(self, canvas: np.ndarray, target: np.ndarray) -> Instruction:
        if "TG" in self.painter.preset.without:
            return Instruction("", None)
        pair = [self.framing.scaled(image) for image in (canvas, target)]
        # Not kept: an offloaded network is asked for at every turn.
        language = InstructionModel(
            self.painter.part("instruction_model"), self.painter.part("instruction_processor"),
            prefix=self._prompt_prefix,
        )  # fmt: skip
        text, confidence = language.instruct(pair[:1], pair[1:])[0]
        return Instruction(normalise(text) or WORDLESS, confidence)

    @torch.inference_mode()
    def locate(
        self,
        canvas: np.ndarray,
        target: np.ndarray,
        difference: np.ndarray,
        instruction: str,
        interval_s: float,
    ) -> np.ndarray:
        if "MG" in self.painter.preset.without:
            return np.ones(target.shape[:2], np.float32)
        probability = self.framing.blocks(
            self.painter.mask_probability(
                self._canvas(canvas).latents,
                self._target.latents,
                self.framing.mask_tensor(difference).to(self.painter.device),
                self.painter.encode_text([instruction], for_mask=True),
                self._seconds(interval_s),
            )
        )
        height, width = target.shape[:2]
        if self.manner.follows_edges:
            along = spread_along_edges(probability, target, self._reach_px(target)).clip(0, 1)
            # Neighbouring regions overlap by their soft edges, or bare canvas would shine between.
            return widen(along, self._feather_px(target))
        return cv2.resize(probability, (width, height), interpolation=cv2.INTER_NEAREST)

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
        features = self._canvas(canvas)
        latents = self._sampled(features, mask, instruction, interval_s, index)
        rendered = self._shown(latents)
        if self.manner.carries_detail:
            before = self._shown(features.latents)
            painted = full_size_canvas(
                canvas, target, mask, before, rendered, self._goal, self._reach_px(target),
                self.manner.opaque,
            )  # fmt: skip
        else:
            height, width = canvas.shape[:2]
            painted = cv2.resize(rendered, (width, height), interpolation=cv2.INTER_CUBIC)
        if self.manner.keeps_outside:
            return keep_outside(canvas, painted, mask, self._feather_px(canvas))
        following = np.rint(painted).clip(0, 255).astype(np.uint8)
        self._returned = None if self.manner.carries_detail else (following, latents)
        return following

    def snapshot(self) -> Any:
        return self._returned

    def restore(self, state: Any) -> None:
        self._returned = state

    def twin(self) -> PainterArtist:
        return copy.copy(self)

    def _sampled(
        self,
        features: CanvasFeatures,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        index: int,
    ) -> Tensor:
        """Clean latents of the next canvas."""
        painter = self.painter
        region = self.framing.region_tensor(mask).to(painter.device)
        given = self._told(features, region, instruction, interval_s, self.guidance.branches)
        num_steps = self.sampling.num_steps or painter.settings.num_steps
        seed = self.seed if self.sampling.same_noise else self.seed + index
        shape = tuple(features.latents.shape)
        return sample_latents(
            lambda latents, t: self.guidance.combine(
                painter.predict(latents.to(painter.dtype), t, given)
            ),
            painter.part("scheduler"),
            num_steps,
            (shape[0], shape[1], shape[2], shape[3]),
            torch.Generator().manual_seed(seed),
            painter.device,
            canvas_latents=self._blended(features),
            inside=torch.nn.functional.interpolate(region, size=shape[2:], mode="nearest"),
            num_blended=0
            if index == 0 and self._is_bare()
            else int(self.sampling.blended_share * num_steps),
        )

    @torch.inference_mode()
    def told(
        self,
        canvas: np.ndarray,
        mask: np.ndarray,
        instruction: str,
        interval_s: float,
        branches: Sequence[Branch],
    ) -> Conditioning:
        """What an update tells the UNet in each of `branches`."""
        region = self.framing.region_tensor(mask).to(self.painter.device)
        return self._told(self._canvas(canvas), region, instruction, interval_s, branches)

    def _told(
        self,
        features: CanvasFeatures,
        region: Tensor,
        instruction: str,
        interval_s: float,
        branches: Sequence[Branch],
    ) -> Conditioning:
        text = self.painter.encode_text([instruction])
        seconds = self._seconds(interval_s)
        return self.painter.condition(self._target, features, region, text, seconds, keep=branches)

    def _blended(self, features: CanvasFeatures) -> Tensor:
        """Latents that the region's outside follows: those that the update before returned, while
        its canvas stands as it was returned; else those of the canvas, encoded."""
        if self._seen and self._returned and np.array_equal(self._seen[0], self._returned[0]):
            return self._returned[1]
        return features.latents

    def _is_bare(self) -> bool:
        """The canvas is white: there is nothing that the outside could keep."""
        return self._seen is not None and int(self._seen[0].min()) == 255

    def _canvas(self, canvas: np.ndarray) -> CanvasFeatures:
        """Features of a canvas; locating and rendering look at the same one."""
        if self._seen is None or self._seen[0] is not canvas:
            self._seen = (canvas, self.painter.encode_canvas(self._tensor(canvas)))
        return self._seen[1]

    def _tensor(self, canvas: np.ndarray) -> Tensor:
        return self.framing.tensor(canvas).to(self.painter.device, self.painter.dtype)

    def _shown(self, latents: Tensor) -> np.ndarray:
        """What latents look like: float32 (h, w, 3) in [0, 255], without padding."""
        return self.framing.image(self.painter.decode_latents(latents))

    def _seconds(self, interval_s: float) -> Tensor:
        return torch.tensor([interval_s], device=self.painter.device)

    def _feather_px(self, canvas: np.ndarray) -> int:
        """Width of a region's soft edge on the canvas."""
        return max(1, round(self.manner.feather_share * min(canvas.shape[:2])))

    def _reach_px(self, canvas: np.ndarray) -> int:
        """How far a coarse boundary may move on the canvas: one and a half latent cells."""
        return max(1, round(12 * min(canvas.shape[:2]) / self.painter.preset.image_side_px))
