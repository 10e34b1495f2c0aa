"""The training loop of any `Objective`, on one process or several; resuming is exact to the bit.

Progress is counted in samples seen. A run folder holds ``training.yaml`` (resolved config),
``checkpoints/``, ``tensorboard/``, ``log.jsonl``, ``parts/`` (the trained networks in painter
layout, averaged weights) and, written last, ``result.json``.
"""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal, NoReturn

import torch

from ingest.conventions import atomic
from training.loop import ranks
from training.loop.config import LoopConfig
from training.loop.display import Display, Silent
from training.loop.objective import Batches, Objective
from training.loop.run_log import RunLog
from training.loop.stop_signals import end_by
from training.loop.trainer import Trainer
from training.streaming.batch import Batch


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended; the same stands in ``result.json``."""

    objective: str
    reason: Literal["max_steps", "max_time_s"]
    step: int
    samples_seen: int
    trained_s: float
    loss: float
    """Mean over the last steps that were logged together."""
    validation_loss: float | None


class TrainingClock:
    """Measures the seconds of training and the share of them spent waiting for data."""

    def __init__(self) -> None:
        self.start_s, self.data_wait_s = time.monotonic(), 0.0

    def next_batches(self, batches: Iterator[Batch], count: int) -> list[Batch]:
        """The next `count` batches."""
        before_s = time.monotonic()
        taken = list(itertools.islice(batches, count))
        self.data_wait_s += time.monotonic() - before_s
        return taken

    @property
    def elapsed_s(self) -> float:
        return time.monotonic() - self.start_s

    @property
    def data_wait_share(self) -> float:
        return self.data_wait_s / max(1e-9, self.elapsed_s)


def train(
    objective: Objective,
    batches: Batches,
    validation: Batches | None,
    run: Path,
    config: LoopConfig,
    device: torch.device | None = None,
    display: Display | None = None,
) -> TrainingResult:
    """Train until `max_steps` or `max_time_s`; continues from checkpoints in the run folder.

    Every rank calls it with the same arguments and gets the same result; rank 0 writes the folder.
    If the display of any rank says stop, all ranks end after the same step with a checkpoint.

    Args:
        display: None shows nothing.

    Raises:
        KeyboardInterrupt, SystemExit: the display said stop (`stop_signals.end_by`).
        UserError: a loss that is not finite (names the batch and the last good checkpoint), or a
            run folder of another objective or preset.
    """
    trainer = Trainer(objective, run, config, device or torch.device("cpu"))
    resumed, display = trainer.resume(), display or Silent()
    with RunLog(run, ranks.is_rank_zero()) as log:
        if resumed and ranks.is_rank_zero():
            display.say(f"going on from step {trainer.step} after {trainer.trained_s:.0f} s")
        reason = _run_steps(trainer, batches, validation, log, display)
        if isinstance(reason, int):
            _save_and_end(trainer, reason, display)
        trainer.log_losses(log)
        validation_loss = trainer.validate(log, validation)
        trainer.save()
        trainer.save_parts()
        result = TrainingResult(
            objective=objective.name,
            reason=reason,
            step=trainer.step,
            samples_seen=trainer.position.samples_seen,
            trained_s=round(trainer.trained_s, 1),
            loss=trainer.loss,
            validation_loss=validation_loss,
        )
        if ranks.is_rank_zero():
            atomic.write_json(run / "result.json", asdict(result))
    return result


def _save_and_end(trainer: Trainer, stop_signal: int, display: Display) -> NoReturn:
    """Write a checkpoint, then end as the signal would have."""
    saved = trainer.save()
    if saved is not None:
        display.say(f"interrupted: saved as {saved}; the same command goes on there")
    end_by(stop_signal)


def _run_steps(
    trainer: Trainer,
    batches: Batches,
    validation: Batches | None,
    log: RunLog,
    display: Display,
) -> Literal["max_steps", "max_time_s"] | int:
    """Train. Returns the limit that was reached, or the number of the signal that said stop."""
    config = trainer.config
    stream = batches.batches(trainer.position, ranks.rank(), ranks.num_ranks())
    clock, before_s, first_step = TrainingClock(), trainer.trained_s, trainer.step
    display.begin()
    while trainer.step < config.max_steps:
        trainer.trained_s = before_s + clock.elapsed_s
        stop = ranks.max_over_ranks(display.stop_signal(), trainer.device)
        if stop:
            return stop
        if _is_time_up(trainer):
            return "max_time_s"
        trainer.train_step(clock.next_batches(stream, config.accumulation_steps))
        fraction = max(trainer.step / config.max_steps, trainer.trained_s / config.max_time_s)
        speed = (trainer.step - first_step) / max(1e-9, clock.elapsed_s)
        if ranks.is_rank_zero():
            display.advance(fraction, trainer.step, trainer.recent[-1]["loss"], speed)
        if trainer.step % config.log_every_steps == 0:
            trainer.log_losses(log, data_wait=clock.data_wait_share, steps_per_s=speed)
        if trainer.step % config.validate_every_steps == 0:
            trainer.validate(log, validation)
        if trainer.step % config.checkpoint_every_steps == 0:
            trainer.trained_s = before_s + clock.elapsed_s
            trainer.save()
    trainer.trained_s = before_s + clock.elapsed_s
    return "max_steps"


def _is_time_up(trainer: Trainer) -> bool:
    """Returns True if rank 0 has trained for `max_time_s`. Several ranks check it only at logging
    steps, because the check synchronises them."""
    config = trainer.config
    if ranks.num_ranks() > 1 and trainer.step % config.log_every_steps:
        return False
    return ranks.broadcast_from_rank_zero(trainer.trained_s >= config.max_time_s)
