"""A painting on the meta device: what every stage of an update holds in memory, before it starts.

The networks are built from their folders' configs, without weights, and called as the artist calls
them, at the picture's size and with the branches that guidance will ask for.
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

from inference.artist.crew import stacked_targets
from inference.loading.part_loading import LANGUAGE, PartLoader, prepare_vae
from inference.memory.live_bytes import LiveBytes, counting_live_bytes
from inference.memory.weight_bytes import dtype_of
from labeling.regions.perceptual import PerceptualDistance
from training.networks import unet
from training.networks.conditions import Branch, Conditioning, TargetFeatures
from training.painter.painter import Painter
from training.painter.parts import prepare_part

Result = TypeVar("Result")
PROMPT_TOKENS = 128
"""Words of the question and of the answer in LLaVA's tokens, rounded up; the image comes on top."""
NETWORKS = (
    "vae", "image_encoder", "reference_unet", "canvas_encoder", "text_encoder", "unet",
    "mask_unet", LANGUAGE,
)  # fmt: skip
PERCEPTUAL = "lpips"


@dataclass(frozen=True)
class Stage:
    """One stage of an update at its peak."""

    doing: str
    network: str
    """The part that computes."""
    live_bytes: int
    """Tensors alive at once, weights apart: features that are kept and the work itself."""


def dry_run(
    loader: PartLoader, size: tuple[int, int], branches: Sequence[Branch], num_paintings: int = 1
) -> tuple[Stage, ...]:
    """The stages of the updates of one painting, or of a batch.

    Args:
        size: height and width that the networks see, padding included.
    """
    parts = {n: _on_meta(n, loader) for n in NETWORKS if n in loader.classes}
    painter = Painter(parts, loader.settings)
    perceptual = PerceptualDistance("meta")
    with counting_live_bytes() as live:
        rehearsal = _Rehearsal(painter, loader, perceptual, live, size, num_paintings)
        return rehearsal.stages(branches)


class _Rehearsal:
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
        self.found: list[Stage] = []

    def stages(self, branches: Sequence[Branch]) -> tuple[Stage, ...]:
        """The targets first, which are kept, each by its artist and all of them by the crew
        (`inference.artist.crew`); rendering next, whose keys and values of the targets are kept
        too; then what else an update does. Canvases are encoded and decoded one by one."""
        painter, count = self.painter, self.num_paintings
        own = [
            self._features("encoding the picture", self._blank(3, *self.size)) for _ in range(count)
        ]
        # The language model looks while the features of the pictures are kept already.
        target = stacked_targets(own)
        self._run("rendering the canvas", "unet", lambda: self._render(target, branches))
        self._run("decoding the canvas", "vae", lambda: painter.decode_latents(own[0].latents))
        if LANGUAGE in painter.parts:
            self._run("asking for the next instruction", LANGUAGE, self._ask)
        self._run("encoding the instruction", "text_encoder", self._read)
        if "MG" not in self.preset.without:
            self._run("choosing where to paint", "mask_unet", self._locate)
        self._run("comparing with the picture", PERCEPTUAL, self._compare)
        return tuple(self.found)

    def _run(self, doing: str, network: str, work: Callable[[], Result]) -> Result:
        self.live.restart_peak()
        result = work()
        self.found.append(Stage(doing, network, self.live.peak))
        return result

    def _features(self, doing: str, rgb: Tensor) -> TargetFeatures:
        painter = self.painter
        latents = self._run(doing, "vae", lambda: painter.encode_latents(rgb))
        pooled = self._run(doing, "image_encoder", lambda: painter.pooled(rgb))
        if "RN" in self.preset.without:
            return TargetFeatures(rgb, latents, pooled, {})

        def refer() -> dict[str, Tensor]:
            return unet.reference_tokens(painter.part("reference_unet"), latents, pooled[:, None])

        return TargetFeatures(rgb, latents, pooled, self._run(doing, "reference_unet", refer))

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
            num_alone=sum(not branch.reference for branch in branches) * self.num_paintings,
            projected=target.projected,
        )
        timestep = torch.tensor(500.0)
        noisy = self._latents(channels, self.num_paintings)
        return self.painter.network_output(noisy, timestep, given)

    def _locate(self) -> Tensor:
        sample = self._latents(2 * self.preset.latent_channels + 1, self.num_paintings)
        tokens = self._tokens(1 + self.preset.text_tokens, self.num_paintings)
        return unet.mask_logits(self.painter.part("mask_unet"), sample, tokens)

    def _read(self) -> Any:
        shape = (self.num_paintings, self.preset.text_tokens)
        ids = torch.zeros(shape, dtype=torch.long, device="meta")
        return self.painter.part("text_encoder")(ids)

    def _ask(self) -> Any:
        """The first pass over images and questions; later ones take a token each."""
        network, rows = self.painter.part(LANGUAGE), self.num_paintings
        config = network.config
        side_px, width = config.vision_config.image_size, config.text_config.hidden_size
        image = torch.empty(rows, 3, side_px, side_px, device="meta", dtype=network.dtype)
        seen = network.model.vision_tower(image, output_hidden_states=True)
        length = config.image_seq_length + PROMPT_TOKENS
        dtype = network.dtype
        words = torch.empty(rows, length, width, device="meta", dtype=dtype)
        # bitsandbytes brings a matrix back to full precision while it is multiplied.
        bits = self.loader.memory.llava_bits
        whole = torch.empty(
            _largest_matrix(network) if bits else 0, device="meta", dtype=self.dtype
        )
        said = network.model.language_model(inputs_embeds=words, use_cache=True)
        return seen, whole, said

    def _compare(self) -> Tensor:
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
    """A part without weights, in the format that it will have."""
    library, class_name = loader.classes[name]
    made, folder = getattr(importlib.import_module(library), class_name), loader.folder / name
    with torch.device("meta"):
        part = _from_config(made, folder, library)
    part = prepare_part(name, part.eval().requires_grad_(False))
    if name == "vae":
        prepare_vae(part, loader.memory)
    # diffusers' own `to` warns of every format that it did not choose itself.
    dtype = loader.format_of(name) or dtype_of(folder)
    return nn.Module.to(part, dtype=dtype)


def _from_config(made: Any, folder: Path, library: str) -> Any:
    if library == "transformers":
        return made(AutoConfig.from_pretrained(folder))
    return made.from_config(made.load_config(folder))


def _largest_matrix(network: Any) -> int:
    """Weights of the language model's largest quantised matrix."""
    layers = network.model.language_model.layers
    return max(tensor.numel() for tensor in layers.parameters())
