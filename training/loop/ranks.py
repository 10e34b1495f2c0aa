"""The processes that train one network together, through torch.distributed; one alone is rank 0 of
1 and needs no process group. Whoever starts them (`training.launch`) forms the group."""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed


def rank() -> int:
    """Of this process, from 0."""
    return distributed.get_rank() if _together() else 0


def num_ranks() -> int:
    return distributed.get_world_size() if _together() else 1


def is_chief() -> bool:
    """Rank 0, which writes the run folder; the others only compute."""
    return rank() == 0


def wait_for_all() -> None:
    """Return when every rank has come here."""
    if _together():
        distributed.barrier()


def of_chief(value: Any) -> Any:
    """Rank 0's `value`, on every rank."""
    if not _together():
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def of_all(value: Any) -> list[Any]:
    """Every rank's `value`, in the order of ranks."""
    if not _together():
        return [value]
    boxes: list[Any] = [None] * num_ranks()
    distributed.all_gather_object(boxes, value)
    return boxes


def mean_of_all(values: dict[str, float], device: torch.device) -> dict[str, float]:
    """Means over ranks of numbers that all of them have under the same names."""
    if not _together() or not values:
        return values
    stacked = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    distributed.all_reduce(stacked)
    return dict(zip(values, (stacked / num_ranks()).tolist(), strict=True))


def _together() -> bool:
    return distributed.is_available() and distributed.is_initialized()
