"""Reading the file that Paint Transformer's authors published."""

from __future__ import annotations

import pickle
from pathlib import Path

import pytest

torch = pytest.importorskip("torch")

from ingest.conventions.errors import UserError  # noqa: E402
from training.rivals.folder import read_rival  # noqa: E402
from training.rivals.paint_transformer.command import import_paint_transformer  # noqa: E402
from training.rivals.paint_transformer.network import StrokeNetwork  # noqa: E402
from training.rivals.paint_transformer.published import read_published  # noqa: E402
from training.rivals.paint_transformer.settings import load_paint_transformer  # noqa: E402

pytestmark = pytest.mark.torch


def test_a_file_of_tensors_becomes_a_folder(tmp_path: Path) -> None:
    network = StrokeNetwork()
    torch.save(network.state_dict(), tmp_path / "model.pth")
    import_paint_transformer(tmp_path / "model.pth", tmp_path / "folder")
    read, _ = load_paint_transformer(tmp_path / "folder")
    assert torch.equal(read.query_pos, network.query_pos)
    record = read_rival(tmp_path / "folder")
    assert record.provenance["published_file"] == "model.pth"
    assert record.licence.startswith("Apache-2.0")


def test_other_tensors_are_refused(tmp_path: Path) -> None:
    state = StrokeNetwork().state_dict()
    path = tmp_path / "model.pth"
    torch.save({**state, "row_embed": torch.zeros(4, 128)}, path)
    with pytest.raises(UserError, match=r"row_embed has the shape \(4, 128\), expected \(8, 128\)"):
        read_published(path)
    torch.save({"weight": torch.zeros(1)}, path)
    with pytest.raises(UserError, match=r"lacks 149 of the 149 .* 1 others \(weight\)"):
        read_published(path)


class Opener:
    def __reduce__(self) -> tuple[object, tuple[str, ...]]:
        return (open, ("/tmp/never", "w"))


def test_a_file_with_code_is_not_run(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    torch.save({"weight": Opener()}, path)
    with pytest.raises(UserError, match="holds more than tensors"):
        read_published(path)
    path.write_bytes(pickle.dumps(Opener(), 2))
    with pytest.raises(UserError, match="holds more than tensors"):
        read_published(path)


def test_damaged_and_missing_files_are_told(tmp_path: Path) -> None:
    path = tmp_path / "model.pth"
    with pytest.raises(UserError, match="not found"):
        read_published(path)
    torch.save(StrokeNetwork().state_dict(), path)
    path.write_bytes(path.read_bytes()[:100_000])
    with pytest.raises(UserError, match="is no whole file"):
        read_published(path)
