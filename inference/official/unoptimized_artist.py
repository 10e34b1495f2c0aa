"""An artist that computes as inefficiently as the release, as the baseline of the benchmark.

Every update runs all six branches, encodes the target anew, and runs the ReferenceNet on
six equal rows. Every self-attention projects the reference tokens of all six rows again, attends
over own and reference tokens in all of them, and then computes branch 0 a second time without.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from diffusers.models.attention_processor import Attention
from torch import Tensor
from torch.nn import functional

from inference.artist.guidance import BRANCHES
from inference.official.artist import OfficialArtist
from training.networks import unet
from training.networks.conditions import Conditioning, TargetFeatures
from training.networks.reference_attention import ReferenceAccess, ReferenceAttention


class UnoptimizedArtist(OfficialArtist):
    """An artist whose answers equal `OfficialArtist`'s, at the release's cost."""

    def target_features(self, target: np.ndarray) -> TargetFeatures:
        painter, rgb = self.painter, self._rgb(target)
        latents = self._sample(rgb, self.noise.shared)
        pooled = painter.pooled_pixels(self._pixels(target))
        rows = len(BRANCHES)
        tokens = unet.reference_tokens(
            painter.part("reference_unet"),
            latents.repeat(rows, 1, 1, 1),
            pooled[:, None].repeat(rows, 1, 1),
        )
        return TargetFeatures(rgb, latents, pooled, tokens)

    def sampled(self, *arguments, **named) -> Tensor:  # pyright: ignore[reportMissingParameterType]
        with release_attention(self.painter.part("unet")):
            return super().sampled(*arguments, **named)


class _ReleaseAttention(ReferenceAttention):
    """Self-attention in the release's order of computation."""

    def __call__(
        self,
        attention: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        reference: ReferenceAccess | None = None,
    ) -> Tensor:
        if not self.is_self_attention or reference is None or reference.tokens is None:
            # Without the cache of keys, so that text is projected at every step too.
            return super().__call__(attention, hidden_states, encoder_hidden_states, attention_mask)
        tokens = reference.tokens[self.path.rpartition(".")[0]]
        both = torch.cat([hidden_states, tokens.float().to(hidden_states)], dim=1)
        mixed = _attend(attention, hidden_states, both)
        first = hidden_states[:1]
        return torch.cat([_attend(attention, first, first), mixed[1:]])


def _attend(attention: Attention, queries: Tensor, context: Tensor) -> Tensor:
    def heads(layer: torch.nn.Module | None, tokens: Tensor) -> Tensor:
        assert layer is not None
        return layer(tokens).unflatten(-1, (attention.heads, -1)).transpose(1, 2)

    query = heads(attention.to_q, queries)
    key, value = heads(attention.to_k, context), heads(attention.to_v, context)
    mixed = functional.scaled_dot_product_attention(query, key, value)
    return attention.to_out[0](mixed.transpose(1, 2).flatten(2))  # pyright: ignore[reportOptionalSubscript]


def repeated_reference(conditioning: Conditioning) -> Conditioning:
    """The conditioning of six branches of one painting, its reference tokens copied for each
    row."""
    rows = len(conditioning.tokens)
    repeated = {path: tokens.repeat(rows, 1, 1) for path, tokens in conditioning.reference.items()}
    return replace(conditioning, reference=repeated)


@contextmanager
def release_attention(network: Any) -> Iterator[None]:
    """Context in which the UNet has the release's attention. `network` is Any: the annotations of
    diffusers allow its own processors only."""
    processors = dict(network.attn_processors)
    release = {name: _ReleaseAttention(p.path) for name, p in processors.items()}
    network.set_attn_processor(release)
    try:
        yield
    finally:
        network.set_attn_processor(processors)
