"""Chooses the device of networks, for training and for painting."""

from __future__ import annotations

import torch

from ingest.conventions.errors import UserError


def resolve_device(name: str) -> torch.device:
    """The device of that name; auto takes CUDA, then Apple's GPU, then the CPU. Raises UserError if
    it is unusable."""
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda")
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.empty(1, device=device)
    except (RuntimeError, AssertionError) as error:
        reason = " ".join(str(error).split())[:120]
        raise UserError(
            f"device {name!r} cannot be used ({reason}): choose auto, cpu, cuda or mps"
        ) from None
    return device
