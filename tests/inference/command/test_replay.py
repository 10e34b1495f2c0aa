"""Replay: a session folder is enough to paint the same bytes again."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.command.command import run_paint  # noqa: E402
from inference.command.replay import run_replay  # noqa: E402
from inference.rollout.steering import SCRIPT, Lock, Mask, Rewind, Steer  # noqa: E402
from inference.rollout.steps import RolloutConfig  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402


@pytest.fixture(scope="module")
def painting(
    painter_folder: Path, picture_file: Path, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A painting with a wish, a lock and a step taken back, asked for in a script."""
    folder = tmp_path_factory.mktemp("painted")
    corner = np.zeros((64, 80), bool)
    corner[:20, :20] = True
    actions = [
        Lock(at=0, mask=Mask.of(corner)),
        Steer(at=1, instruction="sky"),
        Rewind(at=2),
    ]
    script = folder / "script.json"
    script.write_bytes(SCRIPT.dump_json(actions))
    config = InferenceConfig(
        painter=str(painter_folder),
        rollout=RolloutConfig(script=str(script), seed=5),
        stop=StopConfig(max_steps=2),
    )
    run_paint([picture_file], folder / "out", config, dry_run=False)
    script.unlink()
    return folder / "out" / "hill"


def test_every_bit_is_the_same(
    painting: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    result, code = run_replay(painting, tmp_path / "again")
    assert (code, result["identical"], result["first_difference"]) == (0, True, None)
    assert "every bit" in capsys.readouterr().out
    files = [p.relative_to(painting) for p in painting.rglob("*") if p.is_file()]
    assert len(files) > 8
    for file in files:
        assert (tmp_path / "again" / file).read_bytes() == (painting / file).read_bytes(), file


def test_another_wish_is_a_difference(painting: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(painting, copy)
    steering = copy / "session" / "steering.json"
    actions = json.loads(steering.read_text())
    actions[1]["instruction"] = "tree"
    actions = [action for action in actions if action["do"] != "rewind"]
    steering.write_text(json.dumps(actions))
    result, code = run_replay(copy, tmp_path / "again")
    assert code == 1
    assert result["first_difference"].startswith("step 2")


def test_a_moved_picture_and_painter_are_found(
    painting: Path, painter_folder: Path, picture_file: Path, tmp_path: Path
) -> None:
    moved = shutil.copy(picture_file, tmp_path / "moved.png")
    shutil.copytree(painter_folder, tmp_path / "painter")
    result, _ = run_replay(painting, tmp_path / "again", Path(moved), str(tmp_path / "painter"))
    assert result["identical"]


def test_what_is_not_the_same_painting_is_refused(painting: Path, tmp_path: Path) -> None:
    with pytest.raises(UserError, match="no finished session"):
        run_replay(tmp_path, tmp_path / "again")
    with pytest.raises(UserError, match="session itself"):
        run_replay(painting, painting)
    with pytest.raises(UserError, match="not the picture"):
        run_replay(painting, tmp_path / "again", painting / "sheet.png")
    copy = tmp_path / "copy"
    shutil.copytree(painting, copy)
    (copy / "session" / "steps.tar").write_bytes(b"")
    with pytest.raises(UserError, match="not the tar"):
        run_replay(copy, tmp_path / "again")
