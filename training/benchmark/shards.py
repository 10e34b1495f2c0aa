"""Writes a dataset of synthetic samples of a given size, which load like real ones (JPEG images
with smooth colours and grain, PNG masks)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np

from ingest.conventions import atomic
from ingest.format import tar
from ingest.format.fields import SCHEMA_VERSION
from ingest.format.images import sha256
from ingest.format.schema import Provenance, Sample, canvas_ref, encode_sample

NUM_STEPS = 4
"""Number of canvas updates, and so of samples, of each painting."""


def write_dataset(root: Path, num_paintings: int, height_px: int, width_px: int) -> Path:
    """One shard of `samples` and its index; returns `root`."""
    path = root / "shards" / "train-000000.tar"
    made = samples(num_paintings, height_px, width_px)
    tar.write_tar(path, ((s.key, encode_sample(s, "jpg")) for s in made))
    data = path.read_bytes()
    shard = {
        "name": path.name, "split": "train", "num_samples": len(made), "num_bytes": len(data),
        "sha256": sha256(data),
    }  # fmt: skip
    index = {"schema_version": SCHEMA_VERSION, "config_hash": "0" * 12, "shards": [shard]}
    atomic.write_json(root / "shards" / "index.json", index)
    return root


def samples(num_paintings: int, height_px: int, width_px: int, seed: int = 0) -> list[Sample]:
    """Paintings whose canvas fills from the top in `NUM_STEPS` steps of 20 s; smooth random
    colours."""
    generator = np.random.default_rng(seed)
    return [
        sample
        for number in range(num_paintings)
        for sample in _painting(number, _colours(generator, height_px, width_px))
    ]


def _colours(generator: np.random.Generator, height_px: int, width_px: int) -> np.ndarray:
    coarse = generator.integers(0, 256, (9, 12, 3), dtype=np.uint8)
    smooth = cv2.resize(coarse, (width_px, height_px), interpolation=cv2.INTER_CUBIC)
    grain = generator.normal(0, 5, (height_px, width_px, 1))
    return np.clip(smooth + grain, 0, 255).astype(np.uint8)


def _painting(number: int, target: np.ndarray) -> list[Sample]:
    height = len(target)
    video_id = f"{number:016x}"
    rows = [height * step // NUM_STEPS for step in range(NUM_STEPS + 1)]
    canvases = []
    for row in rows:
        canvas = np.full_like(target, 255)
        canvas[:row] = target[:row]
        canvases.append(canvas)
    made = []
    for step in range(NUM_STEPS):
        mask, difference = np.zeros((2, *target.shape[:2]), bool)
        mask[rows[step] : rows[step + 1]] = True
        difference[rows[step] :] = True
        places = (("current", step), ("next", step + 1), ("target", NUM_STEPS))
        refs: dict[str, Any] = {
            name: canvas_ref(canvases[at].tobytes(), time_s=20.0 * at, keyframe=at)
            for name, at in places
        }
        provenance = Provenance(
            video_id=video_id, painting_id=video_id, uri="benchmark", licence="CC0-1.0",
            source="benchmark", labeler="benchmark", machine_instruction="sky", confidence=1.0,
            region_rule="benchmark", ingest_version="0", config_hash="0" * 12, **refs,
        )  # fmt: skip
        made.append(
            Sample(
                key=f"{video_id}-k{step:04d}-k{step + 1:04d}-k{NUM_STEPS:04d}",
                current=canvases[step],
                next=canvases[step + 1],
                target=target,
                interval_s=20.0,
                instruction="sky",
                mask=mask,
                difference=difference,
                provenance=provenance,
            )
        )
    return made
