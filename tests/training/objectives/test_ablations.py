"""Every ablation of the paper's table 1 trains, joins and paints as docs/paper.md says."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytestmark = pytest.mark.torch

ROWS: dict[str, tuple[list[str] | None, list[str]]] = {
    "TE": (["training.without=[TE]"], ["training.without=[TE]"]),
    "TG": (["training.without=[TG]"], ["training.without=[TG]"]),
    "MG": (None, ["training.without=[MG]"]),
    "RN": ([], ["training.without=[RN]"]),
    "CE": ([], ["training.without=[CE]"]),
    "TG-MG": (None, ["training.one_step=true"]),
    "TE-TG-MG": (None, ["training.one_step=true", "training.without=[TE]"]),
}
"""Settings of the mask generator (None: there is none) and of the renderer, by row."""


@pytest.fixture(scope="module")
def trained(
    toy_dataset: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str, list[str]], Path]:
    """A function that gives the run of an objective with some settings, trained once."""
    from training.run import run_training

    root = tmp_path_factory.mktemp("ablations")

    def run_of(name: str, settings: list[str]) -> Path:
        run = root / "-".join([name, *settings]).replace("training.", "")
        usual = [
            "training.image_side_px=64",
            f"training.{name}.loop.max_steps=1",
            f"training.{name}.loop.batch_size=2",
            f"training.{name}.loop.validation_batches=1",
        ]
        run_training(name, toy_dataset, run, overrides=[*usual, *settings])  # pyright: ignore
        return run

    return run_of


@pytest.mark.parametrize("row", sorted(ROWS))
def test_an_ablation_trains_joins_and_paints(
    row: str, trained: Callable[[str, list[str]], Path], tmp_path: Path
) -> None:
    from inference.command.command import run_paint
    from inference.output.session import read_session
    from inference.rollout.stop import StopConfig
    from inference.settings import InferenceConfig
    from training.painter.assemble import assemble_painter

    mask, renderer = ROWS[row]
    sources = {
        "text": None,
        "mask": None if mask is None else trained("mask", mask),
        "renderer": trained("renderer", renderer),
    }
    assemble_painter(sources, tmp_path / "painter")
    Image.fromarray(np.full((64, 80, 3), 90, np.uint8)).save(tmp_path / "hill.png")
    config = InferenceConfig(painter=str(tmp_path / "painter"), stop=StopConfig(max_steps=2))
    if "TG" not in row:
        # No text network was trained here: the words come from outside.
        steps = [{"do": "steer", "at": n, "instruction": "sky"} for n in range(2)]
        script = tmp_path / "steer.json"
        script.write_text(json.dumps(steps), encoding="utf-8")
        rollout = config.rollout.model_copy(update={"script": str(script)})
        config = config.model_copy(update={"rollout": rollout})
    _, code = run_paint([tmp_path / "hill.png"], tmp_path / "out", config, dry_run=False)
    assert code == 0
    session = read_session(tmp_path / "out" / "hill")
    assert session.record.num_painted >= 1
    words = {step.instruction for step in session.record.steps if not step.is_finish}
    assert words == ({""} if "TG" in row else {"sky"})


def test_runs_that_contradict_each_other_are_refused_by_name(
    trained: Callable[[str, list[str]], Path], tmp_path: Path
) -> None:
    from ingest.conventions.errors import UserError
    from training.painter.assemble import assemble_painter

    mask, renderer = trained("mask", []), trained("renderer", ["training.without=[TE]"])
    sources = {"text": None, "mask": mask, "renderer": renderer}
    with pytest.raises(UserError, match="renderer was trained without TE and mask with it"):
        assemble_painter(sources, tmp_path / "painter")
    sources["renderer"] = trained("renderer", ["training.without=[MG]"])
    with pytest.raises(UserError, match="leave --mask out"):
        assemble_painter(sources, tmp_path / "painter")
