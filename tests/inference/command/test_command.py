"""``python -m inference paint``: arguments, outputs and errors of the command."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.command.command import run_paint  # noqa: E402
from inference.inputs.jobs import WorkConfig  # noqa: E402
from inference.loading.memory_config import MemoryConfig  # noqa: E402
from inference.output.session import SessionFolder, read_record  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from ingest.execution.tasks import ActorPoolConfig  # noqa: E402


@pytest.fixture
def config(painter_folder: Path) -> InferenceConfig:
    return InferenceConfig(painter=str(painter_folder), stop=StopConfig(max_steps=1))


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


def test_a_name_that_is_no_utf8_does_not_stop_the_others(
    config: InferenceConfig, picture_file: Path, tmp_path: Path
) -> None:
    pictures, out = tmp_path / "pictures", tmp_path / "out"
    pictures.mkdir()
    (pictures / "hill.png").write_bytes(picture_file.read_bytes())
    with open(os.fsencode(pictures) + b"/\xe9t\xe9.png", "wb") as file:
        file.write(picture_file.read_bytes())
    result, code = run_paint([pictures, tmp_path / "absent.png"], out, config, dry_run=False)
    assert code == 1
    painted, no_utf8, absent = result["pictures"]
    assert [item["status"] for item in (painted, no_utf8, absent)] == [
        "painted", "refused", "refused",
    ]  # fmt: skip
    assert "rename" in no_utf8["detail"]
    assert "not found" in absent["detail"]
    json.dumps(result, ensure_ascii=False).encode()
    assert "\\udce9t\\udce9.png" in (out / "paintings.csv").read_text(encoding="utf-8-sig")


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


def test_output_that_is_a_file(config: InferenceConfig, picture_file: Path, tmp_path: Path) -> None:
    (tmp_path / "out").write_text("x")
    with pytest.raises(UserError, match="is a file"):
        run_paint([picture_file], tmp_path / "out", config, dry_run=False)


def test_seeds_each_get_a_folder_and_one_page_shows_all(
    config: InferenceConfig, picture_file: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    in_pairs = config.model_copy(update={"work": WorkConfig(batch_size=2)})
    result, code = run_paint([picture_file], out, in_pairs, False, seeds=[1, 2, 3])
    assert code == 0
    assert [item["seed"] for item in result["pictures"]] == [1, 2, 3]
    records = [read_record(SessionFolder(out / f"hill-seed{seed}")) for seed in (1, 2, 3)]
    assert [record and record.seed for record in records] == [1, 2, 3]
    page = (out / "index.html").read_text()
    assert all(f'href="hill-seed{seed}/index.html"' in page for seed in (1, 2, 3))
    # How paintings are laid out is no setting of theirs: alone, one finds them finished.
    again, _ = run_paint([picture_file], out, config, False, seeds=[2, 4])
    assert [item["status"] for item in again["pictures"]] == ["unchanged", "painted"]


def everything(out: Path) -> dict[str, bytes]:
    files = (path for path in out.rglob("*") if path.is_file())
    return {str(path.relative_to(out)): path.read_bytes() for path in files}


@pytest.mark.ray
@pytest.mark.timeout(900)
def test_actors_paint_the_bytes_of_a_single_process(
    config: InferenceConfig,
    picture_file: Path,
    tmp_path: Path,
) -> None:
    """Two actors on a real local Ray: one bad picture, two sizes, two seeds; then once more, with
    two paintings taken away. In batches, and with networks that take turns."""
    from ingest.execution.ray_tasks import disconnect

    pictures = tmp_path / "pictures"
    pictures.mkdir()
    (pictures / "broken.png").write_bytes(b"no")
    (pictures / "hill.png").write_bytes(picture_file.read_bytes())
    upright = np.rot90(np.asarray(Image.open(picture_file)))
    Image.fromarray(upright).save(pictures / "upright.png")
    work = WorkConfig(batch_size=2)
    config = config.model_copy(update={"memory": MemoryConfig(offload="network"), "work": work})
    alone, _ = run_paint([pictures], tmp_path / "alone", config, False, seeds=[1, 2])
    actors = ActorPoolConfig(num_actors=2, num_cpus=0.5)
    wide = config.model_copy(update={"work": WorkConfig(actors=actors, batch_size=2)})
    try:
        found, code = run_paint([pictures], tmp_path / "wide", wide, False, seeds=[1, 2])
        for seed in (1, 2):
            (tmp_path / "wide" / f"hill-seed{seed}" / "session" / "session.json").unlink()
        again, _ = run_paint([pictures], tmp_path / "wide", wide, False, seeds=[1, 2])
    finally:
        disconnect()
    assert code == 1
    statuses = [item["status"] for item in found["pictures"]]
    assert statuses == ["refused"] * 2 + ["painted"] * 4
    assert [item["status"] for item in again["pictures"]].count("unchanged") == 2
    expected, got = everything(tmp_path / "alone"), everything(tmp_path / "wide")
    assert got.keys() == expected.keys()
    different = [name for name in got if got[name] != expected[name]]
    assert different == ["paintings.csv"], "it names the folders"
    assert [i.get("instructions") for i in alone["pictures"]] == [
        i.get("instructions") for i in found["pictures"]
    ]
