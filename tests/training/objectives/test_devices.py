"""No training step mixes devices, and every network trains in bfloat16."""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import pytest

from ingest.conventions.errors import UserError

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from tests.training.one_device import OneDevice  # noqa: E402
from training.networks import denoiser  # noqa: E402
from training.objectives import text  # noqa: E402

if TYPE_CHECKING:
    from training.networks.presets import Preset
    from training.streaming.batch import Batch

OBJECTIVES = ("text", "mask", "renderer")


@pytest.fixture
def batch(make_toy_samples: Callable[..., list[Any]], small_preset: Preset) -> Batch:
    from training.streaming.batch import Position
    from training.streaming.collation import collate

    samples = make_toy_samples(0)[:2]
    return collate(samples, small_preset, [1, 2], Position(0, 1, len(samples)))


def objective_of(name: str, preset: Preset) -> Any:
    """The objective with its networks on the CPU."""
    from training.initial_parts import objective_parts
    from training.objectives.mask import MaskObjective
    from training.objectives.renderer import RendererObjective
    from training.painter.folder import PainterSettings
    from training.settings import TrainingConfig

    config = TrainingConfig(device="cpu")
    settings = PainterSettings(preset=preset, num_steps=2)
    if name == "text":
        return text.build_text_objective(config.text, "", settings, "cpu", 0)
    made: Any = {"mask": MaskObjective, "renderer": RendererObjective}[name]
    return made(objective_parts(name, config, preset), settings, getattr(config, name))


@pytest.mark.parametrize("output", ["canvas_change", "noise"])
@pytest.mark.parametrize("name", ["mask", "renderer"])
def test_a_training_step_keeps_to_one_device(
    name: str, output: str, batch: Batch, small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On `meta`, so that a tensor that the code makes on the CPU is found, as on a GPU."""
    # What is read back from the device on purpose; `meta` has no values.
    monkeypatch.setattr(denoiser, "_num_leading_without_reference", lambda reference: 0)
    preset = small_preset.model_copy(update={"output": output})
    objective = objective_of(name, preset)
    for part in objective.parts().values():
        if isinstance(part, torch.nn.Module):
            part.to("meta")
    with OneDevice():
        loss = objective.loss(batch.to(torch.device("meta")))["loss"]
        loss.backward()
    assert loss.device.type == "meta"


def test_the_instruction_model_gets_all_on_its_own_device(
    batch: Batch, small_preset: Preset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """transformers reads values of masks, which `meta` has not: its network is left out."""
    monkeypatch.setattr(text, "_uint8", lambda rgb: np.zeros((*rgb.shape[1:], 3), np.uint8))
    objective = objective_of("text", small_preset)
    model = objective.parts()["instruction_model"].to("meta")
    found: dict[str, str] = {}

    def forward(logits_to_keep: int, **inputs: torch.Tensor) -> Any:
        found.update({name: tensor.device.type for name, tensor in inputs.items()})
        size = (len(batch.keys), logits_to_keep, 191)
        return SimpleNamespace(logits=torch.zeros(size, device="meta"))

    monkeypatch.setattr(model, "forward", forward)
    with OneDevice():
        loss = objective.loss(batch.to(torch.device("meta")))["loss"]
    assert loss.device.type == "meta"
    assert set(found) >= {"input_ids", "attention_mask", "pixel_values"}
    assert set(found.values()) == {"meta"}


def losses(name: str, precision: str, device: str, dataset: Path, run: Path) -> dict[str, Any]:
    from training.run import run_training

    loop = {"max_steps": 1, "batch_size": 2, "validation_batches": 1, "precision": precision}
    settings = [f"training.{name}.loop.{key}={value}" for key, value in loop.items()]
    common = ["training.image_side_px=64", f"training.device={device}"]
    objective: Any = name
    return run_training(objective, dataset, run, overrides=[*common, *settings])


@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_step_in_bfloat16_has_nearly_the_same_loss(
    name: str, toy_dataset: Path, tmp_path: Path
) -> None:
    full = losses(name, "fp32", "cpu", toy_dataset, tmp_path / "full")
    half = losses(name, "bf16", "cpu", toy_dataset, tmp_path / "half")
    assert math.isfinite(half["validation_loss"])
    assert half["loss"] == pytest.approx(full["loss"], rel=0.03)


@pytest.mark.parametrize("name", OBJECTIVES)
def test_float16_is_refused_in_one_line(name: str, toy_dataset: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"loop\.precision: .* 'fp32' or 'bf16'") as refused:
        losses(name, "fp16", "cpu", toy_dataset, tmp_path)
    assert "\n" not in str(refused.value)


@pytest.mark.gpu
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
@pytest.mark.parametrize("name", OBJECTIVES)
def test_a_step_on_a_gpu_has_nearly_the_same_loss(
    name: str, precision: str, toy_dataset: Path, tmp_path: Path
) -> None:
    """Noise and order come from the CPU, so only rounding differs."""
    expected = losses(name, "fp32", "cpu", toy_dataset, tmp_path / "cpu")
    made = losses(name, precision, "cuda", toy_dataset, tmp_path / "gpu")
    assert made["loss"] == pytest.approx(expected["loss"], rel=0.03)
