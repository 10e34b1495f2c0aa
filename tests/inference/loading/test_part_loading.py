"""Readers of a painter folder in this package: none imports what an index names."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.command.command import run_paint  # noqa: E402
from inference.command.painting_context import painter_record  # noqa: E402
from inference.loading.memory_config import MemoryConfig  # noqa: E402
from inference.loading.part_loading import PartLoader  # noqa: E402
from inference.pipeline import InversePaintingPipeline  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402


@pytest.fixture
def folder_with_code(painter_folder: Path, tmp_path: Path) -> Path:
    """A painter folder with a module that its index names as the library of one part."""
    folder = tmp_path / "painter_with_code"
    shutil.copytree(painter_folder, folder)
    (folder / "note.py").write_text(f"open({str(tmp_path / 'ran')!r}, 'w')")
    index = json.loads((folder / "model_index.json").read_text())
    index["mask_unet"] = ["painter_with_code.note", "Net"]
    (folder / "model_index.json").write_text(json.dumps(index))
    return folder


READERS: dict[str, Callable[[Path, Path], object]] = {
    "PartLoader": lambda folder, _: PartLoader.of(folder, torch.device("cpu"), MemoryConfig()),
    "pipeline": lambda folder, _: InversePaintingPipeline.from_pretrained(folder),
    "painter_record": lambda folder, _: painter_record(InferenceConfig(painter=str(folder))),
    "paint": lambda folder, picture: run_paint(
        [picture], folder.with_name("out"), InferenceConfig(painter=str(folder)), dry_run=False
    ),
    "paint --dry-run": lambda folder, picture: run_paint(
        [picture], folder.with_name("out"), InferenceConfig(painter=str(folder)), dry_run=True
    ),
}


@pytest.mark.parametrize("reader", sorted(READERS))
def test_no_reader_runs_code_of_the_folder(
    reader: str,
    folder_with_code: Path,
    picture_file: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(UserError, match=r"painter_with_code\.note\.Net") as caught:
        READERS[reader](folder_with_code, picture_file)
    assert "\n" not in str(caught.value)
    assert not (tmp_path / "ran").exists()
