"""The state of one painting: target features, cached canvas features, seed and settings."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor

from inference.artist.canvas_transform import CanvasTransform
from inference.artist.detail import DetailConfig, full_size_canvas, keep_outside
from inference.artist.guidance import guidance_of
from inference.artist.guided_filter import dilate_map, guided_upsampling
from inference.artist.sampling import SamplingConfig
from inference.rollout.artist_requests import LocateRequest, RenderRequest
from labeling.instructions.vision_language.instruction_model import InstructionModel
from labeling.instructions.vision_language.prompt_prefix import PromptPrefix
from training.networks.conditions import CanvasFeatures, TargetFeatures
from training.networks.presets import Preset
from training.painter.painter import Painter


@dataclass(frozen=True)
class DetailSettings:
    """`DetailConfig` with the preset's choice in place of null."""

    carries_detail: bool
    keeps_outside: bool
    follows_edges: bool
    feather_share: float
    opaque: tuple[float, float]

    @classmethod
    def resolved(cls, config: DetailConfig, preset: Preset) -> DetailSettings:
        """The settings of `config` for a painter of `preset`."""
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
    """Target, cached canvas, noise and last output of one painting. Features of the target are
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
        self.detail = DetailSettings.resolved(detail, painter.preset)
        self.transform = CanvasTransform(target.shape[:2], painter.preset)
        self.guidance = guidance_of(sampling.guidance or painter.settings.guidance)
        self._prompt_prefix = PromptPrefix()
        with torch.inference_mode():
            self.target: TargetFeatures = painter.encode_target(self._tensor(target))
            self._decoded_target = self._decoded(self.target.latents)
        self._cached_canvas: tuple[np.ndarray, CanvasFeatures] | None = None
        self.last_output: tuple[np.ndarray, Tensor] | None = None

    def instruction_model(self) -> InstructionModel:
        """g_text. Built at every call: a reference to an offloaded network must not be kept."""
        return InstructionModel(
            self.painter.part("instruction_model"), self.painter.part("instruction_processor"),
            prefix=self._prompt_prefix,
        )  # fmt: skip

    def features(self, canvas: np.ndarray) -> CanvasFeatures:
        """Features of a canvas, cached: `locate` and `render` of one step use the same canvas."""
        if self._cached_canvas is None or self._cached_canvas[0] is not canvas:
            self._cached_canvas = (canvas, self.painter.encode_canvas(self._tensor(canvas)))
        return self._cached_canvas[1]

    def blend_latents(self, canvas: np.ndarray) -> Tensor:
        """Latents that are kept outside the region: those of the update before if the canvas is its
        unchanged output, else the encoded canvas."""
        if self.last_output and np.array_equal(canvas, self.last_output[0]):
            return self.last_output[1]
        return self.features(canvas).latents

    def generator(self, index: int) -> torch.Generator:
        """The random generator of step `index`."""
        seed = self.seed if self.sampling.same_noise else self.seed + index
        return torch.Generator().manual_seed(seed)

    def full_size_probability(self, request: LocateRequest, probability: Tensor) -> np.ndarray:
        """A probability map (1, 1, h, w) at latent size, upsampled to the canvas: float32 (H,
        W)."""
        blocks = self.transform.blocks(probability)
        height, width = request.target.shape[:2]
        if self.detail.follows_edges:
            along = guided_upsampling(
                blocks, request.target, self._edge_radius_px(request.target)
            ).clip(0, 1)
            # Neighbouring regions overlap by their soft edges; a gap would leave blank canvas.
            return dilate_map(along, self._feather_px(request.target))
        return cv2.resize(blocks, (width, height), interpolation=cv2.INTER_NEAREST)

    def next_canvas(self, request: RenderRequest, latents: Tensor) -> np.ndarray:
        """The next canvas from its clean latents (1, C, h, w) and the current canvas: uint8
        (H, W, 3)."""
        rendered, canvas = self._decoded(latents), request.canvas
        if self.detail.carries_detail:
            before = self._decoded(self.features(canvas).latents)
            next_canvas = full_size_canvas(
                canvas, request.target, request.mask, before, rendered, self._decoded_target,
                self._edge_radius_px(request.target), self.detail.opaque,
            )  # fmt: skip
        else:
            height, width = canvas.shape[:2]
            next_canvas = cv2.resize(rendered, (width, height), interpolation=cv2.INTER_CUBIC)
        if self.detail.keeps_outside:
            return keep_outside(canvas, next_canvas, request.mask, self._feather_px(canvas))
        following = np.rint(next_canvas).clip(0, 255).astype(np.uint8)
        self.last_output = None if self.detail.carries_detail else (following, latents)
        return following

    def _tensor(self, canvas: np.ndarray) -> Tensor:
        return self.transform.tensor(canvas).to(self.painter.device, self.painter.dtype)

    def _decoded(self, latents: Tensor) -> np.ndarray:
        """Decoded latents: float32 (h, w, 3) in [0, 255], without padding."""
        return self.transform.image(self.painter.decode_latents(latents))

    def _feather_px(self, canvas: np.ndarray) -> int:
        """Width in px of a region's soft edge on the canvas."""
        return max(1, round(self.detail.feather_share * min(canvas.shape[:2])))

    def _edge_radius_px(self, canvas: np.ndarray) -> int:
        """Distance in px that a coarse boundary may move on the canvas: one and a half latent
        pixels."""
        return max(1, round(12 * min(canvas.shape[:2]) / self.painter.preset.image_side_px))
