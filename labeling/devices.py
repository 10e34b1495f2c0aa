"""Turns the device name of a config into a torch device. torch is imported on the first call."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ingest.conventions.errors import UserError

if TYPE_CHECKING:
    import torch


def pick_device(name: str) -> torch.device:
    """The torch device called `name`; ``auto`` is the GPU if there is one, else the CPU.

    Raises:
        UserError: torch knows no such device.
    """
    import torch

    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.device(name)
    except RuntimeError:
        raise UserError(f"device {name!r}: expected auto, cpu, cuda or cuda:NUMBER") from None
