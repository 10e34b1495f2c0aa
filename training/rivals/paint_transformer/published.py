"""Reads the weights that Paint Transformer's authors published, ``model.pth``."""

from __future__ import annotations

import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

from ingest.conventions.errors import UserError
from training.rivals.paint_transformer.network import StrokeNetwork


def read_published(path: Path) -> StrokeNetwork:
    """The network with the weights of a published file. Tensors alone are read, no objects.

    Raises:
        UserError: no such file, it is damaged or holds more than tensors, or these are not Paint
            Transformer's.
    """
    network, state = StrokeNetwork(), _tensors(path)
    wanted = network.state_dict()
    missing, unknown = sorted(wanted.keys() - state.keys()), sorted(state.keys() - wanted.keys())
    if missing or unknown:
        raise UserError(
            f"{path} lacks {len(missing)} of the {len(wanted)} tensors of Paint Transformer "
            f"({', '.join(missing[:2]) or 'none'}) and has {len(unknown)} others "
            f"({', '.join(unknown[:2]) or 'none'}): give the authors' model.pth"
        )
    for name, value in wanted.items():
        if state[name].shape != value.shape:
            raise UserError(
                f"{path}: {name} has the shape {tuple(state[name].shape)}, expected "
                f"{tuple(value.shape)}: give the authors' model.pth"
            )
    network.load_state_dict(state)
    return network.eval()


def _tensors(path: Path) -> dict[str, Tensor]:
    """The file's tensors by name."""
    try:
        content: Any = torch.load(path, map_location="cpu", weights_only=True)
    except FileNotFoundError:
        raise UserError(
            f"{path} not found: give the model.pth of Paint Transformer's authors"
        ) from None
    except pickle.UnpicklingError as error:
        # torch's own message is a page on how to open the file all the same.
        raise UserError(
            f"{path} holds more than tensors, or no weights, and was not opened: get model.pth "
            "from the authors again"
        ) from error
    except (RuntimeError, ValueError, EOFError, OSError) as error:
        raise UserError(f"{path} is no whole file ({_short(error)}): fetch it again") from error
    if not isinstance(content, Mapping):
        raise UserError(f"{path} holds a {type(content).__name__}, expected tensors by name")
    return {str(name): value for name, value in content.items() if isinstance(value, Tensor)}


def _short(error: Exception) -> str:
    return " ".join(str(error).split())[:120]
