"""Every reader of pictures and weights says that a file is a Git LFS pointer."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.inputs.picture import PictureConfig, load_picture  # noqa: E402
from inference.memory.weight_bytes import tensors_of  # noqa: E402
from inference.official.checkpoint import read_checkpoint  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.loop.checkpoint import load_checkpoint  # noqa: E402
from training.painter.folder import load_part  # noqa: E402

POINTER = b"version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 12345\n"

READERS: dict[str, Callable[[Path], Any]] = {
    "picture": lambda file: load_picture(file, PictureConfig()),
    "sizes of weights": lambda file: list(tensors_of(file.parent)),
    "part": lambda file: load_part(
        file.parents[1], file.parent.name, ["diffusers", "AutoencoderKL"]
    ),
    "checkpoint of a run": lambda file: load_checkpoint(file.parent),
    "official checkpoint": read_checkpoint,
}


@pytest.mark.parametrize("reader", READERS)
def test_a_pointer_is_told(tmp_path: Path, reader: str) -> None:
    file = tmp_path / "vae" / "model.safetensors"
    file.parent.mkdir()
    file.write_bytes(POINTER)
    with pytest.raises(UserError, match=r"model\.safetensors is a Git LFS pointer.*git lfs pull"):
        READERS[reader](file)
