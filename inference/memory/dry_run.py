"""Computes the memory of every stage of an update by running the networks on the meta device.

Networks are built from their configs without weights and called as the artist calls them, at the
picture's size and with the branches of guidance.
"""

from __future__ import annotations

import importlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import torch
from torch import Tensor, nn
from transformers import AutoConfig

from inference.artist.batched_artists import stacked_targets
from inference.loading.part_loading import INSTRUCTION_MODEL, PartLoader, prepare_vae
from inference.memory.live_bytes import LiveBytes, counting_live_bytes
from inference.memory.weight_bytes import dtype_of
from labeling.regions.perceptual import PerceptualDistance
from training.networks import unet
from training.networks.conditions import Branch, Conditioning, TargetFeatures
from training.painter.painter import Painter
from training.painter.parts import prepare_part

Result = TypeVar("Result")
PROMPT_TOKENS = 128
"""Number of LLaVA tokens of question and answer, rounded up, without the image tokens."""
NETWORKS = (
    "vae", "image_encoder", "reference_unet", "canvas_encoder", "text_encoder", "unet",
    "mask_unet", INSTRUCTION_MODEL,
)  # fmt: skip
"""Parts that are run."""
LPIPS = "lpips"
"""Name of the LPIPS network, which is no part of a painter."""


@dataclass(frozen=True)
class MemoryStage:
    """Peak memory of one stage of an update."""

    activity: str
    network: str
    """The part that computes."""
    live_bytes: int
    """Bytes of tensors that are alive at once, without weights: kept features and intermediate
    results."""
    operations: int = 0
    """Floating point operations; of one denoising step, where the canvas is rendered."""


def dry_run(
    loader: PartLoader, size: tuple[int, int], branches: Sequence[Branch], num_paintings: int = 1
) -> tuple[MemoryStage, ...]:
    """The stages of the updates of one painting, or of a batch.

    Args:
        size: height and width of the network input, padding included.
    """
    parts = {n: _on_meta(n, loader) for n in NETWORKS if n in loader.classes}
    painter = Painter(parts, loader.settings)
    perceptual = PerceptualDistance("meta")
    with counting_live_bytes() as live:
        rehearsal = _StageRunner(painter, loader, perceptual, live, size, num_paintings)
        return rehearsal.stages(branches)


class _StageRunner:
    """Runs the stages and measures the peak of each."""

    def __init__(
        self,
        painter: Painter,
        loader: PartLoader,
        perceptual: PerceptualDistance,
        live: LiveBytes,
        size: tuple[int, int],
        num_paintings: int,
    ) -> None:
        self.painter, self.loader, self.perceptual = painter, loader, perceptual
        self.live, self.size, self.num_paintings = live, size, num_paintings
        self.preset, self.dtype = painter.preset, loader.network_dtype
        self.stages_run: list[MemoryStage] = []

    def stages(self, branches: Sequence[Branch]) -> tuple[MemoryStage, ...]:
        """Run the stages in the order of what they keep in memory: first target features, kept per
        painting and for the batch (`inference.artist.batched_artists`); then rendering, which keeps
        keys and values of the targets; then the rest of an update. Canvases are encoded and decoded
        one by one."""
        painter, count = self.painter, self.num_paintings
        own = [
            self._features("encoding the picture", self._blank(3, *self.size)) for _ in range(count)
        ]
        # All later stages run while the features of the pictures are kept.
        target = stacked_targets(own)
        self._run("rendering the canvas", "unet", lambda: self._render(target, branches))
        self._run("decoding the canvas", "vae", lambda: painter.decode_latents(own[0].latents))
        if INSTRUCTION_MODEL in painter.parts:
            self._run(
                "asking for the next instruction", INSTRUCTION_MODEL, self._run_instruction_model
            )
        self._run("encoding the instruction", "text_encoder", self._encode_text)
        if "MG" not in self.preset.without:
            self._run("choosing where to paint", "mask_unet", self._predict_mask)
        self._run("comparing with the picture", LPIPS, self._measure_distance)
        return tuple(self.stages_run)

    def _run(self, activity: str, network: str, work: Callable[[], Result]) -> Result:
        self.live.restart_peak()
        before = self.live.operations
        result = work()
        operations = self.live.operations - before
        self.stages_run.append(MemoryStage(activity, network, self.live.peak, operations))
        return result

    def _features(self, activity: str, rgb: Tensor) -> TargetFeatures:
        painter = self.painter
        latents = self._run(activity, "vae", lambda: painter.encode_latents(rgb))
        pooled = self._run(activity, "image_encoder", lambda: painter.pooled(rgb))
        if "RN" in self.preset.without:
            return TargetFeatures(rgb, latents, pooled, {})

        def run_reference_unet() -> dict[str, Tensor]:
            return unet.reference_tokens(painter.part("reference_unet"), latents, pooled[:, None])

        return TargetFeatures(
            rgb, latents, pooled, self._run(activity, "reference_unet", run_reference_unet)
        )

    def _render(self, target: TargetFeatures, branches: Sequence[Branch]) -> Tensor:
        rows, channels = len(branches) * self.num_paintings, self.preset.latent_channels
        canvas_encoder = self.painter.part("canvas_encoder")
        images = self._blank(canvas_encoder.config["in_channels"], *self.size, rows=rows)
        latents = self._latents(channels, rows)
        given = Conditioning(
            tokens=self._tokens(2 + self.preset.text_tokens, rows),
            canvas_feature=canvas_encoder(images),
            canvas_latents=latents,
            target_latents=latents,
            region=self._latents(1, rows),
            reference=target.reference,
            reference_rows=torch.zeros(1),
            num_without_reference=sum(not branch.reference for branch in branches)
            * self.num_paintings,
            reference_kv=target.reference_kv,
        )
        timestep = torch.tensor(500.0)
        noisy = self._latents(channels, self.num_paintings)
        return self.painter.network_output(noisy, timestep, given)

    def _predict_mask(self) -> Tensor:
        sample = self._latents(2 * self.preset.latent_channels + 1, self.num_paintings)
        tokens = self._tokens(1 + self.preset.text_tokens, self.num_paintings)
        return unet.mask_logits(self.painter.part("mask_unet"), sample, tokens)

    def _encode_text(self) -> Any:
        shape = (self.num_paintings, self.preset.text_tokens)
        ids = torch.zeros(shape, dtype=torch.long, device="meta")
        return self.painter.part("text_encoder")(ids)

    def _run_instruction_model(self) -> Any:
        """The first pass over images and questions; each later pass takes one token."""
        network, rows = self.painter.part(INSTRUCTION_MODEL), self.num_paintings
        config = network.config
        side_px, width = config.vision_config.image_size, config.text_config.hidden_size
        image = torch.empty(rows, 3, side_px, side_px, device="meta", dtype=network.dtype)
        vision = network.model.vision_tower(image, output_hidden_states=True)
        length = config.image_seq_length + PROMPT_TOKENS
        dtype = network.dtype
        words = torch.empty(rows, length, width, device="meta", dtype=dtype)
        # bitsandbytes restores full precision of a matrix while it is multiplied.
        bits = self.loader.memory.llava_bits
        dequantised = torch.empty(
            _largest_matrix(network) if bits else 0, device="meta", dtype=self.dtype
        )
        output = network.model.language_model(inputs_embeds=words, use_cache=True)
        return vision, dequantised, output

    def _measure_distance(self) -> Tensor:
        images = [torch.empty(1, 3, *self.size, device="meta") for _ in range(2)]
        return self.perceptual.map_of(images[0], images[1])

    def _blank(self, channels: int, height: int, width: int, rows: int = 1) -> Tensor:
        return torch.empty(rows, channels, height, width, device="meta", dtype=self.dtype)

    def _latents(self, channels: int, rows: int = 1) -> Tensor:
        return self._blank(channels, self.size[0] // 8, self.size[1] // 8, rows)

    def _tokens(self, count: int, rows: int = 1) -> Tensor:
        width = self.preset.token_width
        return torch.empty(rows, count, width, device="meta", dtype=self.dtype)


def _on_meta(name: str, loader: PartLoader) -> Any:
    """A part on the meta device, in its number format."""
    library, class_name = loader.classes[name]
    made, folder = getattr(importlib.import_module(library), class_name), loader.folder / name
    with torch.device("meta"):
        part = _from_config(made, folder, library)
    part = prepare_part(name, part.eval().requires_grad_(False))
    if name == "vae":
        prepare_vae(part, loader.memory)
    # diffusers' own `to` warns about formats that it did not choose itself.
    dtype = loader.format_of(name) or dtype_of(folder)
    return nn.Module.to(part, dtype=dtype)


def _from_config(made: Any, folder: Path, library: str) -> Any:
    if library == "transformers":
        return made(AutoConfig.from_pretrained(folder, trust_remote_code=False))
    return made.from_config(made.load_config(folder))


def _largest_matrix(network: Any) -> int:
    """Number of weights of the language model's largest quantised matrix."""
    layers = network.model.language_model.layers
    return max(tensor.numel() for tensor in layers.parameters())
