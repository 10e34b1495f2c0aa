"""Describes a memory plan in words, with the switches that would lower the peak."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator, Sequence
from typing import Any

import psutil
import torch

from inference.artist.planned.orders import USUAL_INTERVAL_S, wanted_num_steps
from inference.loading.part_loading import INSTRUCTION_MODEL
from inference.memory.plan import MemoryPlan, capacity_bytes, free_bytes
from inference.memory.time_estimate import (
    in_words,
    painter_seconds,
    strokes_bytes,
    strokes_seconds,
)
from inference.output.session import PainterRecord
from inference.rollout.stop import PUBLISHED
from inference.settings import InferenceConfig
from training.rivals.folder import RivalRecord

GB = 1e9
"""Bytes of a gigabyte."""
TILE_PX = 256
"""Side of VAE tiles that the advice suggests."""
PUBLISHED_MAX_STEPS = int(PUBLISHED["max_steps"])
"""Most steps of a painting where no limit is set."""
MAX_REMAINING_SHARE = 0.98
"""Share of the peak that remains at most after a switch that the advice suggests."""


def plan_line(plan: MemoryPlan, config: InferenceConfig, num_paintings: int) -> str:
    """The plan in one line: paintings, steps, memory, time; what to do where it may not fit."""
    settings, free = plan.loader.settings, free_bytes(plan.loader.device)
    num_steps = config.stop.max_steps or PUBLISHED_MAX_STEPS
    denoising = config.sampling.num_steps or settings.num_steps
    seconds = painter_seconds(plan, denoising, num_steps)
    batches = -(-num_paintings // plan.num_paintings)
    interval_s = config.rollout.interval_s or settings.interval_s
    needed = plan.peak_bytes
    if plan.loader.device.type == "cpu":
        needed += psutil.Process().memory_info().rss
    line = (
        f"plan: {_paintings(num_paintings)} by {config.painter}, at most {num_steps} steps of "
        f"{interval_s:g} s, {needed / GB:.1f} GB of memory on "
        f"{plan.loader.device} ({free / GB:.1f} free), at most {in_words(batches * seconds)}"
    )
    return line if plan.peak_bytes <= free else f"{line}. This may not fit. {advice(plan)}"


def rival_line(config: InferenceConfig, rival: RivalRecord, num_paintings: int) -> str:
    """The plan of paintings by a rival of the paper in one line."""
    interval_s = config.rollout.interval_s or rival.interval_s
    return (
        f"plan: {_paintings(num_paintings)} by {rival.kind} ({config.painter}), "
        f"{rival_steps(config, rival)} frames of {interval_s:g} s"
    )


def rival_steps(config: InferenceConfig, rival: RivalRecord) -> int:
    """Number of frames that a rival paints."""
    return min(rival.num_steps, config.stop.max_steps or rival.num_steps)


def strokes_line(config: InferenceConfig, sizes: Sequence[tuple[int, int]]) -> str:
    """The plan of paintings in strokes in one line.

    Args:
        sizes: height and width of every picture; empty if they are not known.
    """
    strokes, interval_s = config.strokes, config.rollout.interval_s or USUAL_INTERVAL_S
    count = wanted_num_steps(strokes, interval_s)
    most = config.stop.max_steps
    steps = f"about {count}" if most is None or most > count else f"{most}"
    pixels = [scaled_pixels(size, config.picture.max_side_px) for size in sizes]
    seconds, free = sum(map(strokes_seconds, pixels)), free_bytes(torch.device("cpu"))
    return (
        f"plan: {_paintings(len(sizes))} in strokes ({config.painter} order, {strokes.medium}), "
        f"{steps} steps of {interval_s:g} s, {strokes_bytes(max(pixels, default=0)) / GB:.1f} GB "
        f"of memory ({free / GB:.1f} free), {in_words(seconds)}"
    )


def scaled_pixels(size: tuple[int, int], max_side_px: int) -> int:
    """Pixels of a picture of that height and width when it is scaled down to a long side."""
    scale = min(1.0, max_side_px / max(size))
    return round(size[0] * scale) * round(size[1] * scale)


def _paintings(count: int) -> str:
    return "1 painting" if count == 1 else f"{count} paintings"


def plan_lines(plan: MemoryPlan, config: InferenceConfig, painter: PainterRecord) -> list[str]:
    """Lines that describe the run, the place of each part, the expected peak and the free
    memory."""
    settings, memory = plan.loader.settings, plan.memory
    interval_s = config.rollout.interval_s or settings.interval_s
    tiles = f"tiles of {memory.vae_tile_px} px" if memory.vae_tile_px else "whole canvases"
    lines = [
        f"plan: painter {painter.name} ({painter.preset}, {painter.fingerprint}), a step every "
        f"{interval_s:g} s, at most {config.stop.max_steps or PUBLISHED_MAX_STEPS} steps",
        f"plan: networks see {plan.size[1]} x {plan.size[0]} px, "
        f"{config.sampling.num_steps or settings.num_steps} denoising steps of "
        f"{len(plan.branches)} branches a canvas, {plan.num_paintings} in a batch",
        f"plan: offload {memory.offload}, codec takes {tiles}",
    ]
    for part in plan.parts:
        where = _waiting_place(plan) if part.is_offloaded else str(plan.loader.device)
        size = _size(part.weights.num_bytes)
        lines.append(f"plan:   {part.name:<20} {part.format:<9} {size:>8}  {where}")
    lines.append(f"plan: {expected(plan)}; {_size(free_bytes(plan.loader.device))} free")
    if plan.peak_bytes > free_bytes(plan.loader.device):
        lines.append(f"plan: this may not fit. {advice(plan)}")
    return lines


def expected(plan: MemoryPlan) -> str:
    """The expected peak in one phrase."""
    worst = plan.worst
    text = (
        f"expected peak {_size(plan.peak_bytes)} on {plan.loader.device} while "
        f"{worst.activity} ({worst.network})"
    )
    if plan.host_bytes:
        text += f", {_size(plan.host_bytes)} wait in host memory"
    if plan.loader.device.type == "cpu":
        text += f", beside {_size(psutil.Process().memory_info().rss)} of the process itself"
    return text


def advice(plan: MemoryPlan) -> str:
    """The switches that are off and would lower the peak, in order, with the peak after each."""
    steps = [f"{name} (then {_size(peak)})" for name, peak in helping_switches(plan)]
    if steps:
        return f"Switch on, one after another until it fits: {'; '.join(steps)}"
    return (
        "Every switch that would help is on: take a smaller inference.picture.max_side_px, a less "
        "oblong picture, or a device with more memory"
    )


def memory_error_text(plan: MemoryPlan | None) -> str:
    """Text of an out-of-memory error: expected peak, capacity, free memory and advice."""
    if plan is None:
        return (
            "fewer pictures at once, half precision (torch_dtype), "
            "pipeline.enable_model_cpu_offload(), pipeline.vae.enable_tiling() and 4-bit LLaVA "
            "(memory=MemoryConfig(llava_bits=4)) need less, in this order"
        )
    device = plan.loader.device
    return (
        f"{expected(plan)}, of {_size(capacity_bytes(device))} there are "
        f"{_size(free_bytes(device))} free now. {advice(plan)}"
    )


def helping_switches(plan: MemoryPlan) -> Iterator[tuple[str, int]]:
    """Command-line options in order of increasing cost, with the peak after all options so far."""
    peak = plan.peak_bytes
    for name, dtype, switches in _switches(plan):
        after = plan.with_switches(dtype, **switches)
        if after.peak_bytes <= MAX_REMAINING_SHARE * peak:
            plan, peak = after, after.peak_bytes
            yield name, peak


def _switches(plan: MemoryPlan) -> Iterator[tuple[str, torch.dtype | None, dict[str, Any]]]:
    for fewer in sorted({plan.num_paintings // 2, 1} - {0, plan.num_paintings}, reverse=True):
        yield f"--set inference.work.batch_size={fewer}", None, {"num_paintings": fewer}
    is_cpu, memory = plan.loader.device.type == "cpu", plan.memory
    if plan.loader.network_dtype.itemsize > 2:
        # CPUs compute float16 slowly, bfloat16 fast.
        half = torch.bfloat16 if is_cpu else torch.float16
        yield f"--dtype {str(half).removeprefix('torch.')}", half, {}
    if memory.offload == "none":
        yield "--offload network", None, {"offload": "network"}
    if memory.vae_tile_px is None and "AutoencoderKL" in plan.loader.classes.get("vae", ()):
        yield f"--vae-tile {TILE_PX}", None, {"vae_tile_px": TILE_PX}
    if memory.llava_bits is None and INSTRUCTION_MODEL in plan.loader.classes:
        has_it = importlib.util.find_spec("bitsandbytes") is not None
        name = "--llava-bits 4" + ("" if has_it else " after `pip install bitsandbytes`")
        yield name, None, {"llava_bits": 4}
    if memory.offload != "layer" and not is_cpu:
        yield "--offload layer", None, {"offload": "layer"}


def _waiting_place(plan: MemoryPlan) -> str:
    """Where an offloaded part is, in words."""
    if plan.loader.device.type == "cpu":
        return "on the disk until its turn"
    what = "a layer at a time" if plan.memory.offload == "layer" else "at its turn"
    return f"host memory, on {plan.loader.device} {what}"


def _size(num_bytes: int) -> str:
    """12.3 GB, 45.0 MB or 40 kB."""
    if num_bytes >= GB:
        return f"{num_bytes / GB:.1f} GB"
    return f"{num_bytes / 1e6:.1f} MB" if num_bytes >= 1e6 else f"{num_bytes / 1e3:.0f} kB"
