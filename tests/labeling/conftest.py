"""Small datasets as ingest leaves them: keyframes of toy paintings, no labels yet."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from ingest.atomic import write_json
from ingest.dataset import Dataset
from ingest.images import encode_image
from ingest.outcome import VideoOutcome
from ingest.schema import Keyframe, Sample, Split, encode_keyframe
from ingest.tar import write_tar


def write_video(
    dataset: Dataset,
    video_id: str,
    canvases: list[np.ndarray],
    split: Split = "train",
    painting_id: str = "",
) -> None:
    """One kept video whose first canvas is bare and whose last is the target, 20 s apart."""
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


@pytest.fixture
def keyframe_dataset(
    tmp_path: Path, make_toy_samples: Callable[..., list[Sample]]
) -> Callable[..., Dataset]:
    """A function that makes a dataset of `num_train` and `num_val` toy videos, four pairs each."""

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
