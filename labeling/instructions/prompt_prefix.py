"""The beginning that all questions of one prompt share, computed once.

A language model reads from left to right, so what stands before the image is the same in every
question: its keys and values are kept and the network starts behind them. In LLaVA's template that
is the system sentence (about 35 of 660 tokens). The image holds canvas AND target, side by side in
one picture that the vision tower sees as a whole, and the question stands behind it: neither can
be kept.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class PromptPrefix:
    """Keys and values of one prompt's prefix. Holds for one network as long as its weights stay."""

    def __init__(self) -> None:
        self._tokens: torch.Tensor | None = None
        self._cache: Any = None

    def cache_for(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> Any:
        """A transformers cache that holds the prefix, for one call of `generate`; None where
        the rows share none.

        Args:
            model: a LLaVA; inputs: its `input_ids` and `attention_mask` (B, T), on its device.
        """
        tokens = prefix_tokens(inputs, model.config.image_token_id)
        if tokens is None:
            return None
        if self._tokens is None or not _same(self._tokens, tokens):
            self._tokens, self._cache = tokens, _read(model, tokens)
        # `generate` writes what it reads into the cache that it is given.
        cache = copy.deepcopy(self._cache)
        rows = len(inputs["input_ids"])
        if rows > 1:
            cache.batch_repeat_interleave(rows)
        return cache


def prefix_tokens(inputs: Mapping[str, torch.Tensor], image_token: int) -> torch.Tensor | None:
    """Tokens (1, n) before the first image token, where all rows have the same ones and no padding
    moves them; None otherwise."""
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    is_image = ids[0] == image_token
    length = int(is_image.int().argmax())
    if not bool(is_image.any()) or length == 0 or not bool(mask.all()):
        return None
    prefix = ids[:, :length]
    return prefix[:1].clone() if bool((prefix == prefix[:1]).all()) else None


def _read(model: Any, tokens: torch.Tensor) -> Any:
    """The cache after the network has read `tokens`."""
    import torch
    from transformers import DynamicCache

    with torch.no_grad():
        cache = DynamicCache(config=model.config.get_text_config())
        return model(input_ids=tokens, past_key_values=cache, logits_to_keep=1).past_key_values


def _same(first: torch.Tensor, second: torch.Tensor) -> bool:
    return (
        first.device == second.device
        and first.shape == second.shape
        and bool((first == second).all())
    )
