"""Packs weights once into oneDNN's layout, so that they are not reordered at every call (CPU).

PyTorch's eager layers pass plain weights to oneDNN and MKL, which reorder them before each product.
With few pixels and many channels, as deep in a UNet, that costs as much as the product itself.
Packed layers compute the same sums in another order. They hold no parameters, so a packed painter
can neither be trained nor saved.
"""

from __future__ import annotations

from typing import Any, cast

import torch
from torch import Tensor, nn

from training.painter.painter import Painter

_NN: Any = getattr(torch._C, "_nn", None)
"""PyTorch's internal module with the operators that torch.compile emits. They are no stable API, so
`can_pack` checks for them."""

PACKED_PARTS = ("unet", "mask_unet")
"""Parts that run once per denoising step or update; the others run too rarely to benefit."""
TYPICAL_ROWS = 4
"""Batch size for which the packed layout is chosen; other sizes work too."""


class PackedConv2d(nn.Module):
    """A plain convolution, (R, in, h, w) to (R, out, h, w)."""

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self._stride, self._padding = conv.stride, conv.padding
        self._dilation, self._groups, self._bias = conv.dilation, conv.groups, conv.bias
        self._weight = _NN.mkldnn_reorder_conv2d_weight(
            conv.weight.detach().contiguous().to_mkldnn(),
            self._padding, self._stride, self._dilation, self._groups,
            (TYPICAL_ROWS, conv.in_channels, 8, 8),
        )  # fmt: skip

    def forward(self, images: Tensor) -> Tensor:
        return torch.ops.mkldnn._convolution_pointwise(
            images, self._weight, self._bias, self._padding, self._stride, self._dilation,
            self._groups, "none", [], "",
        )  # fmt: skip


class PackedLinear(nn.Module):
    """A linear layer, (..., in) to (..., out)."""

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self._bias = linear.bias
        weight = linear.weight.detach().contiguous()
        self._weight = torch.ops.mkldnn._reorder_linear_weight(weight, TYPICAL_ROWS)

    def forward(self, tokens: Tensor) -> Tensor:
        return torch.ops.mkldnn._linear_pointwise(tokens, self._weight, self._bias, "none", [], "")


def pack_for_cpu(painter: Painter) -> Painter:
    """Pack a float32 painter's UNets in place; does nothing on GPUs or in other formats."""
    if not can_pack(painter.device, painter.dtype):
        return painter
    for name in PACKED_PARTS:
        if isinstance(painter.parts.get(name), nn.Module):
            pack(painter.parts[name])
    return painter


def can_pack(device: torch.device, dtype: torch.dtype) -> bool:
    """Returns True if networks are on the CPU in float32 and this PyTorch has the operators."""
    operators = ("_convolution_pointwise", "_linear_pointwise", "_reorder_linear_weight")
    return (
        device.type == "cpu"
        and dtype == torch.float32
        and torch.backends.mkldnn.is_available()
        and hasattr(_NN, "mkldnn_reorder_conv2d_weight")
        and all(hasattr(torch.ops.mkldnn, name) for name in operators)
    )


def pack(module: nn.Module) -> None:
    """Pack a network's plain convolutions and linear layers in place."""
    for name, child in list(module.named_children()):
        # Subclasses compute more than the product.
        if type(child) is nn.Conv2d and not isinstance(child.padding, str):
            setattr(module, name, PackedConv2d(cast(nn.Conv2d, child)))
        elif type(child) is nn.Linear:
            setattr(module, name, PackedLinear(cast(nn.Linear, child)))
        else:
            pack(child)
