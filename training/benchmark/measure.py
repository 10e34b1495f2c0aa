"""Times training steps: samples per second, share of waiting for data, share of the GPU's peak
arithmetic."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch
from torch.utils.flop_counter import FlopCounterMode

from training.loop.config import LoopConfig
from training.loop.loop import TrainingClock
from training.loop.trainer import Trainer
from training.networks.presets import Preset
from training.objectives.mask import MaskConfig, MaskObjective
from training.objectives.renderer import RendererConfig, RendererObjective
from training.painter.folder import PainterSettings, parts_of
from training.painter.parts import build_part
from training.streaming.batch import Position
from training.streaming.stream import DataConfig, ShardStream

BF16_PEAK_TFLOPS = {"A100": 312.0, "H100": 989.0, "H200": 989.0, "L40S": 362.0, "A40": 150.0}
"""Dense bfloat16 peak in TFLOPS from NVIDIA's data sheets (SXM), by a part of the GPU's name."""


@dataclass(frozen=True)
class Speed:
    """Measured speed of some training steps."""

    samples_per_s: float
    data_wait_share: float
    """Share of the time spent waiting for batches."""
    tflops_per_sample: float
    """Floating-point operations of a forward and backward pass per sample, in 10^12, without
    recomputed activations."""
    peak_share: float | None
    """Share of the GPU's bfloat16 peak; None on a CPU or a GPU that is not in the table."""


def measure(
    name: Literal["mask", "renderer"],
    preset: Preset,
    dataset: Path,
    run: Path,
    loop: LoopConfig,
    device: torch.device,
    num_steps: int,
    num_warmup: int = 2,
) -> Speed:
    """Train `name` with random weights on a dataset for `num_steps` timed steps.

    Frozen parts are random too: their weights do not affect the speed.
    """
    objective = _objective(name, preset, device)
    trainer = Trainer(objective, run, loop, device)
    stream = ShardStream(dataset, "train", preset, DataConfig(), loop.batch_size, 0)
    batches = stream.batches(Position())
    counter = FlopCounterMode(display=False)
    with counter:
        trainer.train_step([next(batches)])
    for _ in range(num_warmup):
        trainer.train_step([next(batches)])
    first, clock = trainer.position.samples_seen, TrainingClock()
    for _ in range(num_steps):
        trainer.train_step(clock.next_batches(batches, 1))
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    speed = (trainer.position.samples_seen - first) / clock.elapsed_s
    tflops = counter.get_total_flops() / loop.batch_size / 1e12
    peak = _peak_tflops(device)
    share = speed * tflops / peak if peak else None
    return Speed(speed, clock.data_wait_share, tflops, share)


def card_name(device: torch.device) -> str:
    """Name of the GPU; "CPU" without one."""
    return torch.cuda.get_device_name(device) if device.type == "cuda" else "CPU"


def _objective(
    name: Literal["mask", "renderer"], preset: Preset, device: torch.device
) -> MaskObjective | RendererObjective:
    torch.manual_seed(0)
    parts = {part: build_part(part, preset) for part in parts_of(name, preset)}
    for part, made in parts.items():
        if isinstance(made, torch.nn.Module):
            made.to(device)
            if part in ("vae", "text_encoder") or (
                part == "image_encoder" and not preset.train_image_tower
            ):
                made.requires_grad_(False)
    settings = PainterSettings(preset=preset, num_steps=preset.num_steps)
    if name == "mask":
        return MaskObjective(parts, settings, MaskConfig())
    return RendererObjective(parts, settings, RendererConfig(drop_probability=0.1))


def _peak_tflops(device: torch.device) -> float | None:
    name = card_name(device)
    return next((peak for part, peak in BF16_PEAK_TFLOPS.items() if part in name), None)
