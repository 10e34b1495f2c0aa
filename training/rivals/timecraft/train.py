"""The run that trains Timecraft: both stages, with progress and checkpoints."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import sha256
from training.loop.display import Terminal
from training.loop.stop_signals import end_by
from training.rivals.timecraft.processes import CropExamples, read_processes
from training.rivals.timecraft.settings import TimecraftSettings, save_timecraft
from training.rivals.timecraft.trainer import TimecraftTrainer, TimecraftTraining

CHECKPOINT_S = 120.0
"""Seconds between checkpoints."""
LICENCE = "of whoever trained it; the data's licences are in the shards"


def train_timecraft(
    dataset: Path, out: Path, pair_steps: int, row_steps: int, settings: TimecraftTraining
) -> dict[str, Any]:
    """Train, or go on with a run, and write the rival folder at every checkpoint; returns what the
    folder says of its training.

    Args:
        pair_steps, row_steps: steps of the first and the second stage in all.

    Raises:
        UserError: no shards, or `out` is a run with other settings, data or first stage.
    """
    examples = CropExamples(read_processes(dataset))
    trainer = TimecraftTrainer(examples, settings)
    shards = sha256(Dataset(dataset).index_json.read_bytes())[:16]
    # Numbers of steps are no part of it: more of them change none that is done.
    record = {**settings.model_dump(), "shards_sha256": shards}
    trainer.resume(out, record)
    if trainer.num_pairs > pair_steps or (trainer.num_rows and trainer.num_pairs < pair_steps):
        raise UserError(
            f"{out}: got {pair_steps} steps by pairs, {trainer.num_pairs} are done and their "
            "number cannot change any more: give that number, or choose another -o"
        )
    print(
        f"{len(examples.processes)} processes, {len(examples.places)} crops of steps; "
        f"{trainer.num_pairs} of {pair_steps} and {trainer.num_rows} of {row_steps} steps are done"
    )
    for title, wanted in (("pairs", pair_steps), ("rows", row_steps)):
        _run_stage(trainer, title, wanted, out, record)
    return _write(trainer, out, record)


def _run_stage(
    trainer: TimecraftTrainer, title: str, wanted: int, out: Path, record: dict[str, Any]
) -> None:
    """Take the steps of a stage that are left; Ctrl-C saves and ends."""
    is_first = title == "pairs"
    step = trainer.num_pairs if is_first else trainer.num_rows
    if step >= wanted:
        return
    begun, start_s = step, time.monotonic()
    saved_s = start_s
    with Terminal(f"timecraft, {title}") as display:
        display.begin()
        while step < wanted and not display.stop_signal():
            loss = trainer.pair_step() if is_first else trainer.row_step()
            step += 1
            now_s = time.monotonic()
            speed = (step - begun) / max(now_s - start_s, 1e-9)
            display.advance(step / wanted, step, loss, speed)
            if now_s - saved_s > CHECKPOINT_S:
                _write(trainer, out, record)
                saved_s = time.monotonic()
        signal = display.stop_signal()
        _write(trainer, out, record)
    if signal:
        print(f"saved after {step} steps of {title}: the same command goes on")
        end_by(signal)


def _write(trainer: TimecraftTrainer, out: Path, record: dict[str, Any]) -> dict[str, Any]:
    """Checkpoint and rival folder of a run as it is now."""
    trainer.save(out, record)
    provenance = {**record, "pair_steps": trainer.num_pairs, "row_steps": trainer.num_rows}
    save_timecraft(out, trainer.network, TimecraftSettings(), provenance, LICENCE)
    return provenance
