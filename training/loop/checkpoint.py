"""Writes and reads checkpoints: folders of safetensors files and one JSON file.

``RUN/checkpoints/step-000000120/`` holds one ``.safetensors`` file per group of tensors (weights,
average, optimizer, random) and ``state.json``. The folder is renamed to that name when it is
complete, so a checkpoint is whole or absent.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor

from ingest.conventions.atomic import atomic_folder, write_json
from ingest.conventions.errors import UserError
from ingest.conventions.git_lfs import refuse_pointers

TensorGroups = Mapping[str, Mapping[str, Tensor]]
"""Tensors by group and by name."""


@dataclass(frozen=True)
class Checkpoint:
    """A checkpoint in memory: named groups of named tensors, and JSON values."""

    path: Path
    groups: dict[str, dict[str, Tensor]]
    state: dict[str, Any]


def checkpoint_path(run: Path, step: int) -> Path:
    return run / "checkpoints" / f"step-{step:09d}"


def save_checkpoint(
    run: Path, step: int, groups: TensorGroups, state: Mapping[str, Any], keep: int
) -> Path:
    """Write the checkpoint of `step` and delete all but the last `keep`."""
    path = checkpoint_path(run, step)
    with atomic_folder(path) as folder:
        for name, tensors in groups.items():
            # clone: safetensors refuses tensors that share memory, as tied weights do.
            copies = {k: t.detach().cpu().clone().contiguous() for k, t in tensors.items()}
            save_file(copies, folder / f"{name}.safetensors")
        write_json(folder / "state.json", {**state, "groups": sorted(groups)})
    for old in checkpoints(run)[:-keep]:
        shutil.rmtree(old)
    return path


def checkpoints(run: Path) -> list[Path]:
    """Folders of the complete checkpoints of a run, oldest first."""
    return sorted((run / "checkpoints").glob("step-*"))


def latest_checkpoint(run: Path) -> Path | None:
    """The newest checkpoint, or None in a fresh run."""
    return next(reversed(checkpoints(run)), None)


def load_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint. Raises UserError naming the damaged file and what to do."""
    refuse_pointers(path)
    file = path / "state.json"
    try:
        state = json.loads(file.read_text(encoding="utf-8"))
        groups = {}
        for name in state["groups"]:
            file = path / f"{name}.safetensors"
            groups[name] = load_file(file)
    except (OSError, ValueError, KeyError, SafetensorError) as error:
        raise UserError(
            f"{file} is damaged or missing ({' '.join(str(error).split())[:160]}): delete the "
            f"folder {path} and run the same command; it goes on from the checkpoint before"
        ) from error
    return Checkpoint(path, groups, state)


def random_state() -> dict[str, Tensor]:
    """States of torch's global generators, by device."""
    state = {"cpu": torch.get_rng_state()}
    if torch.cuda.is_available():
        for index, generator in enumerate(torch.cuda.get_rng_state_all()):
            state[f"cuda{index}"] = generator
    return state


def restore_random_state(state: Mapping[str, Tensor]) -> None:
    """Set torch's global generators to what `random_state` returned."""
    torch.set_rng_state(state["cpu"])
    for index in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
        if f"cuda{index}" in state:
            torch.cuda.set_rng_state(state[f"cuda{index}"], index)
