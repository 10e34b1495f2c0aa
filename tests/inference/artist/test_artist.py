"""`PainterArtist` with presets that leave networks out."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from training.networks.presets import ablated  # noqa: E402

PICTURE = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
CONFIG = InferenceConfig(stop=StopConfig(max_steps=2))


def test_without_text_and_masks_a_painter_needs_neither_network(painter_folder: Path) -> None:
    whole = InversePaintingPipeline.from_pretrained(painter_folder)
    preset = ablated(whole.settings.preset, ["TG", "MG"])
    absent = ("instruction_model", "instruction_processor", "mask_unet", "mask_time_encoder")
    parts = {name: part for name, part in whole.parts.items() if name not in absent}
    settings = whole.settings.model_copy(update={"preset": preset})
    rollout = InversePaintingPipeline(settings, **parts).paint(PICTURE, CONFIG)
    steps = [step for step in rollout if not step.is_finish]
    assert [step.instruction.text for step in steps] == ["", ""]
    assert all(step.region.mask.all() for step in steps)
    assert (steps[-1].next != 255).any()
