"""The painter as a diffusers pipeline."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from accelerate import cpu_offload  # noqa: E402

from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.painter.painter import Painter  # noqa: E402

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


@pytest.mark.parametrize("kind", ["model", "layer"])
def test_offloaded_networks_paint_the_same(kind: str, painter_folder: Path) -> None:
    """diffusers' own offload, with the CPU for a device: weights wait elsewhere than they work."""
    picture = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
    whole = InversePaintingPipeline.from_pretrained(painter_folder)(picture, CONFIG)
    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    if kind == "model":
        pipeline.enable_model_cpu_offload(device="cpu")
    else:
        # What enable_sequential_cpu_offload does; it would ask for "cpu:0", which torch takes for
        # another device than "cpu".
        for part in pipeline.parts.values():
            if isinstance(part, torch.nn.Module):
                cpu_offload(part, torch.device("cpu"))
        assert pipeline.unet.device.type == "meta"
    assert pipeline.painter.device.type == "cpu"
    assert all(np.array_equal(a, b) for a, b in zip(whole, pipeline(picture, CONFIG), strict=True))


def test_running_out_of_memory_names_the_switches(
    painter_folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def exhausted(*given: object, **named: object) -> None:
        raise MemoryError

    pipeline = InversePaintingPipeline.from_pretrained(painter_folder)
    monkeypatch.setattr(Painter, "mask_probability", exhausted)
    with pytest.raises(UserError, match=r"choosing where to paint.*enable_model_cpu_offload"):
        pipeline(np.full((64, 80, 3), 120, np.uint8), CONFIG)
