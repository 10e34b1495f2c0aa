"""Runs ``python -m inference import-official``: converts the authors' checkpoints to a painter
folder.

Parts are copied one by one from the memory-mapped file to safetensors, so memory stays little above
the largest file. The folder is renamed to its name when it is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from diffusers.models.autoencoders.autoencoder_kl import AutoencoderKL
from safetensors.torch import save_file
from torch import Tensor, nn
from transformers import AutoTokenizer, CLIPTextModel, CLIPVisionModel

from inference.official.checkpoint import (
    State,
    checked_state,
    mask_parts,
    read_checkpoint,
    renderer_parts,
    state_of,
    time_rule,
)
from inference.official.llava import import_llava
from inference.official.sizes import token_width, unet_size
from ingest.conventions.atomic import atomic_folder
from ingest.conventions.errors import UserError
from training.networks.diffusion import build_scheduler
from training.networks.presets import PAPER, Preset
from training.painter.folder import PainterSettings, class_of, local_folder, write_index

WEIGHTS = "diffusion_pytorch_model.safetensors"
"""Weight file of a part in diffusers' layout."""


@dataclass(frozen=True)
class Sources:
    """Sources of the import: paths, or hub names (OWNER/NAME, for files OWNER/NAME/FILE)."""

    renderer: str
    mask: str
    base: str
    clip: str
    llava: str | None
    llava_vision: str | None = None


def import_official(
    sources: Sources, out: Path, dtype: str, say: Callable[[str], None]
) -> dict[str, Any]:
    """Convert the release into the painter folder `out`.

    Args:
        dtype: number format of the weights written; ``keep`` takes the files' own (float32).
        say: called with a line of text for every part.

    Raises:
        UserError: something is missing, damaged or does not fit; nothing is left behind.
    """
    if out.exists() and any(out.iterdir() if out.is_dir() else [out]):
        raise UserError(f"{out} is not empty: choose another -o, or delete it first")
    with atomic_folder(out) as temporary:
        importer = _Importer(temporary, None if dtype == "keep" else getattr(torch, dtype), say)
        importer.checkpoints(local_file(sources.renderer), local_file(sources.mask))
        importer.base(_folder(sources.base, "--base"))
        importer.clip(_folder(sources.clip, "--clip"))
        if sources.llava is not None:
            vision = sources.llava_vision
            importer.classes |= import_llava(
                _folder(sources.llava, "--llava"),
                _folder(vision, "--llava-vision") if vision else None,
                temporary,
                say,
            )
        write_index(temporary, importer.classes, importer.settings(sources))
    return {"painter": str(out), "parts": sorted(importer.classes), "tensors": importer.num_tensors}


def local_file(name: str) -> Path:
    """The file itself, or the local copy of a hub file ``OWNER/NAME/PATH``."""
    path, parts = Path(name), name.split("/")
    if path.exists() or len(parts) < 3 or name.startswith((".", "/", "~")):
        return path
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import HfHubHTTPError, HFValidationError, LocalEntryNotFoundError

    try:
        return Path(hf_hub_download("/".join(parts[:2]), "/".join(parts[2:])))
    except (HfHubHTTPError, HFValidationError, LocalEntryNotFoundError, OSError) as error:
        raise UserError(
            f"{name} is no file here and could not be fetched from the hub "
            f"({type(error).__name__}): check the name and the network"
        ) from error


def _folder(name: str, option: str) -> Path:
    try:
        return local_folder(name)
    except UserError as error:
        raise UserError(f"{option}: {error}") from error


class _Importer:
    """The folder that is being written, and the preset's sizes known so far."""

    def __init__(self, folder: Path, dtype: torch.dtype | None, say: Callable[[str], None]) -> None:
        self.folder, self.dtype, self.say = folder, dtype, say
        self.classes: dict[str, list[str]] = {}
        self.num_tensors: dict[str, int] = {}
        self.steps: dict[str, Any] = {}
        self.sizes: dict[str, Any] = {}
        self.own_text: State | None = None

    def checkpoints(self, renderer: Path, mask: Path) -> None:
        rule, mask_rule = time_rule(renderer), time_rule(mask)
        for path, parts in ((renderer, renderer_parts(rule)), (mask, mask_parts(mask_rule))):
            content = read_checkpoint(path)
            known = {key for key, _ in parts.values()} | {"epoch", "global_step"}
            extra = set(content) - known - {"text_encoder_state_dict"}
            if extra:
                self.say(f"{path.name}: not used: {', '.join(sorted(extra))}")
            for name, (key, build) in parts.items():
                state = state_of(content, key, path)
                network = build(state)
                self._size(name, state)
                self._write(name, network, checked_state(name, network, state, f"{path}: {key}"))
            if path == renderer and "text_encoder_state_dict" in content:
                self.own_text = state_of(content, "text_encoder_state_dict", path)
            self.steps[path.name] = content.get("global_step")

    def base(self, folder: Path) -> None:
        """Write VAE, text encoder and tokenizer of Stable Diffusion, and the paper's scheduler."""
        for name, loader in (("vae", AutoencoderKL), ("tokenizer", AutoTokenizer)):
            self._save(name, _loaded(loader, folder / name))
        text = _loaded(CLIPTextModel, folder / "text_encoder")
        if self.own_text is None:
            self._save("text_encoder", text)
        else:
            # Quirk 14: the mask generator keeps the base model's text encoder.
            self._save("mask_text_encoder", text)
            names = text.state_dict()
            state = {_renamed(n, names, "text_model."): t for n, t in self.own_text.items()}
            text.load_state_dict(
                checked_state("text_encoder", text, state, "text_encoder_state_dict")
            )
            self._save("text_encoder", text)
        self.sizes["text_tokens"] = text.config.max_position_embeddings
        self._save("scheduler", build_scheduler("epsilon"))

    def clip(self, folder: Path) -> None:
        tower = _loaded(CLIPVisionModel, folder)
        given = tower.config
        self.sizes |= {
            "image_tower": PAPER.image_tower.model_copy(
                update={
                    "width": given.hidden_size, "layers": given.num_hidden_layers,
                    "heads": given.num_attention_heads, "feed_forward": given.intermediate_size,
                }
            ),
            "image_tower_px": given.image_size,
            "image_tower_patch_px": given.patch_size,
        }  # fmt: skip
        self._save("image_encoder", tower)

    def settings(self, sources: Sources) -> PainterSettings:
        preset = Preset.model_validate({**PAPER.model_dump(), **self.sizes})
        return PainterSettings(
            preset=preset,
            num_steps=preset.num_steps,
            guidance=preset.guidance,
            provenance={"official": {**vars(sources), "global_step": self.steps}},
        )

    def _size(self, name: str, state: State) -> None:
        """Read sizes of the preset from a part's tensors."""
        if name in ("unet", "mask_unet"):
            self.sizes[name] = unet_size(state)
        if name == "unet":
            self.sizes |= {"token_width": token_width(state)}

    def _write(self, name: str, network: Any, state: dict[str, Tensor]) -> None:
        """Write a part from the mapped file: config of the network, weights of the state."""
        place = self.folder / name
        network.save_config(place)
        # Time encoders stay in float32: their sines need it.
        dtype = None if name.endswith("time_encoder") else self.dtype
        tensors = {n: (t if dtype is None else t.to(dtype)).contiguous() for n, t in state.items()}
        save_file(tensors, place / WEIGHTS, metadata={"format": "pt"})
        self.classes[name] = class_of(network)
        self.num_tensors[name] = len(tensors)
        self.say(f"{name}: {len(tensors)} tensors")

    def _save(self, name: str, part: Any) -> None:
        """Write a part that its own library loaded."""
        if isinstance(part, nn.Module):
            # diffusers' own `to` is hidden from type checkers behind a decorator.
            network: Any = part
            network.to(self.dtype)
            self.num_tensors[name] = len(part.state_dict())
        saved: Any = part
        saved.save_pretrained(self.folder / name)
        self.classes[name] = class_of(part)
        self.say(f"{name}: from the base model")


def _loaded(loader: Any, folder: Path) -> Any:
    if not folder.is_dir():
        raise UserError(
            f"{folder} is not there: give a Stable Diffusion 1.5 folder in diffusers layout (vae, "
            "text_encoder, tokenizer) as --base and a CLIP folder as --clip"
        )
    try:
        return loader.from_pretrained(folder)
    except (OSError, ValueError, RuntimeError, KeyError) as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(f"{folder} does not load as {loader.__name__} ({reason})") from error


def _renamed(name: str, known: Any, prefix: str) -> str:
    """transformers 5 dropped a prefix that older exports carry."""
    return name if name in known else name.removeprefix(prefix)
