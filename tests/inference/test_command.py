"""``python -m inference paint`` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.command import plan, run_paint  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from inference.stop import StopConfig  # noqa: E402
from ingest.errors import UserError  # noqa: E402


@pytest.fixture
def config(painter_folder: Path) -> InferenceConfig:
    return InferenceConfig(painter=str(painter_folder), stop=StopConfig(max_steps=1))


def test_every_picture_gets_a_folder_of_its_own(tmp_path: Path) -> None:
    names = ["a/hill.png", "a/hill.jpg", "b/hill.png", "b/sea.png"]
    for name in names:
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(b"x")
    jobs = plan([tmp_path / name for name in names], Path("out"))
    folders = [job.folder.name for job in jobs]
    assert folders == ["hill-png", "hill-jpg", "hill-png-2", "sea"]


def test_broken_pictures_do_not_stop_the_others(
    config: InferenceConfig,
    picture_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "pictures").mkdir()
    (tmp_path / "pictures" / "broken.jpg").write_bytes(b"no")
    (tmp_path / "pictures" / "hill[red].png").write_bytes(picture_file.read_bytes())
    out = tmp_path / "out"
    result, code = run_paint([tmp_path / "pictures"], out, config, dry_run=False)
    assert code == 1
    assert [item["status"] for item in result["pictures"]] == ["refused", "painted"]
    printed = capsys.readouterr().out
    assert "no picture that can be read" in printed
    assert "hill[red].png: painted, 1 steps" in printed
    json.dumps(result)
    before = {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()}
    again, code = run_paint([tmp_path / "pictures"], out, config, dry_run=False)
    assert [item["status"] for item in again["pictures"]] == ["refused", "unchanged"]
    assert {p: p.stat().st_mtime_ns for p in out.rglob("*") if p.is_file()} == before


def test_one_broken_picture_is_wrong_use(config: InferenceConfig, tmp_path: Path) -> None:
    path = tmp_path / "broken.jpg"
    path.write_bytes(b"no")
    with pytest.raises(UserError, match="no picture"):
        run_paint([path], tmp_path / "out", config, dry_run=False)
    assert not (tmp_path / "out").exists()


def test_dry_run_writes_nothing(
    config: InferenceConfig,
    picture_file: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    _, code = run_paint([picture_file], tmp_path / "out", config, dry_run=True)
    assert code == 0
    printed = capsys.readouterr().out
    assert "inference:" in printed
    assert "plan: paint" in printed
    assert "every 10 s" in printed
    assert not (tmp_path / "out").exists()


def test_missing_painter_is_one_clear_line(picture_file: Path, tmp_path: Path) -> None:
    config = InferenceConfig(painter=str(tmp_path / "no" / "painter" / "here"))
    with pytest.raises(UserError, match="not found") as raised:
        run_paint([picture_file], tmp_path / "out", config, dry_run=False)
    assert "\n" not in str(raised.value)


def test_missing_default_painter_says_how_to_make_one(
    picture_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UserError, match="python -m training painter"):
        run_paint([picture_file], tmp_path / "out", InferenceConfig(), dry_run=False)


def test_output_that_is_a_file(config: InferenceConfig, picture_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        run_paint([picture_file], tmp_path / "out", config, dry_run=False)
