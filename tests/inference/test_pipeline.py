"""The painter as a diffusers pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from inference.stop import StopConfig  # noqa: E402
from ingest.errors import UserError  # noqa: E402

CONFIG = InferenceConfig(stop=StopConfig(max_steps=2))


def test_saves_loads_and_paints_the_same(painter_folder: Path, tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    before = pipeline(picture, CONFIG)
    pipeline.save_pretrained(tmp_path / "copy")
    again = InversePaintingPipeline.from_pretrained(tmp_path / "copy")
    assert all(np.array_equal(a, b) for a, b in zip(before, again(picture, CONFIG), strict=True))


def test_scheduler_dtype_and_device_can_be_chosen(painter_folder: Path) -> None:
    from diffusers import DPMSolverMultistepScheduler

    own = InversePaintingPipeline.from_pretrained(painter_folder).scheduler
    other = DPMSolverMultistepScheduler.from_config(own.config)
    pipeline = InversePaintingPipeline.from_pretrained(
        painter_folder, torch_dtype=torch.bfloat16, scheduler=other
    )
    assert pipeline.unet.dtype == torch.bfloat16
    assert pipeline.time_encoder.fc1.weight.dtype == torch.float32
    picture = np.full((64, 80, 3), 120, np.uint8)
    assert len(pipeline.to("cpu")(picture, CONFIG)) == 3


def test_errors_say_what_to_do(painter_folder: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no painter folder"):
        InversePaintingPipeline.from_pretrained(tmp_path)
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    for wrong in (np.zeros((3, 9, 3), np.uint8), np.zeros((9, 9), np.uint8)):
        with pytest.raises(UserError):
            pipeline.paint(wrong)
