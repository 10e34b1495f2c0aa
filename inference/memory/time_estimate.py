"""Estimates how long paintings take, before they are painted.

With a painter: the operations that the dry run counts, divided by the speed of a matrix product on
the device. With strokes: a constant and a rate, measured on two cores. A busy machine takes longer.
"""

from __future__ import annotations

import time

import torch

from inference.memory.plan import MemoryPlan

EFFICIENCY = 0.35
"""Speed of the networks as a share of that of a large matrix product."""
PROBE_SIDE = {"cpu": 1024, "cuda": 4096}
"""Side of the matrices of the probe, by device."""
START_S, STEP_S = 12.0, 0.6
"""Seconds of a painting for loading and outputs; of a step for region and canvas at full size."""
STROKES_S, STROKES_S_PER_MEGAPIXEL = 12.0, 80.0
"""Seconds of a painting in strokes, film included (docs/results.md, strokes)."""
STROKES_BYTES, STROKES_BYTES_PER_PIXEL = 0.85e9, 330.0
"""Memory of a painting in strokes, the process included."""


def painter_seconds(plan: MemoryPlan, num_denoising_steps: int, num_steps: int) -> float:
    """Expected seconds of one painting (of one batch, if the plan has one)."""
    once, update = 0, 0
    for stage in plan.stages:
        if stage.activity == "encoding the picture":
            once += stage.operations
        else:
            times = num_denoising_steps if stage.network == "unet" else 1
            update += times * stage.operations
    rate = EFFICIENCY * operations_a_second(plan.loader.device, plan.loader.network_dtype)
    return (once + num_steps * update) / rate + START_S + num_steps * STEP_S


def strokes_seconds(num_pixels: int) -> float:
    """Expected seconds of a painting in strokes of so many pixels."""
    return STROKES_S + STROKES_S_PER_MEGAPIXEL * num_pixels / 1e6


def strokes_bytes(num_pixels: int) -> float:
    """Expected memory of a painting in strokes of so many pixels."""
    return STROKES_BYTES + STROKES_BYTES_PER_PIXEL * num_pixels


def operations_a_second(device: torch.device, dtype: torch.dtype) -> float:
    """Floating point operations a second in a matrix product, the best of three."""
    side = PROBE_SIDE.get(device.type, 1024)
    matrix, best = torch.ones(side, side, device=device, dtype=dtype), float("inf")
    for _ in range(4):
        begun = time.perf_counter()
        # Taking a value waits for the device.
        (matrix @ matrix)[0, 0].item()
        best = min(best, time.perf_counter() - begun)
    return 2 * side**3 / best


def in_words(seconds: float) -> str:
    """About so long: ``about 40 s``, ``about 3 min`` or ``about 2.5 h``."""
    if seconds < 90:
        return f"about {max(10, round(seconds, -1)):.0f} s"
    return f"about {seconds / 60:.0f} min" if seconds < 5400 else f"about {seconds / 3600:.1f} h"
