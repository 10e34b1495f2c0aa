"""Measures the stage of region masks against the LPIPS network alone on the same pairs."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from ingest.format.dataset import Dataset
from labeling.benchmark.corpus import make_corpus
from labeling.benchmark.measure import Measure, measure_interleaved
from labeling.pairs import Pair, read_pairs
from labeling.regions.regions import RegionsConfig, RegionTask, label_regions

SIZE = (512, 640)
"""Height and width of the canvases."""


def measure_regions(scratch: Path, num_keyframes: int, rounds: int) -> Measure:
    """Masks per second of the whole stage over those of the network alone, in equal batches.

    The stage reads, decodes, runs the network and stores the masks of one video.
    """
    import torch

    from labeling.regions.perceptual import PerceptualDistance

    torch.set_num_threads(1)
    dataset = make_corpus(scratch / "regions", 1, num_keyframes, SIZE, with_labels=False)
    video_id = dataset.video_ids()[0]
    config = RegionsConfig(device="cpu")
    pairs = read_pairs(dataset, video_id)[1]
    images = _decoded(pairs)
    network = PerceptualDistance("cpu")

    def network_only() -> None:
        size = config.batch_size
        for other in ("next", "target"):
            for start in range(0, len(pairs), size):
                part = slice(start, start + size)
                network.maps(images[other][part], images["current"][part])

    def stage() -> None:
        _label(dataset, video_id, config)

    stage()  # loads the network
    times = measure_interleaved({"stage": stage, "network": network_only}, rounds)
    masks = 2 * len(pairs)
    return Measure(
        "region masks a second, over bare batched LPIPS of the same pairs",
        times["network"].cpu_s / times["stage"].cpu_s,
        "x", 0.9, True, "cpu", {
            "pairs": len(pairs), "size_px": SIZE,
            "masks_per_s": masks / times["stage"].wall_s,
            "bare_masks_per_s": masks / times["network"].wall_s,
            "ratio_wall": times["network"].wall_s / times["stage"].wall_s,
        },
    )  # fmt: skip


def _decoded(pairs: list[Pair]) -> dict[str, np.ndarray]:
    """The canvases of all pairs by name, RGB uint8 (N, H, W, 3)."""
    names = ("current", "next", "target")
    return {name: np.stack([getattr(pair, name).image() for pair in pairs]) for name in names}


def _label(dataset: Dataset, video_id: str, config: RegionsConfig) -> None:
    """Compute the masks of a video again."""
    dataset.regions_tar(video_id).unlink(missing_ok=True)
    assert label_regions(RegionTask(dataset.root, video_id, config))["fresh"]
