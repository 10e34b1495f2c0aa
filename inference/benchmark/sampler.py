"""``python -m inference.benchmark.sampler PAINTER DATASET``: measures samplers with fewer steps.

Every sampler renders held-out steps of real paintings from the same noise, at network size and
without detail from the target. Each canvas is compared with that of the published sampler (Euler
ancestral, 25 steps), with that of 50 DDIM steps and with the true next canvas. Euler ancestral
draws noise at each step, so no other sampler gives its canvas exactly; the row of another seed
shows the distance between two of its own canvases.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer

from inference.artist.artist import PainterArtist
from inference.artist.detail import DetailConfig
from inference.artist.sampling import Sampler, SamplingConfig
from ingest.conventions.atomic import write_bytes, write_json
from ingest.conventions.cli import new_app, run_app
from ingest.conventions.errors import UserError
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image, resize_short_side
from ingest.format.schema import Sample, decode_sample
from ingest.format.tar import read_tar
from labeling.regions.perceptual import PerceptualDistance
from training.painter.painter import Painter, load_painter

Setting = tuple[Sampler, int, int]
"""Sampler, steps and seed."""
PUBLISHED: Setting = ("euler_ancestral", 25, 0)
"""The published sampler, a reference."""
DDIM_50: Setting = ("ddim", 50, 0)
"""A deterministic sampler of many steps, a reference."""
SETTINGS: tuple[Setting, ...] = (
    PUBLISHED,
    ("euler_ancestral", 25, 1),
    ("euler_ancestral", 10, 0),
    DDIM_50,
    ("ddim", 25, 0),
    ("ddim", 10, 0),
    ("dpm_solver++", 15, 0),
    ("dpm_solver++", 10, 0),
    ("dpm_solver++", 8, 0),
    ("dpm_solver++", 4, 0),
)
"""The samplers that are compared."""
RENDERER_ONLY = DetailConfig(carry_detail=False, keep_outside_mask=False)
"""Canvases as the renderer gives them."""

app = new_app("Measure samplers on held-out steps of a dataset.")


@dataclass(frozen=True, eq=False)
class Case:
    """One held-out step at the networks' size."""

    current: np.ndarray
    next: np.ndarray
    target: np.ndarray
    mask: np.ndarray
    instruction: str
    interval_s: float


@app.command()
def main(
    painter: Annotated[str, typer.Argument(help="Painter folder or hub name")],
    dataset: Annotated[Path, typer.Argument(help="Dataset with val shards")],
    num: Annotated[int, typer.Option(min=1, help="Held-out steps")] = 16,
    sheet: Annotated[Path | None, typer.Option(help="Write the canvases here (PNG)")] = None,
    json: Annotated[Path | None, typer.Option(help="Write the figures here")] = None,
) -> None:
    """Print a row a sampler: distances to two references and to the truth, and time."""
    loaded = load_painter(painter)
    cases = held_out(Dataset.existing(dataset), num, loaded.preset.image_side_px)
    rendered = {setting: render_all(loaded, cases, setting) for setting in SETTINGS}
    lpips = PerceptualDistance("cpu")
    rows = [row(setting, rendered, cases, lpips) for setting in SETTINGS]
    print(f"{len(cases)} held-out steps; PSNR inside the region, LPIPS of the whole canvas")
    for one in rows:
        print("  ".join(f"{name} {value}" for name, value in one.items()))
    if sheet is not None:
        write_bytes(sheet, encode_image(contact_sheet(cases, rendered), "png"))
    if json is not None:
        write_json(json, rows)


def held_out(dataset: Dataset, num: int, side_px: int) -> list[Case]:
    """`num` samples of the val shards at equal distances."""
    shards = sorted(dataset.shards.glob("val-*.tar"))
    samples = [decode_sample(k, f, s.name) for s in shards for k, f in islice(read_tar(s), 400)]
    usable = [sample for sample in samples if sample.mask.any()]
    if not usable:
        raise UserError(f"{dataset.shards} has no val samples: build shards of more videos")
    chosen = np.unique(np.linspace(0, len(usable) - 1, num).round().astype(int))
    return [_case(usable[index], side_px) for index in chosen]


def render_all(
    painter: Painter, cases: Sequence[Case], setting: Setting
) -> tuple[list[np.ndarray], float]:
    """The canvas of every case, and the median processor seconds of one."""
    sampling = SamplingConfig(sampler=setting[0], num_steps=setting[1])
    canvases, seconds = [], []
    for case in cases:
        artist = PainterArtist(painter, case.target, sampling, RENDERER_ONLY, setting[2])
        start = time.process_time()
        canvases.append(
            artist.render(
                case.current, case.target, case.mask, case.instruction, case.interval_s, 1
            )
        )
        seconds.append(time.process_time() - start)
    return canvases, float(np.median(seconds))


def row(
    setting: Setting,
    rendered: dict[Setting, tuple[list[np.ndarray], float]],
    cases: Sequence[Case],
    lpips: PerceptualDistance,
) -> dict[str, Any]:
    """Means over the cases: PSNR and LPIPS to both references and to the true canvas, seconds."""
    canvases, seconds = rendered[setting]

    def psnr(others: Sequence[np.ndarray]) -> float:
        errors = [
            np.square(c[case.mask].astype(float) - o[case.mask]).mean()
            for c, o, case in zip(canvases, others, cases, strict=True)
        ]
        # PSNR of the mean error, because that of one exact canvas is infinite.
        return round(float(10 * np.log10(255**2 / max(np.mean(errors), 1e-9))), 1)

    def distance(others: Sequence[np.ndarray]) -> float:
        pairs = zip(canvases, others, strict=True)
        return round(float(np.mean([lpips.distances(c[None], o[None])[0] for c, o in pairs])), 4)

    others = {
        "published": rendered[PUBLISHED][0],
        "ddim_50": rendered[DDIM_50][0],
        "truth": [case.next for case in cases],
    }
    figures: dict[str, Any] = {
        "sampler": f"{setting[0]:<15} {setting[1]:>2} steps, seed {setting[2]}"
    }
    for name, images in others.items():
        figures |= {f"psnr_to_{name}": psnr(images), f"lpips_to_{name}": distance(images)}
    return figures | {"seconds": round(seconds, 3)}


def contact_sheet(
    cases: Sequence[Case], rendered: dict[Setting, tuple[list[np.ndarray], float]]
) -> np.ndarray:
    """A row per case: canvas before, true canvas, then every sampler in the order of `SETTINGS`."""
    lines = []
    for number, case in enumerate(cases):
        images = [case.current, case.next, *(rendered[s][0][number] for s in SETTINGS)]
        small = [resize_short_side(image, 96)[:96, :128] for image in images]
        padded = [np.pad(i, ((0, 100 - len(i)), (0, 132 - i.shape[1]), (0, 0))) for i in small]
        lines.append(np.hstack(padded))
    return np.vstack(lines)


def _case(sample: Sample, side_px: int) -> Case:
    current, following, target = (
        resize_short_side(image, side_px) for image in (sample.current, sample.next, sample.target)
    )
    mask = resize_short_side(sample.mask.astype(np.uint8) * 255, side_px) > 127
    return Case(current, following, target, mask, sample.instruction, sample.interval_s)


if __name__ == "__main__":
    run_app(app)
