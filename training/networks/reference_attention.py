"""Reference attention: the denoising UNet looks at the target through its own self-attention.

The ReferenceNet writes, for every transformer block, the tokens that its self-attention receives
(the output of norm1). The block of the same path in the denoising UNet appends them to its own
tokens as keys and values, through its own projections, and keeps the outputs of its own positions
(paper section 3.3; Hu et al. 2023). Nothing is stored in a network: tokens travel as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from diffusers.models.attention_processor import Attention
from diffusers.models.unets.unet_2d_condition import UNet2DConditionModel
from torch import Tensor, nn
from torch.nn import functional


@dataclass(eq=False)
class ReferenceAccess:
    """Goes through a UNet as the cross-attention keyword ``reference``.

    Either `tokens` are read (with `rows` saying which rows of the batch may), or `written` collects
    what the blocks saw.
    """

    tokens: dict[str, Tensor] | None = None
    """By block path, (P, tokens, width); a batch of R = B * P rows sees painting r % P."""
    rows: Tensor | None = None
    """bool (R,); None lets every row read."""
    written: dict[str, Tensor] | None = None
    """Filled by block path when it is a dict."""


class ReferenceAttention:
    """Attention processor of one attention layer; holds nothing but its block's path."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.is_self_attention = path.endswith("attn1")

    def __call__(
        self,
        attention: Attention,
        hidden_states: Tensor,
        encoder_hidden_states: Tensor | None = None,
        attention_mask: Tensor | None = None,
        reference: ReferenceAccess | None = None,
    ) -> Tensor:
        """Plain scaled dot product attention, with reference tokens where there are any.

        Args:
            hidden_states: (R, tokens, width).
            encoder_hidden_states: (R, context tokens, context width); None in self-attention.
        """
        block = self.path.rpartition(".")[0]
        if reference is not None and reference.written is not None and self.is_self_attention:
            reference.written[block] = hidden_states
        context = hidden_states if encoder_hidden_states is None else encoder_hidden_states
        query, key, value = _projected(attention, hidden_states, context)
        if reference is not None and reference.tokens is not None and self.is_self_attention:
            tokens = reference.tokens[block]
            _, more_key, more_value = _projected(attention, None, tokens)
            # Projected before they are repeated for every row: they are the same in all branches.
            repeats = (len(query) // len(tokens), 1, 1, 1)
            more_key, more_value = more_key.repeat(repeats), more_value.repeat(repeats)
            attention_mask = _row_mask(reference.rows, query, key, more_key)
            key, value = torch.cat([key, more_key], dim=2), torch.cat([value, more_value], dim=2)
        mixed = functional.scaled_dot_product_attention(query, key, value, attention_mask)
        layers = cast("list[nn.Module]", attention.to_out)
        return layers[1](layers[0](mixed.transpose(1, 2).flatten(2)))


def install_reference_attention(unet: UNet2DConditionModel) -> None:
    """Give every attention layer of a UNet our processor; tensors and names stay as they are."""
    processors = {
        name: ReferenceAttention(name.removesuffix(".processor")) for name in unet.attn_processors
    }
    unet.set_attn_processor(processors)  # pyright: ignore[reportArgumentType]


def _projected(
    attention: Attention, asking: Tensor | None, context: Tensor
) -> tuple[Tensor, Tensor, Tensor]:
    """Query, key and value, each (R, heads, tokens, width / heads); without `asking` the query is
    the key, and not used."""

    def heads(layer: nn.Module | None, tokens: Tensor) -> Tensor:
        assert layer is not None
        return layer(tokens).unflatten(-1, (attention.heads, -1)).transpose(1, 2)

    key, value = heads(attention.to_k, context), heads(attention.to_v, context)
    return (key if asking is None else heads(attention.to_q, asking)), key, value


def _row_mask(rows: Tensor | None, query: Tensor, own: Tensor, more: Tensor) -> Tensor | None:
    """None when every row reads; else a bool mask (R, 1, 1, own + reference tokens)."""
    if rows is None or bool(rows.all()):
        return None
    mask = torch.ones(
        len(query), own.shape[2] + more.shape[2], dtype=torch.bool, device=rows.device
    )
    mask[~rows, own.shape[2] :] = False
    return mask[:, None, None]
