"""Builds CLIP's image and text encoder and the tokenizer, and preprocesses images for CLIP."""

from __future__ import annotations

import numpy as np
import torch
from PIL import Image
from tokenizers import Tokenizer, models, normalizers, pre_tokenizers
from torch import Tensor
from torch.nn import functional
from transformers import (
    CLIPTextConfig,
    CLIPTextModel,
    CLIPVisionConfig,
    CLIPVisionModel,
    PreTrainedTokenizerFast,
)

from ingest.format.vocabulary import VOCABULARY
from training.networks.presets import Preset

CLIP_MEAN = (0.48145466, 0.4578275, 0.40821073)
"""Mean of red, green and blue in [0, 1] that CLIP subtracts (OpenAI's preprocessing)."""
CLIP_STD = (0.26862954, 0.26130258, 0.27577711)
"""Standard deviation of red, green and blue that CLIP divides by."""
TEXT_TOWER_SEED = 20240926
"""Seed of the weights of the pocket text encoder. It is random and frozen, and every run must build
the same one, so the seed is a constant and not the run's."""


def build_image_encoder(preset: Preset) -> CLIPVisionModel:
    """CLIP vision tower with random weights."""
    size = preset.image_tower
    return CLIPVisionModel(
        CLIPVisionConfig(
            hidden_size=size.width,
            intermediate_size=size.feed_forward,
            num_hidden_layers=size.layers,
            num_attention_heads=size.heads,
            image_size=preset.image_tower_px,
            patch_size=preset.image_tower_patch_px,
        )
    )


def build_text_encoder(preset: Preset, tokenizer: PreTrainedTokenizerFast) -> CLIPTextModel:
    """CLIP text encoder with weights that depend on its sizes alone; frozen."""
    size = preset.text_tower
    config = CLIPTextConfig(
        vocab_size=len(tokenizer),
        hidden_size=size.width,
        intermediate_size=size.feed_forward,
        num_hidden_layers=size.layers,
        num_attention_heads=size.heads,
        max_position_embeddings=preset.text_tokens,
        bos_token_id=_token(tokenizer, "<start>"),
        eos_token_id=_token(tokenizer, "<end>"),
        pad_token_id=_token(tokenizer, "<pad>"),
    )
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(TEXT_TOWER_SEED)
        encoder = CLIPTextModel(config)
    return encoder.requires_grad_(False)


def build_tokenizer(preset: Preset) -> PreTrainedTokenizerFast:
    """A word-level tokenizer of `VOCABULARY`; every other word is the unknown token."""
    special = ["<pad>", "<start>", "<end>", "<unknown>"]
    words = {word: index for index, word in enumerate([*special, *VOCABULARY])}
    tokenizer = Tokenizer(models.WordLevel(words, unk_token="<unknown>"))
    tokenizer.normalizer = normalizers.Lowercase()  # pyright: ignore[reportAttributeAccessIssue]
    tokenizer.pre_tokenizer = pre_tokenizers.Whitespace()  # pyright: ignore[reportAttributeAccessIssue]
    return PreTrainedTokenizerFast(
        tokenizer_object=tokenizer,
        pad_token="<pad>",
        bos_token="<start>",
        eos_token="<end>",
        unk_token="<unknown>",
        model_max_length=preset.text_tokens,
    )


def clip_pixels(rgb: Tensor, preset: Preset) -> Tensor:
    """Input of the image encoder from RGB (P, 3, H, W) in [-1, 1]: square, normalised as in
    CLIP."""
    side = preset.image_tower_px
    height, width = rgb.shape[-2:]
    size = (side, side)
    if preset.image_tower_crop:
        scale = side / min(height, width)
        size = (max(side, round(height * scale)), max(side, round(width * scale)))
    # Bicubic with antialias exists in single precision only on some devices.
    scaled = functional.interpolate(rgb.float(), size=size, mode="bicubic", antialias=True)
    top, left = (scaled.shape[-2] - side) // 2, (scaled.shape[-1] - side) // 2
    square = scaled[..., top : top + side, left : left + side].clamp(-1, 1)
    mean = torch.tensor(CLIP_MEAN, device=rgb.device, dtype=rgb.dtype)[:, None, None]
    std = torch.tensor(CLIP_STD, device=rgb.device, dtype=rgb.dtype)[:, None, None]
    return ((square + 1) / 2 - mean) / std


def clip_pixels_pillow(image: np.ndarray, preset: Preset) -> Tensor:
    """Input of the image encoder from RGB uint8 (H, W, 3), as CLIP's own preprocessing by Pillow:
    (1, 3, side, side).

    Pillow scales in 8 bit and clips after each direction. `clip_pixels`, which stays on the device,
    differs by some grey levels at sharp edges.
    """
    side = preset.image_tower_px
    height, width = image.shape[:2]
    short = min(height, width)
    size = (int(side * height / short), int(side * width / short))
    scaled = Image.fromarray(image).resize((size[1], size[0]), Image.Resampling.BICUBIC)
    top, left = (size[0] - side) // 2, (size[1] - side) // 2
    square = np.asarray(scaled)[top : top + side, left : left + side]
    pixels = torch.from_numpy(square.copy()).permute(2, 0, 1)[None].float() / 255
    mean, std = torch.tensor(CLIP_MEAN)[:, None, None], torch.tensor(CLIP_STD)[:, None, None]
    return (pixels - mean) / std


def _token(tokenizer: PreTrainedTokenizerFast, word: str) -> int:
    return tokenizer.get_vocab()[word]
