"""Computes the bytes of a painter's weights from the headers of its files; reads no weights."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors import SafetensorError, safe_open

from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers

DTYPES = {
    "F64": torch.float64, "F32": torch.float32, "F16": torch.float16, "BF16": torch.bfloat16,
    "I64": torch.int64, "I32": torch.int32, "I16": torch.int16, "I8": torch.int8,
    "U8": torch.uint8, "BOOL": torch.bool,
}  # fmt: skip
"""Number formats by their safetensors name."""
BYTES_OF_BITS = {4: 0.5 + 1 / 64 + 4 / (64 * 256), 8: 1.0}
"""Bytes of a quantised weight by its bits. 4 bit: with an 8-bit scale per 64 weights and a float
per 256 scales. 8 bit: without the float per row (a thousandth)."""


@dataclass(frozen=True)
class Weights:
    """Bytes of one part's weights."""

    num_bytes: int
    """Bytes of all weights."""
    largest_bytes: int
    """Bytes of the largest tensor, the least that layer offloading needs."""


def weights_of(folder: Path, dtype: torch.dtype | None, bits: int | None = None) -> Weights:
    """Bytes of the part in `folder`.

    Args:
        dtype: format that floating-point weights are loaded in; None for the stored format.
        bits: 4 or 8 for a LLaVA whose language layers are quantised.
    """
    total, largest = 0.0, 0.0
    for name, shape, stored in tensors_of(folder):
        count = math.prod(shape)
        if bits is not None and is_quantised(name, shape):
            size = count * BYTES_OF_BITS[bits]
        else:
            becomes = dtype if dtype is not None and stored.is_floating_point else stored
            size = count * becomes.itemsize
        total, largest = total + size, max(largest, size)
    return Weights(round(total), round(largest))


def is_quantised(name: str, shape: tuple[int, ...]) -> bool:
    """Returns True if bitsandbytes quantises this tensor of a LLaVA: the matrices of the language
    model's layers. Names may be those of the folder or of the network."""
    return len(shape) == 2 and "language_model" in name and ".layers." in name


def dtype_of(folder: Path) -> torch.dtype:
    """The number format of a stored part: that of its first floating-point tensor."""
    for _, _, dtype in tensors_of(folder):
        if dtype.is_floating_point:
            return dtype
    raise UserError(f"{folder} holds no weights: expected *.safetensors; put the painter together")


def tensors_of(folder: Path) -> Iterator[tuple[str, tuple[int, ...], torch.dtype]]:
    """Name, shape and stored format of every tensor. Raises UserError for a damaged file."""
    refuse_pointers(folder)
    for file in sorted(folder.glob("*.safetensors")):
        try:
            with safe_open(file, framework="pt") as opened:
                for name in opened.keys():  # noqa: SIM118
                    part = opened.get_slice(name)
                    yield name, tuple(part.get_shape()), DTYPES[part.get_dtype()]
        except (SafetensorError, KeyError) as error:
            raise UserError(
                f"{file} is damaged ({error}): put the painter together again"
            ) from error
