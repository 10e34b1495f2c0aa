"""Makes the rows of the table: each measure with its value, its goal and the GPU it ran on."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any, Literal

import torch

from training.benchmark.measure import Speed, card_name, measure
from training.benchmark.shards import write_dataset
from training.loop.config import LoopConfig
from training.networks.presets import PAPER, POCKET, Preset

NOT_MEASURED = "not measured"
"""Value of rows that need a GPU where there is none."""
PAPER_SIZE_PX = (512, 640)
"""Height and width of the published canvases in px."""


def all_rows(num_steps: int, gpu_batch_size: int) -> list[dict[str, Any]]:
    """CPU rows at pocket size; GPU rows at full size with random weights, bf16."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)
        rows = cpu_rows(root, num_steps)
        device = torch.device("cuda") if torch.cuda.is_available() else None
        return rows + gpu_rows(root, device, PAPER, PAPER_SIZE_PX, num_steps, gpu_batch_size)


def cpu_rows(root: Path, num_steps: int) -> list[dict[str, Any]]:
    """Share of waiting for data and samples per second, pocket preset on the CPU."""
    dataset = write_dataset(root / "small", 8, 256, 320)
    device, loop = torch.device("cpu"), LoopConfig(batch_size=4)
    rows = []
    for name in ("mask", "renderer"):
        speed = _speed(name, POCKET, dataset, root, device, num_steps, loop)
        wait = f"{speed.data_wait_share:.2%}"
        rows.append(_row(f"{name}, pocket: time waiting for data", wait, "<= 2 %", "CPU"))
        rows.append(_row(f"{name}, pocket: samples/s", f"{speed.samples_per_s:.2f}", "-", "CPU"))
    return rows


def gpu_rows(
    root: Path,
    device: torch.device | None,
    preset: Preset,
    size: tuple[int, int],
    num_steps: int,
    batch_size: int,
) -> list[dict[str, Any]]:
    """Samples per second and share of the peak at `size` in bf16; `NOT_MEASURED` without a
    device."""
    reach = {"renderer": ">= 10", "mask": ">= 20"}
    if device is None:
        rows = [
            _row(f"{name}, paper, 512x640 bf16: samples/s", NOT_MEASURED, wanted, "no GPU")
            for name, wanted in reach.items()
        ]
        peak = "renderer, paper, 512x640 bf16: share of bf16 peak"
        return [*rows, _row(peak, NOT_MEASURED, ">= 40 %", "no GPU")]
    dataset = write_dataset(root / "full", 4, *size)
    loop = LoopConfig(batch_size=batch_size, precision="bf16", ema_decay=0.0)
    rows = []
    for name, wanted in reach.items():
        speed = _speed(name, preset, dataset, root, device, num_steps, loop)
        title, card = f"{name}, {preset.name}, {size[0]}x{size[1]} bf16", card_name(device)
        rows.append(_row(f"{title}: samples/s", f"{speed.samples_per_s:.2f}", wanted, card))
        share = NOT_MEASURED if speed.peak_share is None else f"{speed.peak_share:.1%}"
        rows.append(_row(f"{title}: share of bf16 peak", share, ">= 40 %", card))
    return rows


def _speed(
    name: Any, preset: Preset, dataset: Path, root: Path, device: torch.device, num_steps: int,
    loop: LoopConfig,
) -> Speed:  # fmt: skip
    which: Literal["mask", "renderer"] = name
    return measure(which, preset, dataset, root / "run", loop, device, num_steps)


def _row(measure: str, value: str, reach: str, card: str) -> dict[str, Any]:
    return {"measure": measure, "value": value, "reach": reach, "card": card}
