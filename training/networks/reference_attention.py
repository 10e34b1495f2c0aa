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
    num_alone: int | None = None
    """The first so many rows do not read and all others do; None where rows are mixed."""
    written: dict[str, Tensor] | None = None
    """Filled by block path when it is a dict."""
    projected: dict[str, tuple[Tensor, Tensor]] | None = None
    """Keys and values of `tokens` by block path, kept for the next step while no gradient is asked
    for: they depend on the target and the weights alone."""
    context: dict[str, tuple[Tensor, Tensor]] | None = None
    """The same of the cross-attention tokens, which stay as they are during a canvas update."""


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
        query = _in_heads(attention, attention.to_q, hidden_states)
        if self.is_self_attention or encoder_hidden_states is None:
            key, value = _keys_and_values(attention, hidden_states)
        else:
            kept = None if reference is None else reference.context
            key, value = _kept_keys(attention, block, encoder_hidden_states, kept)
        if reference is not None and reference.tokens is not None and self.is_self_attention:
            more = _kept_keys(attention, block, reference.tokens[block], reference.projected)
            mixed = _with_reference(query, key, value, *more, reference)
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value, attention_mask)
        layers = cast("list[nn.Module]", attention.to_out)
        return layers[1](layers[0](mixed.transpose(1, 2).flatten(2)))


def install_reference_attention(unet: UNet2DConditionModel) -> None:
    """Give every attention layer of a UNet our processor; tensors and names stay as they are."""
    processors = {
        name: ReferenceAttention(name.removesuffix(".processor")) for name in unet.attn_processors
    }
    unet.set_attn_processor(processors)  # pyright: ignore[reportArgumentType]


def _in_heads(attention: Attention, layer: nn.Module | None, tokens: Tensor) -> Tensor:
    """Tokens through one projection, (R, heads, tokens, width / heads)."""
    assert layer is not None
    return layer(tokens).unflatten(-1, (attention.heads, -1)).transpose(1, 2)


def _keys_and_values(attention: Attention, context: Tensor) -> tuple[Tensor, Tensor]:
    return (
        _in_heads(attention, attention.to_k, context),
        _in_heads(attention, attention.to_v, context),
    )


def _kept_keys(
    attention: Attention,
    block: str,
    tokens: Tensor,
    kept: dict[str, tuple[Tensor, Tensor]] | None,
) -> tuple[Tensor, Tensor]:
    """Keys and values of tokens that are the same in every step: from `kept`, or put there."""
    if kept is None or torch.is_grad_enabled():
        return _keys_and_values(attention, tokens)
    if block not in kept:
        kept[block] = _keys_and_values(attention, tokens)
    return kept[block]


def _with_reference(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    more_key: Tensor,
    more_value: Tensor,
    reference: ReferenceAccess,
) -> Tensor:
    """Attention over own and reference tokens in the rows that read, over own ones in the others.

    The two kinds are computed apart: a mask would cost the fast kernels, and the rows without
    reference twice their work. Slices, where they do, keep the device from being asked.
    """
    # Projected before they are repeated for every row: they are the same in all branches.
    more = [_for_rows(tensor, len(query)) for tensor in (more_key, more_value)]

    def reading(index: Tensor | slice) -> Tensor:
        both = [
            torch.cat([own[index], tensor[index]], dim=2)
            for own, tensor in zip((key, value), more, strict=True)
        ]
        return functional.scaled_dot_product_attention(query[index], both[0], both[1])

    def alone(index: Tensor | slice) -> Tensor:
        return functional.scaled_dot_product_attention(query[index], key[index], value[index])

    first = 0 if reference.rows is None else reference.num_alone
    if first is not None:
        if first == 0:
            return reading(slice(None))
        parts = [alone(slice(first))]
        return torch.cat([*parts, reading(slice(first, None))] if first < len(query) else parts)
    assert reference.rows is not None
    reads, rest = reference.rows.nonzero()[:, 0], (~reference.rows).nonzero()[:, 0]
    mixed = torch.empty_like(query).index_copy(0, reads, reading(reads))
    return mixed.index_copy(0, rest, alone(rest))


def _for_rows(tensor: Tensor, num_rows: int) -> Tensor:
    """(P, ...) to (R, ...), row r that of painting r % P; no copy where there is one painting."""
    if len(tensor) == 1:
        return tensor.expand(num_rows, -1, -1, -1)
    return tensor.repeat(num_rows // len(tensor), 1, 1, 1)
