"""Reads the weights that Timecraft's authors published, a Keras ``.h5``, without TensorFlow."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import h5py
import numpy as np
import torch
from torch import Tensor

from ingest.conventions.errors import UserError
from training.rivals.timecraft.network import NUM_SCALES, NextFrameNetwork

WEIGHTS_GROUP = "model_weights"
LAYERS = {
    "enter": "dense_encoding_to_vol",
    **{f"convolutions.{n}": f"color_dec_conv2D_{n}_1" for n in range(NUM_SCALES + 2)},
    **{f"enlargements.{n}": f"color_dec_conv2Dtrans_{n}" for n in range(NUM_SCALES)},
    "last": "color_dec_conv2D_final",
}
"""The file's layer for each module of the network."""


def read_published(path: Path) -> NextFrameNetwork:
    """The network with the weights of a published file.

    Raises:
        UserError: no such file, no HDF5, or its tensors are not Timecraft's.
    """
    network = NextFrameNetwork()
    try:
        with h5py.File(path, "r") as file:
            state = dict(_state(file, path))
    except FileNotFoundError:
        raise UserError(f"{path} not found: give the .h5 file of Timecraft's authors") from None
    except OSError as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(f"{path} is no HDF5 file ({reason}): give Timecraft's .h5") from error
    for name, wanted in network.state_dict().items():
        if state[name].shape != wanted.shape:
            raise UserError(
                f"{path}: {LAYERS[name.rpartition('.')[0]]} has the shape "
                f"{tuple(state[name].shape)}, expected {tuple(wanted.shape)} (in torch's order): "
                "this is not Timecraft's network"
            )
    network.load_state_dict(state)
    return network.eval()


def _state(file: h5py.File, path: Path) -> Iterator[tuple[str, Tensor]]:
    """Names of the network's tensors with the file's values."""
    for module, layer in LAYERS.items():
        group = file.get(f"{WEIGHTS_GROUP}/{layer}")
        # The layer's group holds one group with a name of its own, which differs between files.
        inner = next(iter(group.values()), None) if isinstance(group, h5py.Group) else None
        for key, name in (("kernel:0", "weight"), ("bias:0", "bias")):
            value = inner.get(key) if isinstance(inner, h5py.Group) else None
            if not isinstance(value, h5py.Dataset):
                raise UserError(
                    f"{path}: {WEIGHTS_GROUP}/{layer} has no {key}: this is not Timecraft's network"
                )
            yield f"{module}.{name}", torch_layout(np.asarray(value, np.float32))


def torch_layout(kernel: np.ndarray) -> Tensor:
    """A kernel or bias of Keras in torch's order: (height, width, in, out) to (out, in, height,
    width), (in, out) to (out, in). Transposed convolutions are turned alike."""
    axes = {1: (0,), 2: (1, 0), 4: (3, 2, 0, 1)}.get(kernel.ndim)
    return torch.from_numpy(np.ascontiguousarray(kernel.transpose(axes)))
