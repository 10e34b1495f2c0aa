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
            more = _reference_keys(attention, block, reference)
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


def _reference_keys(
    attention: Attention, block: str, reference: ReferenceAccess
) -> tuple[Tensor, Tensor]:
    """Keys and values of a block's reference tokens, each (P, heads, tokens, width / heads)."""
    assert reference.tokens is not None
    kept = None if torch.is_grad_enabled() else reference.projected
    if kept is not None and block in kept:
        return kept[block]
    # Projected before they are repeated for every row: they are the same in all branches.
    _, key, value = _projected(attention, None, reference.tokens[block])
    if kept is not None:
        kept[block] = (key, value)
    return key, value


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
    repeats = (len(query) // len(more_key), 1, 1, 1)
    more = [tensor.repeat(repeats) for tensor in (more_key, more_value)]

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
