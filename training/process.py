"""Trains one objective in this process: builds networks and data stream, trains, writes the
result."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
import yaml

from ingest.conventions import atomic
from ingest.conventions.config import config_hash, to_yaml
from training.initial_parts import objective_parts, random_unets, text_start
from training.loop import ranks
from training.loop.checkpoint import checkpoints
from training.loop.config import LoopConfig
from training.loop.display import Display, Terminal
from training.loop.loop import Objective, TrainingResult, train
from training.networks.presets import Preset
from training.objectives.mask import MaskObjective
from training.objectives.renderer import RendererObjective
from training.painter.device import resolve_device
from training.painter.folder import PainterSettings, class_of, write_index
from training.settings import ObjectiveName, TrainingConfig, changed_settings
from training.streaming.intervals import read_intervals_s
from training.streaming.stream import ShardStream

PAPER_INTERVAL_S = 20.0
"""Painting time of one step in the paper, in seconds."""
MAX_INTERVALS = 500
"""Number of training samples at most whose intervals decide the default interval."""


def train_in_process(
    name: ObjectiveName, dataset: Path, run: Path, config: TrainingConfig
) -> dict[str, Any]:
    """Train in this process alone, and show it to the person who started it.

    Returns:
        The run's `TrainingResult` as a dict.
    """
    with Terminal(name) as terminal:
        return train_rank(name, dataset, run, config, terminal)


def train_rank(
    name: ObjectiveName, dataset: Path, run: Path, config: TrainingConfig, display: Display
) -> dict[str, Any]:
    """Train as one rank of an existing process group, or alone without one.

    Returns:
        The run's `TrainingResult` as a dict.
    """
    preset, device = config.resolved_preset(), resolve_device(config.device)
    run.mkdir(parents=True, exist_ok=True)
    if ranks.is_rank_zero():
        _tell_changed_settings(run, config, name, display)
        atomic.write_bytes(run / "training.yaml", to_yaml(config, "training").encode())
    loop: LoopConfig = getattr(config, name).loop
    train_set, held_out = _streams(name, dataset, config, preset, display)
    loop = loop.resolved(train_set.num_samples, ranks.num_ranks())
    settings = PainterSettings(
        preset=preset,
        interval_s=config.interval_s
        or default_interval_s(
            read_intervals_s(train_set.samples, config.data.remote, MAX_INTERVALS)
        ),
        num_steps=preset.num_steps,
        guidance=dict(preset.guidance),
    )
    objective = _objective(name, config, settings, device, display)
    validation = held_out if held_out.num_samples else None
    result = train(objective, train_set, validation, run, loop, device, display)
    if ranks.is_rank_zero():
        classes = {part: class_of(made) for part, made in objective.parts().items()}
        described = settings.model_copy(
            update={"provenance": {name: _provenance_entry(config, result)}}
        )
        # The index makes parts/ a painter folder: it can be loaded and assembled with others.
        write_index(run / "parts", classes, described)
        display.say(_summary(result, run))
    return asdict(result)


def _streams(
    name: ObjectiveName, dataset: Path, config: TrainingConfig, preset: Preset, display: Display
) -> tuple[ShardStream, ShardStream]:
    """The batches of the splits train and val."""
    if name == "text" and config.text.image_side_px:
        preset = preset.model_copy(update={"image_side_px": config.text.image_side_px})
    size = getattr(config, name).loop.batch_size
    train_set, held_out = (
        ShardStream(dataset, split, preset, config.data, size, config.seed, display.warn)
        for split in ("train", "val")
    )
    return train_set, held_out


def _tell_changed_settings(
    run: Path, config: TrainingConfig, name: ObjectiveName, display: Display
) -> None:
    """Show the settings in which a run that goes on differs from its beginning."""
    path = run / "training.yaml"
    if not path.is_file() or not checkpoints(run):
        return
    before = yaml.safe_load(path.read_text(encoding="utf-8"))["training"]
    for change in changed_settings(before, config, name):
        display.say(
            f"{run} goes on with another setting: {change} (no longer equal to a run from new)"
        )


def default_interval_s(intervals: list[float]) -> float:
    """Seconds of one step: the paper's 20 if they lie between the 5th and 95th percentile of the
    training intervals, else their median."""
    ordered = sorted(intervals)
    low, high = ordered[len(ordered) // 20], ordered[-1 - len(ordered) // 20]
    if low <= PAPER_INTERVAL_S <= high:
        return PAPER_INTERVAL_S
    return round(ordered[len(ordered) // 2], 1)


def _objective(
    name: ObjectiveName,
    config: TrainingConfig,
    settings: PainterSettings,
    device: torch.device,
    display: Display,
) -> Objective:
    """The objective with its networks on the device."""
    tell = display.say if ranks.is_rank_zero() else lambda text: None
    if name == "text":
        from training.objectives.text import build_text_objective

        start = text_start(config, settings.preset)
        if config.initial and start == config.text.base:
            tell(
                f"{config.initial} has no instruction model: text starts from "
                f"{start or 'random weights'}"
            )
        return build_text_objective(config.text, start, settings, config.device, config.seed)
    parts = objective_parts(name, config, settings.preset)
    for unet in random_unets(name, config, settings.preset) if config.initial else ():
        tell(f"{config.initial} has no {unet}: it starts from random weights")
    for part in parts.values():
        if isinstance(part, torch.nn.Module):
            part.to(device)
    if name == "mask":
        return MaskObjective(parts, settings, config.mask)
    return RendererObjective(parts, settings, config.renderer)


def _provenance_entry(config: TrainingConfig, result: TrainingResult) -> dict[str, Any]:
    """Entry of one objective in the provenance of painter.json."""
    kept = ("step", "samples_seen", "trained_s", "loss", "validation_loss")
    numbers = {key: value for key, value in asdict(result).items() if key in kept}
    return {"config_hash": config_hash(config), "seed": config.seed, **numbers}


def _summary(result: TrainingResult, run: Path) -> str:
    held_out = "" if result.validation_loss is None else f", val {result.validation_loss:.4f}"
    return (
        f"{result.objective}: {result.step} steps, {result.samples_seen} samples in "
        f"{result.trained_s:.0f} s, loss {result.loss:.4f}{held_out} -> {run / 'parts'}"
    )
