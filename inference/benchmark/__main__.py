"""``python -m inference.benchmark``: measures one canvas update against the release's order of
computation, in time and results.

Both run alternately in one process with the same small random weights; figures are ratios of
medians, on a CPU of processor time. The release computes all six branches, runs the ReferenceNet on
six equal rows, projects keys and values at every step, and computes target latents, CLIP vector and
reference features again at every update. Rows that need a GPU say "not measured" without one.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, cast

import numpy as np
import torch
import typer

from inference.artist.artist import PainterArtist
from inference.artist.batched_artists import BatchedArtists
from inference.artist.detail import DetailConfig
from inference.artist.guidance import BRANCHES, guidance_of, official_sum
from inference.artist.sampling import SamplingConfig
from inference.benchmark.folder import Size
from inference.benchmark.memory import computed_rows, memory_rows
from inference.benchmark.networks import (
    image_of,
    paper_painter,
    pocket_painter,
    small_painter,
)
from inference.loading.packing import pack_for_cpu
from inference.official import unoptimized_artist
from inference.official.noise import DrawnNoise
from inference.rollout.artist_requests import LocateRequest, RenderRequest
from inference.rollout.steps import Instruction
from ingest.conventions.atomic import write_json
from ingest.conventions.cli import new_app, run_app
from ingest.conventions.errors import UserError
from training.networks.conditions import Branch, Conditioning
from training.painter.device import resolve_device
from training.painter.painter import Painter

NOT_MEASURED = "not measured"
"""Value of rows that need a GPU where there is none."""
GUIDANCE_SCALES = {"image": 2.0, "canvas": 1.0, "time": 5.0, "mask": 5.0, "text": 5.0}
"""The published guidance scales."""
INTERVAL_S = 20.0
"""Painting time of a step in seconds."""

app = new_app("Measure canvas updates against the release's order of work.")


@app.command()
def main(
    steps: Annotated[int, typer.Option(help="Sampler steps of one update")] = 25,
    rounds: Annotated[int, typer.Option(help="Times that everything is measured")] = 3,
    device: Annotated[str, typer.Option(help="Where the GPU's rows are measured")] = "auto",
    size: Annotated[
        str, typer.Option(help="Of the GPU's rows: auto (full if there is one), small or full")
    ] = "auto",
    json: Annotated[Path | None, typer.Option(help="Write the figures here")] = None,
) -> None:
    """Print the figures as a table; one row a measure."""
    gpu_device = resolve_device(device)
    chosen = ("full" if gpu_device.type == "cuda" else "none") if size == "auto" else size
    if chosen not in ("none", "small", "full"):
        raise UserError(f"--size {size}: expected auto, small or full")
    torch.manual_seed(0)
    rows = [*guided_noise(rounds * 4), *canvas_update(steps, rounds)]
    few_steps = SamplingConfig(guidance=GUIDANCE_SCALES, num_steps=max(1, steps // 5))
    rows += batches("paper's shape", prepared(small_painter()), few_steps, rounds)
    rows += batches("pocket", prepared(pocket_painter()), SamplingConfig(), rounds * 2)
    rows += expected_rows()
    rows += unmeasured() if chosen == "none" else gpu_rows(gpu_device, cast(Size, chosen), rounds)
    result = {"device": device_name(), "torch": torch.__version__, "rows": rows}
    for row in rows:
        print(f"{row['measure']:<58} {show(row['value']):>14}   {row['reach']}")
    if json is not None:
        write_json(json, result)


def guided_noise(rounds: int) -> list[dict[str, Any]]:
    """Difference and time of one guided noise, all six branches against those with a weight."""
    unpacked, packed = small_painter(), prepared(small_painter())
    guidance, unet = guidance_of(GUIDANCE_SCALES), unpacked.part("unet")
    with torch.inference_mode():
        six = update_conditioning(unpacked, BRANCHES)
        all_six = update_conditioning(packed, BRANCHES)
        few = update_conditioning(packed, guidance.branches)
        release = unoptimized_artist.repeated_reference(six)
        latents = torch.randn(six.target_latents[:1].shape)

        def as_released() -> torch.Tensor:
            with unoptimized_artist.release_attention(unet):
                return official_sum(unpacked.predict(latents, 500.5, release), GUIDANCE_SCALES)

        runs = {
            "release": as_released,
            "six": lambda: official_sum(packed.predict(latents, 500.5, all_six), GUIDANCE_SCALES),
            "few": lambda: guidance.combine(packed.predict(latents, 500.5, few)),
        }
        results = {name: run() for name, run in runs.items()}
        times = medians(runs, rounds)
    name = "guided noise, 4 branches against 6"

    def differ(other: str) -> float:
        return float((results[other] - results["few"]).abs().max())

    return [
        row(f"{name}: largest difference", differ("six"), "<= 1e-5"),
        # Guidance multiplies rounding differences between memory layouts by up to 7.
        row(f"{name} in the release's order: the same", differ("release"), ""),
        row(f"{name} in the release's order: time", times["few"] / times["release"], "<= 0.70"),
        row(f"{name} by our own code: time", times["few"] / times["six"], ""),
    ]


def canvas_update(steps: int, rounds: int) -> list[dict[str, Any]]:
    """Time of one update: mask generator, renderer and decoding. Language model and LPIPS, equal in
    both, are left out; so are further thresholds, for which the release runs the mask generator
    again."""
    target, canvas = image_of(0), image_of(1)
    sampling = SamplingConfig(guidance=GUIDANCE_SCALES, num_steps=steps)
    ours = PainterArtist(prepared(small_painter()), target, sampling, DetailConfig(), seed=0)
    noise, sky = DrawnNoise(0), Instruction("sky", None)
    release = unoptimized_artist.UnoptimizedArtist(
        small_painter(), target, lambda *_: sky, noise, GUIDANCE_SCALES, steps
    )
    difference = np.ones(target.shape[:2], bool)

    def update(artist: Any) -> Callable[[], np.ndarray]:
        def run() -> np.ndarray:
            fresh = canvas.copy()
            probability = artist.locate(fresh, target, difference, "sky", INTERVAL_S)
            mask = probability > np.median(probability)
            return artist.render(fresh, target, mask, "sky", INTERVAL_S, 1)

        return run

    times = medians({"ours": update(ours), "release": update(release)}, rounds)
    return [
        row("one canvas update, the release's order, seconds", times["release"], ""),
        row("one canvas update, ours, seconds", times["ours"], ""),
        row("one canvas update, ours to the release's order", times["ours"] / times["release"],
            "<= 0.60"),
    ]  # fmt: skip


def batches(
    name: str, painter: Painter, sampling: SamplingConfig, rounds: int, num_paintings: int = 4
) -> list[dict[str, Any]]:
    """Time of one update of several paintings, in one batch against one by one."""
    targets = [image_of(seed) for seed in range(num_paintings)]
    artists = [
        PainterArtist(painter, target, sampling, DetailConfig(), seed)
        for seed, target in enumerate(targets)
    ]
    difference = np.ones(targets[0].shape[:2], bool)
    mask = difference.copy()
    mask[: len(mask) // 2] = False

    def update(batch_size: int) -> Callable[[], None]:
        def run() -> None:
            canvases = [image_of(100 + seed) for seed in range(num_paintings)]
            for start in range(0, num_paintings, batch_size):
                part = slice(start, start + batch_size)
                batch = BatchedArtists([artist.state for artist in artists[part]])
                pairs = list(zip(canvases[part], targets[part], strict=True))
                batch.locate([LocateRequest(c, t, difference, "sky", INTERVAL_S) for c, t in pairs])
                batch.render([RenderRequest(c, t, mask, "sky", INTERVAL_S, 1) for c, t in pairs])

        return run

    times = medians({"one": update(1), "all": update(num_paintings)}, rounds)
    measure = f"paintings a second, {name}, {num_paintings} in a batch to one at a time"
    return [row(measure, times["one"] / times["all"], "")]


def prepared(painter: Painter) -> Painter:
    """A painter as `inference.command.painting_context` prepares it for a CPU."""
    return pack_for_cpu(painter.to_channels_last())


def update_conditioning(painter: Painter, branches: Sequence[Branch]) -> Conditioning:
    """The conditioning of an update, with a row per branch."""
    target, canvas = image_of(0), image_of(1)
    artist = PainterArtist(painter, target, SamplingConfig(), DetailConfig(), seed=0)
    mask = np.zeros(target.shape[:2], bool)
    mask[: len(mask) // 2] = True
    return BatchedArtists([artist.state]).conditioning(
        [RenderRequest(canvas, target, mask, "sky", INTERVAL_S, 0)], branches
    )


def gpu_rows(device: torch.device, size: Size, rounds: int) -> list[dict[str, Any]]:
    """The GPU rows, measured on `device`: time of one update, and peaks of memory. With small
    networks they also run on a CPU; the name of the row then holds the size."""
    is_full = size == "full"
    note = "" if is_full else f" (small networks, {device.type})"
    seconds = update_seconds(device, is_full, rounds)
    rows = [row(GPU_ROWS[0][0] + note, seconds, GPU_ROWS[0][1] if is_full else "")]
    for (name, reach), found in zip(GPU_ROWS[1:], memory_rows(device, size), strict=True):
        rows.append(row(name + note, found["measured"] / GB, reach if is_full else ""))
        rows.append(row(f"... {found['case']}: measured over expected",
                        found["measured"] / found["expected"], ""))  # fmt: skip
    return rows


def expected_rows() -> list[dict[str, Any]]:
    """The memory plan of the published networks, which needs no GPU."""
    return [
        row(f"computed peak, {found['case']}, GB", found["expected"] / GB, found["reach"])
        for found in computed_rows()
    ]


def update_seconds(device: torch.device, is_full: bool, rounds: int) -> float:
    """Seconds of one update with 25 steps and random weights, bf16 on a GPU: the published networks
    at 512x640, small networks at 256x320."""
    if is_full:
        painter, size = paper_painter(device, torch.bfloat16), (512, 640)
    else:
        dtype = torch.bfloat16 if device.type == "cuda" else torch.float32
        painter, size = prepared(small_painter().to(device, dtype)), (256, 320)
    target, canvas = image_of(0, size), image_of(1, size)
    sampling = SamplingConfig(guidance=GUIDANCE_SCALES, num_steps=25)
    artist = PainterArtist(painter, target, sampling, DetailConfig(), seed=0)
    difference = np.ones(target.shape[:2], bool)

    def update() -> None:
        fresh = canvas.copy()
        probability = artist.locate(fresh, target, difference, "sky", INTERVAL_S)
        artist.render(fresh, target, probability > np.median(probability), "sky", INTERVAL_S, 1)
        if device.type == "cuda":
            torch.cuda.synchronize()

    clock = time.perf_counter if device.type == "cuda" else time.process_time
    return medians({"update": update}, rounds, clock)["update"]


GPU_ROWS = (
    ("one update at 512x640, bf16, 25 steps, seconds", "<= 0.40 on an H200"),
    ("peak memory of inference without LLaVA, GB", "<= 8"),
    ("peak memory with offload and 4-bit LLaVA, GB", "<= 12"),
)
"""Measure and goal of the rows that need a GPU."""
GB = 1e9
"""Bytes of a gigabyte."""


def unmeasured() -> list[dict[str, Any]]:
    """The GPU rows without a GPU."""
    return [row(measure, NOT_MEASURED, reach) for measure, reach in GPU_ROWS]


def medians(
    runs: dict[str, Callable[[], Any]], rounds: int, clock: Callable[[], float] = time.process_time
) -> dict[str, float]:
    """Median seconds of each function; all run in turns, the first turn is not counted. The default
    clock is processor time, which depends less on other load of the machine."""
    taken: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(rounds + 1):
        for name, run in runs.items():
            start = clock()
            run()
            if turn:
                taken[name].append(clock() - start)
    return {name: statistics.median(seconds) for name, seconds in taken.items()}


def row(measure: str, value: float | str, reach: str) -> dict[str, Any]:
    return {"measure": measure, "value": value, "reach": reach}


def show(value: float | str) -> str:
    return value if isinstance(value, str) else f"{value:.3g}"


def device_name() -> str:
    """Name of the GPU, or type of the CPU and its threads."""
    if torch.cuda.is_available():
        return torch.cuda.get_device_name()
    return f"CPU, {torch.get_num_threads()} thread(s), {platform.machine()}"


if __name__ == "__main__":
    run_app(app)
