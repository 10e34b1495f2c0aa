"""Painter folders: writing, reading, and errors for damaged ones."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.conventions.errors import UserError

if TYPE_CHECKING:
    from training.painter.painter import Painter

pytestmark = pytest.mark.torch


@pytest.fixture
def folder(make_painter: Callable[..., Painter], tmp_path: Path) -> Path:
    from training.painter.folder import save_painter

    painter = make_painter("mask", "renderer")
    save_painter(painter.parts, painter.settings, tmp_path / "painter")
    return tmp_path / "painter"


def test_a_painter_comes_back_as_it_was_saved(
    make_painter: Callable[..., Painter], folder: Path
) -> None:
    import torch

    from training.painter.painter import load_painter

    made, loaded = make_painter("mask", "renderer"), load_painter(folder)
    assert set(loaded.parts) == set(made.parts)
    assert loaded.settings.preset == made.settings.preset
    generator = torch.Generator().manual_seed(0)
    canvas, target = (torch.rand(1, 3, 64, 80, generator=generator) for _ in range(2))
    mask = torch.ones(1, 1, 64, 80)
    seconds = torch.tensor([20.0])
    answers = []
    for painter in (made, loaded):
        with torch.no_grad():
            text = painter.encode_text(["sky"])
            given = painter.condition(
                painter.encode_target(target), painter.encode_canvas(canvas), mask, text, seconds
            )
            prediction = painter.predict(canvas[..., :8, :10], 400.0, given)
            latents = [painter.encode_latents(picture) for picture in (canvas, target)]
            where = painter.mask_probability(latents[0], latents[1], mask, text, seconds)
        answers.append((prediction, where))
    for name, part in made.parts.items():
        if isinstance(part, torch.nn.Module):
            weights = loaded.part(name).state_dict()
            assert all(torch.equal(w, weights[key]) for key, w in part.state_dict().items()), name
    # Loaded weights lie elsewhere in memory, which changes the kernels' order of summing.
    assert torch.allclose(answers[0][0], answers[1][0], atol=1e-5)
    assert torch.allclose(answers[0][1], answers[1][1], atol=1e-5)
    assert float(where.min()) >= 0
    assert float(where.max()) <= 1


def test_the_index_is_one_that_diffusers_users_know(folder: Path) -> None:
    index = json.loads((folder / "model_index.json").read_text())
    assert index["unet"] == ["diffusers", "UNet2DConditionModel"]
    assert index["text_encoder"] == ["transformers", "CLIPTextModel"]
    assert index["canvas_encoder"] == ["training.networks.canvas_encoder", "CanvasEncoder"]
    assert (folder / "unet" / "diffusion_pytorch_model.safetensors").is_file()


def test_half_precision_keeps_the_time_encoders_whole(folder: Path) -> None:
    import torch

    from training.painter.painter import load_painter

    painter = load_painter(folder, dtype=torch.bfloat16)
    assert painter.dtype == torch.bfloat16
    assert painter.part("time_encoder").fc1.weight.dtype == torch.float32
    with torch.no_grad():
        target = painter.encode_target(torch.zeros(1, 3, 64, 80))
        given = painter.condition(
            target, painter.encode_canvas(torch.ones(1, 3, 64, 80)), torch.ones(1, 1, 64, 80),
            painter.encode_text(["sky"]), torch.tensor([20.0]),
        )  # fmt: skip
        prediction = painter.predict(torch.zeros(1, 3, 8, 10, dtype=torch.bfloat16), 3.0, given)
    assert bool(prediction.isfinite().all())


def test_wrong_folders_are_told_in_one_line(folder: Path, tmp_path: Path) -> None:
    from training.painter.painter import load_painter

    def message(place: Path | str) -> str:
        with pytest.raises(UserError) as caught:
            load_painter(place)
        assert "\n" not in str(caught.value)
        return str(caught.value)

    assert "not found" in message(tmp_path / "nowhere")
    assert "is no painter folder" in message(tmp_path)
    shutil.rmtree(folder / "mask_unet")
    assert "lacks the part 'mask_unet'" in message(folder)
    (folder / "mask_unet").mkdir()
    assert "mask_unet does not load as diffusers.UNet2DConditionModel" in message(folder)
    index = json.loads((folder / "model_index.json").read_text())
    write = (folder / "model_index.json").write_text
    write(json.dumps({**index, "mask_unet": ["os", "system"]}))
    assert "which a painter may not load" in message(folder)
    write("{")
    assert "model_index.json is damaged" in message(folder)


def test_a_missing_part_is_named_when_it_is_needed(make_painter: Callable[..., Painter]) -> None:
    painter = make_painter("mask")
    with pytest.raises(UserError, match="has no part 'unet'"):
        painter.part("unet")
