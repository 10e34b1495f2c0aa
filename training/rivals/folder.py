"""Reads and writes rival folders: ``rival.json`` beside weights as safetensors."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from pydantic import Field, ValidationError
from safetensors import SafetensorError
from safetensors.torch import load_file, save
from torch import nn

from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.config import Config
from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers

RIVAL_FILE = "rival.json"
"""File that marks a rival folder."""


class RivalRecord(Config):
    """``rival.json``: which rival the folder holds, how it paints, where its weights are from."""

    kind: str
    """Name of the rival: timecraft, ..."""
    num_steps: int = Field(ge=1)
    """Frames of a painting."""
    interval_s: float = Field(gt=0)
    """Painting seconds that each frame stands for."""
    settings: dict[str, Any] = Field(default_factory=dict)
    """Further settings, which the rival's own config class checks."""
    provenance: dict[str, Any] = Field(default_factory=dict)
    """Where the weights come from: a published file with its hash, or dataset, seed and steps of
    the training."""
    licence: str
    """Licence of the weights, in words."""


def save_rival(folder: Path, record: RivalRecord, networks: dict[str, nn.Module]) -> None:
    """Write every network as ``NAME.safetensors`` in float32, then ``rival.json``. Other files of
    the folder stay."""
    (folder / RIVAL_FILE).unlink(missing_ok=True)
    for name, network in networks.items():
        state = {
            key: value.detach().cpu().contiguous() for key, value in network.state_dict().items()
        }
        write_bytes(folder / f"{name}.safetensors", save(state))
    write_json(folder / RIVAL_FILE, record.model_dump(mode="json"))


def read_rival(folder: Path) -> RivalRecord:
    """The record of a rival folder.

    Raises:
        UserError: no such folder, or its record is damaged.
    """
    path = folder / RIVAL_FILE
    try:
        return RivalRecord.model_validate(json.loads(path.read_text(encoding="utf-8")))
    except FileNotFoundError:
        raise UserError(
            f"{folder} is no rival folder, {RIVAL_FILE} is not in it: make one by `python -m "
            "training.rivals import` or `train`"
        ) from None
    except (ValueError, ValidationError) as error:
        raise damaged(folder, error) from error


def load_network(folder: Path, name: str, network: nn.Module) -> None:
    """Fill a network with the weights of ``NAME.safetensors``.

    Raises:
        UserError: the file is missing or damaged, or its tensors are not the network's.
    """
    refuse_pointers(folder)
    try:
        network.load_state_dict(load_file(folder / f"{name}.safetensors"))
    except (OSError, RuntimeError, SafetensorError) as error:
        raise damaged(folder, error) from error


def damaged(folder: Path, error: Exception) -> UserError:
    """The error of a rival folder that cannot be used, in one line."""
    reason = " ".join(str(error).split())[:160]
    return UserError(
        f"{folder} is damaged ({type(error).__name__}: {reason}): import or train it again (python "
        "-m training.rivals)"
    )
