"""Runs one training command: resolves the config, prints the plan, trains in process or on Ray."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from ingest.conventions.config import to_yaml
from ingest.conventions.errors import UserError, reading_error, storage_error
from ingest.conventions.unused_settings import refuse_unused_keys, refuse_unused_options
from training.loop.config import LoopConfig
from training.painter.device import resolve_device
from training.process import train_in_process
from training.settings import ObjectiveName, load_training, unused_keys
from training.streaming.sample_list import is_address, read_index


def run_training(
    name: ObjectiveName,
    dataset: Path,
    run: Path,
    config_file: Path | None = None,
    overrides: list[str] | None = None,
    dry_run: bool = False,
    num_workers: int = 0,
    ray_address: str | None = None,
) -> dict[str, Any]:
    """Train one objective on a dataset's shards, or continue its run folder.

    Args:
        overrides: as those of ``--set``; a key that does nothing in this run is refused.
        num_workers: 0 trains in this process; more are processes on Ray (`training.launch`), each
            with a GPU of its own unless `training.device` is cpu.

    Returns:
        The run's `TrainingResult` as a dict; the plan in a dry run.
    """
    config = load_training(config_file, overrides)
    num_samples, num_held_out = (
        sum(shard.num_samples for shard in read_index(dataset, split, config.data.remote))
        for split in ("train", "val")
    )
    if not num_workers:
        refuse_unused_options("one process (no --workers)", {"--ray-address": ray_address})
    unused = unused_keys(name, config, num_workers, is_address(dataset), num_held_out > 0)
    refuse_unused_keys(overrides, unused)
    loop: LoopConfig = getattr(config, name).loop.resolved(num_samples, max(1, num_workers))
    plan = {
        "objective": name,
        "preset": config.preset,
        "device": config.device if num_workers else str(resolve_device(config.device)),
        "workers": max(1, num_workers),
        "train_samples": num_samples,
        "steps": loop.max_steps,
        "samples_a_step": loop.batch_size * loop.accumulation_steps * max(1, num_workers),
        "run": str(run),
    }
    if dry_run:
        print(to_yaml(config, "training"))
        print(f"plan: {json.dumps(plan)}")
        return plan
    done = _stored_result(run, loop, name)
    if done is not None:
        print(f"{name}: {run} is done ({done['step']} steps, {done['trained_s']:.0f} s)")
        return done
    try:
        if num_workers:
            from training.launch import train_on_ray

            return train_on_ray(name, dataset, run, config, num_workers, ray_address)
        return train_in_process(name, dataset, run, config)
    except OSError as error:
        raise reading_error(error, run) or storage_error(error, run) or error from error


def _stored_result(run: Path, loop: LoopConfig, name: str) -> dict[str, Any] | None:
    """The stored result if the run has reached the steps or time that the config asks for, else
    None.

    Raises:
        UserError: a damaged result, or one of another objective.
    """
    path = run / "result.json"
    if not path.is_file():
        return None
    try:
        result = json.loads(path.read_text(encoding="utf-8"))
        far = result["step"] >= loop.max_steps or result["trained_s"] >= loop.max_time_s
        if result["objective"] != name:
            raise UserError(
                f"{run} is a run of {result['objective']}, not of {name}: choose another folder"
            )
    except (json.JSONDecodeError, KeyError) as error:
        raise UserError(f"{path} is damaged ({error!r}): delete it and run again") from error
    return result if far else None
