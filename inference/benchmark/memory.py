"""Measures the peak memory of painting in a new process, and the peak that the plan expects.

On a GPU it is torch's count of allocated bytes. On the CPU it is the largest resident size of the
process since the painter began to load, less the size before.
"""

from __future__ import annotations

import ctypes
import dataclasses
import gc
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import psutil
import torch

from inference.artist.guidance import guidance_of
from inference.artist.sampling import SamplingConfig
from inference.benchmark.folder import Size, write_random_painter
from inference.benchmark.networks import image_of
from inference.command.painting_context import load_context, loader_of, painter_record
from inference.command.rollout_setup import start_rollout
from inference.inputs.picture import Picture
from inference.loading.memory_config import MemoryConfig
from inference.loading.part_loading import PartLoader
from inference.memory.dry_run import MemoryStage
from inference.memory.plan import memory_plan, plan_for
from inference.rollout.finish import FinishConfig
from inference.rollout.stop import StopConfig
from inference.settings import InferenceConfig
from ingest.conventions.errors import UserError
from ingest.format.images import encode_image
from training.painter.painter import Painter

CANVAS_SIZE_PX = (512, 640)
"""Height and width of the published canvases."""
NUM_UPDATES = 2
"""Number of updates that are painted: the second starts with the features kept from the first."""
WARM_UP_SIZE_PX = (64, 80)
"""Height and width of a first painting, after which libraries have allocated their own memory."""


def memory_rows(device: torch.device, size: Size) -> list[dict[str, Any]]:
    """Measured and expected peaks: without LLaVA, and with it under the low-memory switches."""
    dtype = "bfloat16" if device.type == "cuda" else "float32"
    bits = {"llava_bits": 4} if device.type == "cuda" else {}
    cases = (
        ("without LLaVA", False, {}),
        ("with LLaVA, offload and tiled VAE" + (", 4 bit" if bits else ""), True,
         {"offload": "network", "vae_tile_px": 256, **bits}),
    )  # fmt: skip
    rows = []
    for case, with_language, switches in cases:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder)
            write_random_painter(place / "painter", size, getattr(torch, dtype), with_language)
            (place / "picture.png").write_bytes(encode_image(image_of(0, CANVAS_SIZE_PX), "png"))
            found = measured(place, device, dtype, switches)
        rows.append({"case": case, **found})
    return rows


def computed_rows() -> list[dict[str, Any]]:
    """Expected peaks of the published networks at 512x640 on a GPU: computed, not measured."""
    no_switches, most = {}, {"offload": "network", "vae_tile_px": 256}
    cases = (
        ("without LLaVA, float32", False, torch.float32, no_switches, 1, ""),
        ("without LLaVA, bfloat16", False, torch.bfloat16, no_switches, 1, "<= 8"),
        ("... 4 paintings in a batch", False, torch.bfloat16, no_switches, 4, ""),
        ("... offload network", False, torch.bfloat16, {"offload": "network"}, 1, ""),
        ("... offload network, tiles of 256", False, torch.bfloat16, most, 1, ""),
        ("... offload layer, tiles of 256", False, torch.bfloat16,
         {**most, "offload": "layer"}, 1, ""),
        ("with LLaVA-1.5-7B, bfloat16", True, torch.bfloat16, no_switches, 1, ""),
        ("... LLaVA in 4 bit", True, torch.bfloat16, {"llava_bits": 4}, 1, ""),
        ("... offload network", True, torch.bfloat16, {"offload": "network"}, 1, ""),
        ("... offload network, LLaVA in 4 bit, tiles of 256", True, torch.bfloat16,
         {**most, "llava_bits": 4}, 1, "<= 12"),
        ("... the same, 4 paintings in a batch", True, torch.bfloat16,
         {**most, "llava_bits": 4}, 4, ""),
    )  # fmt: skip
    rows = []
    known: dict[Any, tuple[MemoryStage, ...]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for with_language in (False, True):
            place = Path(folder) / str(with_language)
            write_random_painter(place, "full", torch.float16, with_language, sparse=True)
        for case, with_language, dtype, switches, num_paintings, reach in cases:
            loader = PartLoader.of(
                Path(folder) / str(with_language), torch.device("cuda"),
                MemoryConfig.model_validate(switches), dtype=dtype,
            )  # fmt: skip
            branches = guidance_of(loader.settings.guidance).branches
            # Offloading does not change the tensors that the networks create.
            key = (
                with_language, dtype, switches.get("vae_tile_px"), switches.get("llava_bits"),
                num_paintings,
            )  # fmt: skip
            plan = plan_for(loader, branches, CANVAS_SIZE_PX, known.get(key), num_paintings)
            known[key] = plan.stages
            rows.append({"case": case, "expected": plan.peak_bytes, "reach": reach,
                         "while": plan.worst.activity, "host": plan.host_bytes})  # fmt: skip
    return rows


def measured(
    place: Path, device: torch.device, dtype: str, switches: dict[str, Any]
) -> dict[str, int]:
    """`peaks` of a new process.

    Raises:
        RuntimeError: the process failed; with the end of its error output.
    """
    given = json.dumps([str(place), str(device), dtype, switches])
    code = (
        "import json, sys; from inference.benchmark.memory import peaks; "
        "print(json.dumps(peaks(*json.loads(sys.argv[1]))))"
    )
    # Makes glibc return freed memory, of which it would keep up to twice the memory in use.
    environment = {**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"}
    done = subprocess.run(
        [sys.executable, "-c", code, given],
        capture_output=True, text=True, check=False, env=environment,
    )  # fmt: skip
    if done.returncode != 0:
        raise RuntimeError(f"measuring memory failed: {done.stderr[-800:]}")
    return json.loads(done.stdout.splitlines()[-1])


def peaks(place: str, device: str, dtype: str, switches: dict[str, Any]) -> dict[str, int]:
    """`measured` and `expected` bytes of painting with the painter in `place`."""
    config = InferenceConfig.model_validate(
        {
            "painter": f"{place}/painter",
            "device": device,
            "dtype": dtype,
            "memory": switches,
            "stop": StopConfig(max_steps=NUM_UPDATES).model_dump(),
            # All steps of the sampler use the same memory, so two are enough.
            "sampling": SamplingConfig(num_steps=2).model_dump(),
            # The finishing step needs no networks.
            "finish": FinishConfig(enabled=False).model_dump(),
        }
    )
    loader = loader_of(config)
    expected = memory_plan(loader, config, [Path(place) / "picture.png"]).peak_bytes
    paint_updates(config, WARM_UP_SIZE_PX)
    before = restarted_peak(loader.device)
    paint_updates(config, CANVAS_SIZE_PX)
    return {"expected": expected, "measured": peak_since(loader.device, before)}


def paint_updates(config: InferenceConfig, size: tuple[int, int]) -> None:
    """Load the painter, paint `NUM_UPDATES` canvases of (height, width), and free everything."""
    context = load_context(config, painter_record(config)[0])
    context = dataclasses.replace(context, painter=_at_size(context.painter, min(size)))
    image = image_of(0, size)
    picture = Picture(Path("picture.png"), image, "0" * 64, (image.shape[1], image.shape[0]))
    count = sum(1 for _ in start_rollout(context, picture))
    if count != NUM_UPDATES:
        raise RuntimeError(f"painted {count} canvases, expected {NUM_UPDATES}")


def _at_size(painter: Painter, side_px: int) -> Painter:
    """The painter with another short side of the canvas; its networks take any size."""
    painter.preset = painter.preset.model_copy(update={"image_side_px": side_px})
    return painter


def restarted_peak(device: torch.device) -> int:
    """Reset the peak; returns the bytes in use now.

    Raises:
        UserError: the peak of a process can be reset on Linux only.
    """
    if device.type == "cuda":
        torch.cuda.reset_peak_memory_stats(device)
        return 0
    if sys.platform != "linux":
        raise UserError("the peak of a process is measured on Linux only")
    gc.collect()
    # Freed memory that the process keeps would hide later allocations.
    ctypes.CDLL("libc.so.6").malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")
    return psutil.Process().memory_info().rss


def peak_since(device: torch.device, before: int) -> int:
    """Peak bytes since `restarted_peak` returned `before`."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device)
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    kilobytes = next(line.split()[1] for line in lines if line.startswith("VmHWM"))
    return int(kilobytes) * 1024 - before
