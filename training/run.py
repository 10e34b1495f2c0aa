"""One training command: resolve the config, build networks and stream, train, write what came."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

import torch

from ingest import atomic
from ingest.config import config_hash, to_yaml
from ingest.errors import UserError
from training import ranks
from training.data import ShardStream, read_index, read_shards
from training.loop import Objective, TrainingResult, train
from training.loop_config import LoopConfig
from training.mask import MaskObjective
from training.painter_folder import PainterSettings, class_of, write_index
from training.renderer import RendererObjective
from training.settings import TrainingConfig, load_training
from training.starting import objective_parts

ObjectiveName = Literal["text", "mask", "renderer"]
PAPER_INTERVAL_S = 20.0
INTERVALS_LOOKED_AT = 500


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
    """Train one objective on a dataset's shards, or go on with its run folder.

    Args:
        num_workers: 0 trains in this process; more are processes on Ray (`training.launch`), each
            with a GPU of its own unless `training.device` is cpu.

    Returns:
        The run's `TrainingResult` as a dict; the plan in a dry run.
    """
    config = load_training(config_file, overrides)
    num_samples = sum(shard.num_samples for shard in read_index(dataset, "train"))
    loop: LoopConfig = getattr(config, name).loop.resolved(num_samples, max(1, num_workers))
    plan = {
        "objective": name,
        "preset": config.preset,
        "device": config.device if num_workers else str(_device(config.device)),
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
    done = _finished(run, loop, name)
    if done is not None:
        print(f"{name}: {run} is done ({done['step']} steps, {done['trained_s']:.0f} s)")
        return done
    if num_workers:
        from training.launch import train_on_ray

        return train_on_ray(name, dataset, run, config, num_workers, ray_address)
    return train_here(name, dataset, run, config)


def train_here(
    name: ObjectiveName, dataset: Path, run: Path, config: TrainingConfig
) -> dict[str, Any]:
    """Train in this process: alone, or as one rank of a process group that exists already."""
    preset, device = config.resolved_preset(), _device(config.device)
    run.mkdir(parents=True, exist_ok=True)
    if ranks.is_chief():
        atomic.write_bytes(run / "training.yaml", to_yaml(config, "training").encode())
    seen = preset
    if name == "text" and config.text.image_side_px:
        seen = preset.model_copy(update={"image_side_px": config.text.image_side_px})
    loop: LoopConfig = getattr(config, name).loop
    train_set, held_out = (
        ShardStream(dataset, split, seen, config.data, loop.batch_size, config.seed)
        for split in ("train", "val")
    )
    loop = loop.resolved(train_set.num_samples, ranks.num_ranks())
    settings = PainterSettings(
        preset=preset,
        interval_s=config.interval_s or usual_interval_s(dataset),
        num_steps=preset.num_steps,
        guidance=dict(preset.guidance),
    )
    objective = _objective(name, config, settings, device)
    result = train(
        objective, train_set, held_out if held_out.num_samples else None, run, loop, device
    )
    if ranks.is_chief():
        classes = {part: class_of(made) for part, made in objective.parts().items()}
        described = settings.model_copy(update={"provenance": {name: _facts(config, result)}})
        # With its index, parts/ is a painter folder of its own: to load, and to put together.
        write_index(run / "parts", classes, described)
        print(_summary(result, run))
    return asdict(result)


def usual_interval_s(dataset: Path) -> float:
    """The paper's 20 s where training saw such steps, else the median interval of the data."""
    intervals = []
    for raw in read_shards(read_index(dataset, "train")):
        intervals.append(raw.interval_s())
        if len(intervals) == INTERVALS_LOOKED_AT:
            break
    ordered = sorted(intervals)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    if low <= PAPER_INTERVAL_S <= high:
        return PAPER_INTERVAL_S
    return round(ordered[len(ordered) // 2], 1)


def _objective(
    name: ObjectiveName, config: TrainingConfig, settings: PainterSettings, device: torch.device
) -> Objective:
    if name == "text":
        from training.text import build_text_objective

        return build_text_objective(config, settings)
    parts = objective_parts(name, config, settings.preset)
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.to(device)
    if name == "mask":
        return MaskObjective(parts, settings, config.mask)
    return RendererObjective(parts, settings, config.renderer)


def _finished(run: Path, loop: LoopConfig, name: str) -> dict[str, Any] | None:
    """The stored result, if the run has come as far as it is now asked to go."""
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


def _facts(config: TrainingConfig, result: TrainingResult) -> dict[str, Any]:
    """Provenance of one objective in painter.json."""
    kept = ("step", "samples_seen", "trained_s", "loss", "validation_loss")
    numbers = {key: value for key, value in asdict(result).items() if key in kept}
    return {"config_hash": config_hash(config), "seed": config.seed, **numbers}


def _device(name: str) -> torch.device:
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        return torch.empty(0, device=name).device
    except (RuntimeError, AssertionError) as error:
        raise UserError(f"training.device={name!r} cannot be used here: {error}") from error


def _summary(result: TrainingResult, run: Path) -> str:
    held_out = "" if result.validation_loss is None else f", val {result.validation_loss:.4f}"
    return (
        f"{result.objective}: {result.step} steps, {result.samples_seen} samples in "
        f"{result.trained_s:.0f} s, loss {result.loss:.4f}{held_out} -> {run / 'parts'}"
    )
