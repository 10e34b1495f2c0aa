"""The run that trains Paint Transformer, with progress and checkpoints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from training.loop.display import Terminal
from training.loop.stop_signals import end_by
from training.rivals.paint_transformer.settings import save_paint_transformer
from training.rivals.paint_transformer.trainer import (
    PUBLISHED_STEPS,
    PaintTransformerTrainer,
    PaintTransformerTraining,
)

CHECKPOINT_S = 120.0
"""Seconds between checkpoints."""
PUBLISHED_PATCHES = PUBLISHED_STEPS * 64
LICENCE = "of whoever trained it; it has seen no data but strokes that this code makes"


def train_paint_transformer(out: Path, settings: PaintTransformerTraining) -> dict[str, Any]:
    """Train, or go on with a run, and write the rival folder at every checkpoint; returns what the
    folder says of its training.

    Raises:
        UserError: `out` is a run with other settings, or the loss is not finite.
    """
    trainer = PaintTransformerTrainer(settings)
    trainer.resume(out)
    begun, start_s = trainer.num_steps, time.monotonic()
    saved_s = start_s
    with Terminal("paint transformer") as display:
        display.begin()
        while trainer.num_steps < settings.steps and not display.stop_signal():
            loss = trainer.step()
            now_s = time.monotonic()
            speed = (trainer.num_steps - begun) / max(now_s - start_s, 1e-9)
            display.advance(trainer.num_steps / settings.steps, trainer.num_steps, loss, speed)
            if now_s - saved_s > CHECKPOINT_S:
                _write(trainer, out)
                saved_s = time.monotonic()
        signal = display.stop_signal()
        provenance = _write(trainer, out)
    if signal:
        print(f"saved after {trainer.num_steps} steps: the same command goes on")
        end_by(signal)
    return provenance


def _write(trainer: PaintTransformerTrainer, out: Path) -> dict[str, Any]:
    """Checkpoint and rival folder of a run as it is now."""
    trainer.save(out)
    patches = trainer.num_steps * trainer.settings.batch
    provenance = {
        **trainer.settings.model_dump(),
        "steps_done": trainer.num_steps,
        "patches_seen": patches,
        "share_of_published_training": round(patches / PUBLISHED_PATCHES, 4),
    }
    save_paint_transformer(out, trainer.network, trainer.brushes, provenance, LICENCE)
    return provenance
