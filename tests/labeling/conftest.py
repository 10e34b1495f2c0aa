"""Fixtures: small datasets with the keyframes of toy paintings, with and without labels."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ingest.conventions.atomic import write_json
from ingest.format.dataset import Dataset
from ingest.format.images import encode_image
from ingest.format.schema import Keyframe, Sample, Split, encode_keyframe
from ingest.format.tar import write_tar
from ingest.ledger.outcome import VideoOutcome
from labeling.instructions.batch_labeling import InstructionTask, label_instructions
from labeling.instructions.labeler_factory import InstructionsConfig, RuleConfig
from labeling.instructions.table import merge_table
from labeling.regions import regions


def write_video(
    dataset: Dataset,
    video_id: str,
    canvases: list[np.ndarray],
    split: Split = "train",
    painting_id: str = "",
) -> None:
    """Write a kept video; the first canvas is blank, the last the target, 20 s apart."""
    target = len(canvases) - 1
    write_tar(
        dataset.keyframes_tar(video_id),
        (
            (
                f"{video_id}-k{index:04d}",
                encode_keyframe(
                    Keyframe(
                        video_id=video_id, index=index, time_s=5.0 + 20.0 * index,
                        frame_index=60 + 240 * index, target=target, is_bare=index == 0,
                    ),
                    encode_image(canvas, "jpg"),
                    "jpg",
                ),
            )
            for index, canvas in enumerate(canvases)
        ),
    )  # fmt: skip
    outcome = VideoOutcome(
        video_id=video_id, uri=f"{video_id}.mp4", painting_id=painting_id or video_id,
        licence="CC0-1.0", source="toy", split=split, status="kept", span_s=(2.0, 100.0),
        num_keyframes=len(canvases), ingest_version="0.1.0",
    )  # fmt: skip
    write_json(dataset.outcome_json(video_id), json.loads(outcome.model_dump_json()))


class ColourDistance:
    """Replaces LPIPS by the colour difference in tests that do not need torch."""

    def features(self, images: np.ndarray) -> list[np.ndarray]:
        return list(images.astype(np.float32))

    def compare(self, first: list[np.ndarray], second: list[np.ndarray]) -> np.ndarray:
        change = np.abs(np.stack(first) - np.stack(second)).max(axis=3)
        return np.minimum(1, change / 100).astype(np.float32)


@pytest.fixture
def colour_distance(monkeypatch: pytest.MonkeyPatch) -> ColourDistance:
    """Makes `label_regions` use `ColourDistance`."""
    distance = ColourDistance()
    monkeypatch.setattr(regions, "_distance", lambda device: distance)
    return distance


@pytest.fixture
def labeled_dataset(
    keyframe_dataset: Callable[..., Dataset], colour_distance: ColourDistance
) -> Callable[..., Dataset]:
    """Makes a `keyframe_dataset` with regions and the rule labeler's instructions."""

    def make(num_train: int = 2, num_val: int = 1, **options: Any) -> Dataset:
        dataset = keyframe_dataset(num_train, num_val, **options)
        # Toy paintings are of no kind that the labeler knows.
        instructions = InstructionsConfig(rule=RuleConfig(unsure_below=0))
        config = regions.RegionsConfig()
        for video_id in dataset.video_ids():
            regions.label_regions(regions.RegionTask(dataset.root, video_id, config))
            label_instructions(InstructionTask(dataset.root, video_id, config, instructions))
        merge_table(dataset, dataset.video_ids(), instructions, config)
        return dataset

    return make


@pytest.fixture
def keyframe_dataset(
    tmp_path: Path, make_toy_samples: Callable[..., list[Sample]]
) -> Callable[..., Dataset]:
    """Makes a dataset of `num_train` and `num_val` toy videos with four pairs each."""

    def make(
        num_train: int = 2,
        num_val: int = 1,
        name: str = "dataset",
        size: tuple[int, int] = (64, 80),
    ) -> Dataset:
        dataset = Dataset(tmp_path / name)
        for seed in range(num_train + num_val):
            samples = make_toy_samples(seed, size)
            canvases = [sample.current for sample in samples] + [samples[-1].next]
            split: Split = "train" if seed < num_train else "val"
            write_video(dataset, f"{seed:016x}", canvases, split)
        return dataset

    return make
