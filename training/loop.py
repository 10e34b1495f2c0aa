"""The one training loop: any `Objective`, resumable to the bit.

Progress is counted in samples seen. A run folder holds ``training.yaml`` (resolved config),
``checkpoints/``, ``tensorboard/``, ``log.jsonl``, ``parts/`` (the trained networks in painter
layout, averaged weights) and, written last, ``result.json``.
"""

from __future__ import annotations

import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Literal

import torch

from ingest import atomic
from training.objective import Batches, Objective
from training.run_log import RunLog
from training.trainer import LoopConfig, Trainer


@dataclass(frozen=True)
class TrainingResult:
    """How a run ended; the same stands in ``result.json``."""

    objective: str
    reason: Literal["max_steps", "max_time_s", "interrupted"]
    step: int
    samples_seen: int
    trained_s: float
    loss: float
    """Mean over the last steps that were logged together."""
    validation_loss: float | None


def train(
    objective: Objective,
    batches: Batches,
    validation: Batches | None,
    run: Path,
    config: LoopConfig,
    device: torch.device | None = None,
) -> TrainingResult:
    """Train until `max_steps` or `max_time_s`; a run folder with checkpoints is continued.

    Raises:
        UserError: a loss that is no number (naming the batch and the last good checkpoint), or a
            run folder of another objective or preset.
    """
    trainer = Trainer(objective, run, config, device or torch.device("cpu"))
    resumed = trainer.resume()
    with RunLog(run, objective.name) as log:
        if resumed:
            log.say(f"going on from step {trainer.step} after {trainer.trained_s:.0f} s")
        try:
            reason = _run_steps(trainer, batches, validation, log)
        except KeyboardInterrupt:
            log.say(f"interrupted: saved as {trainer.save()}; the same command goes on from there")
            raise
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
        atomic.write_json(run / "result.json", asdict(result))
    return result


def _run_steps(
    trainer: Trainer, batches: Batches, validation: Batches | None, log: RunLog
) -> Literal["max_steps", "max_time_s"]:
    config, stream = trainer.config, batches.batches(trainer.position)
    start_s, start_step = time.monotonic() - trainer.trained_s, trainer.step
    before_s = trainer.trained_s
    while True:
        trainer.trained_s = time.monotonic() - start_s
        if trainer.step >= config.max_steps:
            return "max_steps"
        if trainer.trained_s >= config.max_time_s:
            return "max_time_s"
        trainer.train_step(next(stream))
        fraction = max(trainer.step / config.max_steps, trainer.trained_s / config.max_time_s)
        speed = (trainer.step - start_step) / max(1e-9, time.monotonic() - start_s - before_s)
        log.advance(fraction, trainer.step, trainer.recent[-1]["loss"], speed)
        if trainer.step % config.log_every_steps == 0:
            trainer.log_losses(log)
        if trainer.step % config.validate_every_steps == 0:
            trainer.validate(log, validation)
        if trainer.step % config.checkpoint_every_steps == 0:
            trainer.save()
