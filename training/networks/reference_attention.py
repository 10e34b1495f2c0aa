"""Reference attention: self-attention of the denoising UNet over its own and the target's tokens.

The ReferenceNet writes, for every transformer block, the tokens that its self-attention receives
(the output of norm1). The block of the same path in the denoising UNet appends them to its own
tokens as keys and values, through its own projections, and keeps the outputs of its own positions
(paper section 3.3; Hu et al. 2023). No network stores tokens: they are passed as an argument.
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
    """The argument that a UNet hands to its attention layers (cross-attention keyword
    ``reference``).

    Either the layers read `tokens` (in the rows that `rows` marks), or they store the tokens that
    they receive in `written`.
    """

    tokens: dict[str, Tensor] | None = None
    """By block path, (P, tokens, width); a batch of R = B * P rows sees painting r % P."""
    rows: Tensor | None = None
    """bool (R,), the rows that read the tokens; None for all."""
    num_without_reference: int | None = None
    """Number of leading rows that do not read the tokens, if all later rows do; else None."""
    written: dict[str, Tensor] | None = None
    """Where the ReferenceNet stores its tokens, by block path; None while tokens are read."""
    reference_kv: dict[str, tuple[Tensor, Tensor]] | None = None
    """Cache of keys and values of `tokens`, by block path. It is used without gradients only: they
    depend on the target and the weights alone."""
    context_kv: dict[str, tuple[Tensor, Tensor]] | None = None
    """Cache of keys and values of the cross-attention tokens, which are constant during a canvas
    update."""


class ReferenceAttention:
    """Attention processor of one attention layer; its only state is the path of its block."""

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
        """Scaled dot product attention, in self-attention over reference tokens too if there are
        any.

        Args:
            hidden_states: (R, tokens, width).
            encoder_hidden_states: (R, context tokens, context width); None in self-attention.
        """
        block = self.path.rpartition(".")[0]
        if reference is not None and reference.written is not None and self.is_self_attention:
            reference.written[block] = hidden_states
        query = _split_heads(attention, attention.to_q, hidden_states)
        if self.is_self_attention or encoder_hidden_states is None:
            key, value = _keys_and_values(attention, hidden_states)
        else:
            cache = None if reference is None else reference.context_kv
            key, value = _cached_keys_and_values(attention, block, encoder_hidden_states, cache)
        if reference is not None and reference.tokens is not None and self.is_self_attention:
            more = _cached_keys_and_values(
                attention, block, reference.tokens[block], reference.reference_kv
            )
            mixed = _with_reference(query, key, value, *more, reference)
        else:
            mixed = functional.scaled_dot_product_attention(query, key, value, attention_mask)
        layers = cast("list[nn.Module]", attention.to_out)
        return layers[1](layers[0](mixed.transpose(1, 2).flatten(2)))


def install_reference_attention(unet: UNet2DConditionModel) -> None:
    """Set a `ReferenceAttention` in every attention layer of a UNet; tensor names do not change."""
    processors = {
        name: ReferenceAttention(name.removesuffix(".processor")) for name in unet.attn_processors
    }
    unet.set_attn_processor(processors)  # pyright: ignore[reportArgumentType]


def _split_heads(attention: Attention, layer: nn.Module | None, tokens: Tensor) -> Tensor:
    """Project tokens and split the heads: (R, heads, tokens, width / heads)."""
    assert layer is not None
    return layer(tokens).unflatten(-1, (attention.heads, -1)).transpose(1, 2)


def _keys_and_values(attention: Attention, tokens: Tensor) -> tuple[Tensor, Tensor]:
    return (
        _split_heads(attention, attention.to_k, tokens),
        _split_heads(attention, attention.to_v, tokens),
    )


def _cached_keys_and_values(
    attention: Attention,
    block: str,
    tokens: Tensor,
    cache: dict[str, tuple[Tensor, Tensor]] | None,
) -> tuple[Tensor, Tensor]:
    """Keys and values of tokens that are the same in every step, from `cache` or added to it."""
    if cache is None or torch.is_grad_enabled():
        return _keys_and_values(attention, tokens)
    if block not in cache:
        cache[block] = _keys_and_values(attention, tokens)
    return cache[block]


def _with_reference(
    query: Tensor,
    key: Tensor,
    value: Tensor,
    reference_key: Tensor,
    reference_value: Tensor,
    reference: ReferenceAccess,
) -> Tensor:
    """Attention over own and reference tokens in the rows that read them, else over own tokens.

    The two kinds of rows are computed separately: a mask would rule out the fast kernels and double
    the work of rows without reference. Slices are used where possible: an index made from
    `rows` makes the CPU wait for the device.
    """
    # Repeated after the projection: keys and values are the same in all branches.
    more = [_repeated_for_rows(tensor, len(query)) for tensor in (reference_key, reference_value)]

    def attend_with_reference(index: Tensor | slice) -> Tensor:
        both = [
            torch.cat([own[index], tensor[index]], dim=2)
            for own, tensor in zip((key, value), more, strict=True)
        ]
        return functional.scaled_dot_product_attention(query[index], both[0], both[1])

    def attend_without_reference(index: Tensor | slice) -> Tensor:
        return functional.scaled_dot_product_attention(query[index], key[index], value[index])

    num_without = 0 if reference.rows is None else reference.num_without_reference
    if num_without is not None:
        if num_without == 0:
            return attend_with_reference(slice(None))
        parts = [attend_without_reference(slice(num_without))]
        return torch.cat(
            [*parts, attend_with_reference(slice(num_without, None))]
            if num_without < len(query)
            else parts
        )
    assert reference.rows is not None
    with_rows, without_rows = reference.rows.nonzero()[:, 0], (~reference.rows).nonzero()[:, 0]
    mixed = torch.empty_like(query).index_copy(0, with_rows, attend_with_reference(with_rows))
    return mixed.index_copy(0, without_rows, attend_without_reference(without_rows))


def _repeated_for_rows(tensor: Tensor, num_rows: int) -> Tensor:
    """Repeat (P, ...) to (R, ...): row r belongs to painting r % P. One painting is not copied."""
    if len(tensor) == 1:
        return tensor.expand(num_rows, -1, -1, -1)
    return tensor.repeat(num_rows // len(tensor), 1, 1, 1)
