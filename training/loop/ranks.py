"""Communication between the processes that train one network, by torch.distributed.

A single process is rank 0 of 1 and needs no process group. `training.launch` forms the group.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import distributed


def rank() -> int:
    """Rank of this process, from 0."""
    return distributed.get_rank() if _is_distributed() else 0


def num_ranks() -> int:
    """Number of processes."""
    return distributed.get_world_size() if _is_distributed() else 1


def is_rank_zero() -> bool:
    """Returns True on rank 0, which writes the run folder."""
    return rank() == 0


def barrier() -> None:
    """Wait until every rank has called this."""
    if _is_distributed():
        distributed.barrier()


def broadcast_from_rank_zero(value: Any) -> Any:
    """The `value` of rank 0, on every rank."""
    if not _is_distributed():
        return value
    box = [value]
    distributed.broadcast_object_list(box, src=0)
    return box[0]


def gather_from_all(value: Any) -> list[Any]:
    """The `value` of every rank, in the order of ranks."""
    if not _is_distributed():
        return [value]
    boxes: list[Any] = [None] * num_ranks()
    distributed.all_gather_object(boxes, value)
    return boxes


def mean_over_ranks(values: dict[str, float], device: torch.device) -> dict[str, float]:
    """Mean over ranks of each value; all ranks have the same names."""
    if not _is_distributed() or not values:
        return values
    stacked = torch.tensor(list(values.values()), dtype=torch.float64, device=device)
    distributed.all_reduce(stacked)
    return dict(zip(values, (stacked / num_ranks()).tolist(), strict=True))


def max_over_ranks(value: int, device: torch.device) -> int:
    """The greatest `value` of all ranks, on every rank."""
    if not _is_distributed():
        return value
    greatest = torch.tensor(value, device=device)
    distributed.all_reduce(greatest, op=distributed.ReduceOp.MAX)
    return int(greatest)


def _is_distributed() -> bool:
    return distributed.is_available() and distributed.is_initialized()
