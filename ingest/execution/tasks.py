"""Configs and results of tasks and actors; does not import Ray."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Generic, TypeVar

from pydantic import Field

from ingest.conventions.config import Config
from ingest.conventions.errors import storage_error

Item = TypeVar("Item")
Result = TypeVar("Result")


class RunConfig(Config):
    """How the work is laid out. None of it can change a byte of what is written."""

    num_cpus: float = Field(default=1.0, gt=0)
    """CPU cores that one task reserves."""
    num_gpus: float = Field(default=0.0, ge=0)
    """GPU share that one task reserves."""
    max_in_flight: int = Field(default=0, ge=0)
    """Tasks submitted and not yet done; 0 means twice what the cluster can run at once."""
    max_retries: int = Field(default=2, ge=0)
    """How often a task is tried again when its worker was killed."""
    timeout_s: float = Field(default=3600.0, gt=0)
    """Seconds a task may take before it is stopped and its item recorded as failed: from its start
    in ingest, where each video has a process of its own; elsewhere a task that hangs is given up
    when nothing at all has finished for so long and a minute."""


class ActorPoolConfig(Config):
    """Where a model runs that is loaded once and asked many times. No byte depends on it."""

    num_actors: int = Field(default=0, ge=0)
    """Copies of the model; 0: as many as fit the cluster's GPUs, or one where there is none."""
    num_gpus: float | None = Field(default=None, ge=0)
    """GPU share of each copy: 0.5 puts two on one GPU, 0 leaves them on the CPU; null: a whole GPU
    if the cluster has any."""
    num_cpus: float = Field(default=1.0, ge=0)
    """CPU cores that each copy reserves."""
    max_restarts: int = Field(default=3, ge=0)
    """How often a copy that was killed comes back; what it was at is then done again."""
    start_timeout_s: float = Field(default=900.0, gt=0)
    """How long the copies may take to be scheduled and loaded."""


@dataclass(frozen=True)
class TaskFailure:
    """A task without result: its worker died, it exceeded a limit, or it raised."""

    reason: str
    """worker-died, timeout, out-of-memory, storage (the output cannot be written) or exception."""
    detail: str

    @classmethod
    def of_exception(cls, error: BaseException | None, text: str) -> TaskFailure:
        """The failure of a task that raised.

        Args:
            error: what it raised, where it is known.
            text: its traceback; the last line is the detail, unless storage is to blame.
        """
        known = storage_error(error, "the output") if isinstance(error, OSError) else None
        if known is not None:
            return cls("storage", str(known))
        return cls("exception", text.strip().splitlines()[-1])


@dataclass(frozen=True)
class Finished(Generic[Item, Result]):
    """One item and its result or failure."""

    item: Item
    result: Result | TaskFailure
