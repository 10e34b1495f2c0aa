"""Reference attention: the denoising UNet looks at the target through its own self-attention.

The ReferenceNet writes, for every transformer block, the tokens that its self-attention receives
(the output of norm1). The block of the same path in the denoising UNet appends them to its own
tokens as keys and values, through its own projections, and keeps the outputs of its own positions
(paper section 3.3; Hu et al. 2023). Nothing is stored in a network: tokens travel as an argument.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import torch
from diffusers import UNet2DConditionModel
from diffusers.models.attention_processor import Attention
from torch import Tensor
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
    written: dict[str, Tensor] | None = field(default=None)
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
        query = _split_heads(attention.to_q(hidden_states), attention.heads)
        key = _split_heads(attention.to_k(context), attention.heads)
        value = _split_heads(attention.to_v(context), attention.heads)
        if reference is not None and reference.tokens is not None and self.is_self_attention:
            tokens = reference.tokens[block]
            # Projected before they are repeated for every row: they are the same in all branches.
            repeats = len(query) // len(tokens)
            more_key = _split_heads(attention.to_k(tokens), attention.heads).repeat(
                repeats, 1, 1, 1
            )
            more_value = _split_heads(attention.to_v(tokens), attention.heads).repeat(
                repeats, 1, 1, 1
            )
            attention_mask = _row_mask(reference.rows, query, key, more_key)
            key, value = torch.cat([key, more_key], dim=2), torch.cat([value, more_value], dim=2)
        mixed = functional.scaled_dot_product_attention(query, key, value, attention_mask)
        mixed = mixed.transpose(1, 2).flatten(2)
        return attention.to_out[1](attention.to_out[0](mixed))


def install_reference_attention(unet: UNet2DConditionModel) -> None:
    """Give every attention layer of a UNet our processor; tensors and names stay as they are."""
    processors = {
        name: ReferenceAttention(name.removesuffix(".processor")) for name in unet.attn_processors
    }
    unet.set_attn_processor(processors)  # pyright: ignore[reportArgumentType]


def _split_heads(tokens: Tensor, heads: int) -> Tensor:
    return tokens.unflatten(-1, (heads, -1)).transpose(1, 2)


def _row_mask(rows: Tensor | None, query: Tensor, own: Tensor, more: Tensor) -> Tensor | None:
    """None when every row reads; else a bool mask (R, 1, 1, own + reference tokens)."""
    if rows is None or bool(rows.all()):
        return None
    mask = torch.ones(
        len(query), own.shape[2] + more.shape[2], dtype=torch.bool, device=rows.device
    )
    mask[~rows, own.shape[2] :] = False
    return mask[:, None, None]
