"""Where a network runs: the device that a config names. torch is imported late."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.conventions.errors import UserError

if TYPE_CHECKING:
    import torch


def pick_device(name: str) -> torch.device:
    """The device of a config; auto takes a GPU if there is one. Raises UserError."""
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise UserError(f"device {name!r}: expected auto, cpu, cuda or cuda:NUMBER") from None
