"""No class that an index names is imported before it is known to be a painter's."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from ingest.conventions.errors import UserError
from training.painter.part_classes import PART_CLASSES, check_part_classes

if TYPE_CHECKING:
    from training.painter.painter import Painter


@pytest.mark.parametrize(
    ("name", "found"),
    [
        ("mask_unet", ["this", "Zen"]),
        ("mask_unet", ["painter.note", "Net"]),
        ("mask_unet", ["training.networks.note", "Net"]),
        ("mask_unet", ["diffusers.models", "UNet2DConditionModel"]),
        ("mask_unet", ["diffusers", "DiffusionPipeline"]),
        ("unet", ["diffusers", "AutoencoderKL"]),
        ("unet", ["diffusers"]),
        ("unet", []),
        ("note", ["diffusers", "UNet2DConditionModel"]),
    ],
)
def test_other_classes_are_refused_in_one_line(name: str, found: list[str]) -> None:
    with pytest.raises(UserError, match=r"model_index\.json") as caught:
        check_part_classes({name: found}, Path("p/model_index.json"))
    assert "\n" not in str(caught.value)


@pytest.mark.torch
def test_every_known_class_exists() -> None:
    """An allowed name that no library has would allow nothing."""
    import importlib

    for names in PART_CLASSES.values():
        for name in names:
            module, _, class_name = name.rpartition(".")
            assert hasattr(importlib.import_module(module), class_name), name


@pytest.mark.torch
@pytest.mark.parametrize("reader", ["load_painter", "assemble_painter"])
def test_no_reader_runs_code_of_the_folder(
    reader: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from training.networks.presets import POCKET
    from training.painter.assemble import assemble_painter
    from training.painter.folder import PainterSettings
    from training.painter.painter import load_painter

    monkeypatch.syspath_prepend(tmp_path)
    folder = tmp_path / "note_of_painter"
    folder.mkdir()
    (folder / "note.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    settings = PainterSettings(preset=POCKET, num_steps=2)
    (folder / "painter.json").write_text(settings.model_dump_json())
    index = {"mask_unet": ["note_of_painter.note", "Net"]}
    (folder / "model_index.json").write_text(json.dumps(index))
    readers = {
        "load_painter": lambda: load_painter(folder),
        "assemble_painter": lambda: assemble_painter({"mask": folder}, tmp_path / "out"),
    }
    with pytest.raises(UserError, match=r"note_of_painter\.note\.Net"):
        readers[reader]()
    assert not (tmp_path / "ran").exists()


@pytest.mark.torch
def test_pickled_weights_are_not_read(make_painter: Callable[..., Painter], tmp_path: Path) -> None:
    """Unpickling can run code; the folder's weights are safetensors."""
    import torch

    from training.painter.folder import load_part, save_part

    encoder = make_painter("renderer").part("time_encoder")
    save_part(encoder, tmp_path / "time_encoder")
    (tmp_path / "time_encoder" / "diffusion_pytorch_model.safetensors").unlink()
    torch.save(encoder.state_dict(), tmp_path / "time_encoder" / "diffusion_pytorch_model.bin")
    with pytest.raises(UserError, match="does not load"):
        load_part(tmp_path, "time_encoder", ["training.networks.time_encoder", "TimeEncoder"])
