"""The pocket instruction model: a LLaVA of about a million parameters with random weights.

Its classes are those of the published 7B network (CLIP vision tower, two-layer projector, Llama).
Only the numbers in their configs and the tokenizer (of words) differ, so the same code loads,
prompts and trains both.
"""

from __future__ import annotations

from typing import Any

import torch
from pydantic import Field, model_validator
from tokenizers import Tokenizer, decoders, models, normalizers, pre_tokenizers, processors
from transformers import (
    CLIPImageProcessor,
    CLIPVisionConfig,
    LlamaConfig,
    LlavaConfig,
    LlavaForConditionalGeneration,
    LlavaProcessor,
    PreTrainedTokenizerFast,
)

from ingest.conventions.config import Config
from ingest.format.vocabulary import VOCABULARY
from labeling.instructions.vision_language.prompts import ANNOTATE, INSTRUCT, conversation
from training.networks.comparison_init import initialise_as_comparison

SPECIAL_TOKENS = ("<pad>", "<unk>", "<s>", "</s>", "<image>")
"""Tokens of the pocket tokenizer that are no words, in the order of their ids."""


class LanguageConfig(Config):
    """Size of the pocket instruction model."""

    image_px: int = Field(default=96, ge=32)
    """Side of the square that a pair image is resized to; the aspect ratio is not kept, because
    padding would leave a 2.5:1 pair only two fifths of the few patches."""
    patch_px: int = Field(default=12, ge=4)
    """Side of a patch; divides image_px into an even number of patches."""
    vision_width: int = Field(default=96, ge=24)
    """Width of the vision tower; three times a multiple of head_width (`comparison_init`)."""
    vision_layers: int = Field(default=3, ge=1)
    """Layers of the vision tower."""
    text_width: int = Field(default=96, ge=8)
    """Width of the language model."""
    text_layers: int = Field(default=1, ge=1)
    """Layers of the language model."""
    head_width: int = Field(default=32, ge=8)
    """Width of one attention head in both; divides both widths."""

    @model_validator(mode="after")
    def _sizes_fit(self) -> LanguageConfig:
        if self.image_px % (2 * self.patch_px):
            raise ValueError(f"image_px {self.image_px} is no even multiple of {self.patch_px}")
        if self.vision_width % (3 * self.head_width) or self.text_width % self.head_width:
            raise ValueError(
                f"head_width {self.head_width} must divide text_width {self.text_width}, and three "
                f"times it must divide vision_width {self.vision_width}"
            )
        return self


def build_instruction_model(
    config: LanguageConfig, seed: int
) -> tuple[LlavaForConditionalGeneration, LlavaProcessor]:
    """An untrained pocket model and its processor; equal seeds give equal weights."""
    processor = build_processor(config)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        model = LlavaForConditionalGeneration(_architecture(config, processor.tokenizer))
    generator = torch.Generator().manual_seed(seed)
    initialise_as_comparison(model.get_submodule("model.vision_tower"), generator)
    return model, processor


def build_processor(config: LanguageConfig) -> Any:
    """A processor that resizes the whole pair image to the square and splits text into words."""
    side = {"height": config.image_px, "width": config.image_px}
    images = CLIPImageProcessor(
        do_resize=True,
        size=side,
        do_center_crop=False,
        crop_size=side,
        do_rescale=True,
        do_normalize=True,
        image_mean=[0.5] * 3,
        image_std=[0.5] * 3,
    )
    return LlavaProcessor(
        image_processor=images,
        tokenizer=build_tokenizer(),
        patch_size=config.patch_px,
        num_additional_image_tokens=1,
        vision_feature_select_strategy="default",
    )


def build_tokenizer() -> PreTrainedTokenizerFast:
    """A tokenizer with one token for each word of the prompts and of `VOCABULARY`; it spells other
    words by letters."""
    split = pre_tokenizers.BertPreTokenizer()
    known = [conversation(prompt).lower() for prompt in (INSTRUCT, ANNOTATE)]
    words = {piece for text in known for piece, _ in split.pre_tokenize_str(text)}
    letters = [chr(code) for code in range(33, 127) if not chr(code).isupper()]
    pieces = [*SPECIAL_TOKENS, *letters, *(f"##{c}" for c in letters if c.isalnum()), *VOCABULARY]
    pieces += sorted(words.difference(pieces))
    ids = {piece: index for index, piece in enumerate(dict.fromkeys(pieces))}
    core = Tokenizer(models.WordPiece(ids, unk_token="<unk>"))
    core.normalizer = normalizers.BertNormalizer(lowercase=True)
    core.pre_tokenizer = split
    core.decoder = decoders.WordPiece(prefix="##", cleanup=True)
    core.post_processor = processors.TemplateProcessing(
        single="<s> $A", special_tokens=[("<s>", ids["<s>"])]
    )
    return PreTrainedTokenizerFast(
        tokenizer_object=core,
        pad_token="<pad>",
        unk_token="<unk>",
        bos_token="<s>",
        eos_token="</s>",
        additional_special_tokens=["<image>"],
        padding_side="left",
    )


def _architecture(config: LanguageConfig, tokenizer: Any) -> LlavaConfig:
    vision = CLIPVisionConfig(
        hidden_size=config.vision_width,
        intermediate_size=2 * config.vision_width,
        num_hidden_layers=config.vision_layers,
        num_attention_heads=config.vision_width // config.head_width,
        image_size=config.image_px,
        patch_size=config.patch_px,
    )
    text = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=config.text_width,
        intermediate_size=2 * config.text_width,
        num_hidden_layers=config.text_layers,
        num_attention_heads=config.text_width // config.head_width,
        num_key_value_heads=config.text_width // config.head_width,
        max_position_embeddings=1024,
        # The default 0.02 suits a width of thousands; here the layers would have almost no effect.
        initializer_range=config.text_width**-0.5,
        bos_token_id=tokenizer.bos_token_id,
        eos_token_id=tokenizer.eos_token_id,
        pad_token_id=tokenizer.pad_token_id,
    )
    configuration: Any = LlavaConfig  # its type stubs miss image_token_id
    return configuration(
        vision_config=vision,
        text_config=text,
        image_token_id=tokenizer.convert_tokens_to_ids("<image>"),
        vision_feature_select_strategy="default",
        vision_feature_layer=-1,
        image_seq_length=(config.image_px // config.patch_px) ** 2,
    )
