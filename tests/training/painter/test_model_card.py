"""The model card that is saved and uploaded with a painter."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from diffusers.utils import hub_utils  # noqa: E402

from inference import pipeline as pipeline_module  # noqa: E402
from inference.pipeline import InversePaintingPipeline  # noqa: E402
from training.networks.presets import POCKET, ablated  # noqa: E402
from training.painter.folder import PainterSettings  # noqa: E402
from training.painter.model_card import model_card, write_model_card  # noqa: E402

SETTINGS = PainterSettings(
    preset=ablated(POCKET, ["TG"]), num_steps=6, provenance={"mask": {"dataset": "<b>oil</b> #1"}}
)


def test_card_tells_preset_and_training_and_asks_for_licences() -> None:
    card = model_card(SETTINGS)
    _, metadata, body = card.split("---\n", 2)
    assert "preset-pocket" in yaml.safe_load(metadata)["tags"]
    assert "| preset | pocket |" in body
    assert "| left out (ablations) | TG |" in body
    assert '        "dataset": "<b>oil</b> #1"' in body
    assert "Licence of the footage: [to be filled in]" in body


def test_a_card_that_was_filled_in_is_kept(tmp_path: Path) -> None:
    write_model_card(tmp_path, SETTINGS)
    assert (tmp_path / "README.md").read_text() == model_card(SETTINGS)
    (tmp_path / "README.md").write_text("mine")
    write_model_card(tmp_path, SETTINGS)
    assert (tmp_path / "README.md").read_text() == "mine"


@pytest.mark.parametrize("has_card", [True, False])
def test_uploads_our_card_unless_the_repository_has_one(
    has_card: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent: list[str] = []
    monkeypatch.setattr(pipeline_module, "file_exists", lambda *_, **__: has_card)
    monkeypatch.setattr(
        hub_utils,
        "upload_folder",
        lambda folder_path, **_: sent.append((Path(folder_path) / "README.md").read_text()),
    )
    (tmp_path / "README.md").write_text("what diffusers leaves there")
    InversePaintingPipeline(SETTINGS)._upload_folder(tmp_path, "someone/painter")
    assert sent == ["what diffusers leaves there" if has_card else model_card(SETTINGS)]


def test_save_pretrained_writes_the_card(tmp_path: Path) -> None:
    InversePaintingPipeline(SETTINGS).save_pretrained(tmp_path / "painter")
    assert (tmp_path / "painter" / "README.md").read_text() == model_card(SETTINGS)
