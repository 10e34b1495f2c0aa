"""One painting under way: all that belongs to it alone, between steps of its networks."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from inference.artist.detail import DetailConfig, full_size_canvas, keep_outside
from inference.artist.edges import spread_along_edges, widen
from inference.artist.framing import Framing
from inference.artist.guidance import guidance_of
from inference.artist.sampling import SamplingConfig
from inference.rollout.asks import Locate, Render
from labeling.instructions.llava import InstructionModel
from labeling.instructions.prompt_prefix import PromptPrefix
from training.networks.conditions import CanvasFeatures, TargetFeatures
from training.networks.presets import Preset
from training.painter.painter import Painter


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


class PaintingState:
    """Target, canvas, noise and memory of one painting. What depends on the target alone is
    computed once."""

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
            self.target: TargetFeatures = painter.encode_target(self._tensor(target))
            self._goal = self._shown(self.target.latents)
        self._seen: tuple[np.ndarray, CanvasFeatures] | None = None
        self.returned: tuple[np.ndarray, Tensor] | None = None

    def language(self) -> InstructionModel:
        """g_text. Made anew at every turn: an offloaded network must not be kept."""
        return InstructionModel(
            self.painter.part("instruction_model"), self.painter.part("instruction_processor"),
            prefix=self._prompt_prefix,
        )  # fmt: skip

    def features(self, canvas: np.ndarray) -> CanvasFeatures:
        """Features of a canvas; locating and rendering look at the same one."""
        if self._seen is None or self._seen[0] is not canvas:
            self._seen = (canvas, self.painter.encode_canvas(self._tensor(canvas)))
        return self._seen[1]

    def blended(self, canvas: np.ndarray) -> Tensor:
        """Latents that the region's outside follows: those that the update before returned, while
        its canvas stands as it was returned; else those of the canvas, encoded."""
        if self.returned and np.array_equal(canvas, self.returned[0]):
            return self.returned[1]
        return self.features(canvas).latents

    def generator(self, index: int) -> torch.Generator:
        """Where the noise of step `index` comes from."""
        seed = self.seed if self.sampling.same_noise else self.seed + index
        return torch.Generator().manual_seed(seed)

    def located(self, ask: Locate, probability: Tensor) -> np.ndarray:
        """A probability map at latent size (1, 1, h, w) on the canvas: float32 (H, W)."""
        blocks = self.framing.blocks(probability)
        height, width = ask.target.shape[:2]
        if self.manner.follows_edges:
            along = spread_along_edges(blocks, ask.target, self._reach_px(ask.target)).clip(0, 1)
            # Neighbouring regions overlap by their soft edges, or bare canvas would shine between.
            return widen(along, self._feather_px(ask.target))
        return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)

    def painted(self, ask: Render, latents: Tensor) -> np.ndarray:
        """The canvas that clean latents (1, C, h, w) make of the one before: uint8 (H, W, 3)."""
        rendered, canvas = self._shown(latents), ask.canvas
        if self.manner.carries_detail:
            before = self._shown(self.features(canvas).latents)
            painted = full_size_canvas(
                canvas, ask.target, ask.mask, before, rendered, self._goal,
                self._reach_px(ask.target), self.manner.opaque,
            )  # fmt: skip
        else:
            height, width = canvas.shape[:2]
            painted = cv2.resize(rendered, (width, height), interpolation=cv2.INTER_CUBIC)
        if self.manner.keeps_outside:
            return keep_outside(canvas, painted, ask.mask, self._feather_px(canvas))
        following = np.rint(painted).clip(0, 255).astype(np.uint8)
        self.returned = None if self.manner.carries_detail else (following, latents)
        return following

    def _tensor(self, canvas: np.ndarray) -> Tensor:
        return self.framing.tensor(canvas).to(self.painter.device, self.painter.dtype)

    def _shown(self, latents: Tensor) -> np.ndarray:
        """What latents look like: float32 (h, w, 3) in [0, 255], without padding."""
        return self.framing.image(self.painter.decode_latents(latents))

    def _feather_px(self, canvas: np.ndarray) -> int:
        """Width of a region's soft edge on the canvas."""
        return max(1, round(self.manner.feather_share * min(canvas.shape[:2])))

    def _reach_px(self, canvas: np.ndarray) -> int:
        """How far a coarse boundary may move on the canvas: one and a half latent cells."""
        return max(1, round(12 * min(canvas.shape[:2]) / self.painter.preset.image_side_px))
