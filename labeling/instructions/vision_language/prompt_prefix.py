"""Caches the keys and values of the tokens that every question of one prompt begins with.

The tokens before the image do not depend on it: in LLaVA's template the system sentence (about 35
of 660 tokens). The network continues from their cached keys and values. The image tokens and the
question after them depend on both canvases, so they are not cached.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


class PromptPrefix:
    """Keys and values of one prompt's prefix; valid for one network with fixed weights."""

    def __init__(self) -> None:
        self._tokens: torch.Tensor | None = None
        self._cache: Any = None

    def cache_for(self, model: Any, inputs: Mapping[str, torch.Tensor]) -> Any:
        """A transformers cache that holds the prefix, for one call of `generate`.

        Args:
            model: a LLaVA.
            inputs: `input_ids` and `attention_mask` (B, T), on the device of the model.

        Returns:
            None if the rows share no prefix.
        """
        tokens = prefix_tokens(inputs, model.config.image_token_id)
        if tokens is None:
            return None
        if self._tokens is None or not _is_equal(self._tokens, tokens):
            self._tokens, self._cache = tokens, _compute_cache(model, tokens)
        # A copy, because `generate` appends to the cache that it is given.
        cache = copy.deepcopy(self._cache)
        rows = len(inputs["input_ids"])
        if rows > 1:
            cache.batch_repeat_interleave(rows)
        return cache


def prefix_tokens(inputs: Mapping[str, torch.Tensor], image_token: int) -> torch.Tensor | None:
    """The tokens (1, n) before the first image token.

    Returns:
        None if there are none, if the rows differ in them, or if a row is padded.
    """
    ids, mask = inputs["input_ids"], inputs["attention_mask"]
    is_image = ids[0] == image_token
    length = int(is_image.int().argmax())
    if not bool(is_image.any()) or length == 0 or not bool(mask.all()):
        return None
    prefix = ids[:, :length]
    return prefix[:1].clone() if bool((prefix == prefix[:1]).all()) else None


def _compute_cache(model: Any, tokens: torch.Tensor) -> Any:
    """The transformers cache after a forward pass over `tokens` (1, n)."""
    import torch
    from transformers import DynamicCache

    with torch.no_grad():
        cache = DynamicCache(config=model.config.get_text_config())
        return model(input_ids=tokens, past_key_values=cache, logits_to_keep=1).past_key_values


def _is_equal(first: torch.Tensor, second: torch.Tensor) -> bool:
    return (
        first.device == second.device
        and first.shape == second.shape
        and bool((first == second).all())
    )
