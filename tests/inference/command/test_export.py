"""``python -m inference export``: films of a saved session again, without painting."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import av
import numpy as np
import pytest
from PIL import Image

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command.command import run_paint  # noqa: E402
from inference.command.export import Changes, run_export  # noqa: E402
from inference.output.stroke_film import StrokeFilmConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402

CONFIG = InferenceConfig(
    strokes=StrokesConfig(num_steps=5), film=StrokeFilmConfig(seconds=4, fps=10)
)


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a small picture, painted in strokes."""
    folder = tmp_path_factory.mktemp("export")
    y, x = np.mgrid[0:80, 0:101]
    picture = np.dstack([120 + 0 * x, 80 + y, 200 - x]).astype(np.uint8)
    picture[30:60, 40:70] = (180, 40, 30)
    Image.fromarray(picture).save(folder / "hill.png")
    assert run_paint([folder / "hill.png"], folder / "out", CONFIG, dry_run=False)[1] == 0
    return folder / "out" / "hill"


def film_of(folder: Path) -> list[np.ndarray]:
    with av.open(str(folder / "painting.mp4")) as film:
        return [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]


def test_without_changes_every_file_is_as_painted(painted: Path, tmp_path: Path) -> None:
    result, code = run_export(painted / "session", tmp_path / "again", Changes())
    assert code == 0
    assert result["film"] == {"kind": "strokes", "seconds": 4.0, "size_px": [102, 80]}
    assert {"painting.gif", "sheet.png", "index.html", "strokes.json"} <= set(result["files"])
    for name in result["files"]:
        assert (tmp_path / "again" / name).read_bytes() == (painted / name).read_bytes(), name


def test_a_film_of_canvases_has_the_length_asked_for(painted: Path, tmp_path: Path) -> None:
    result, _ = run_export(painted, tmp_path, Changes(film="steps", seconds=5))
    assert result["film"]["kind"] == "canvases"
    assert len(film_of(tmp_path)) == 5 * 24
    with Image.open(tmp_path / "painting.gif") as image:
        shown_ms = []
        for number in range(image.n_frames):  # pyright: ignore[reportAttributeAccessIssue]
            image.seek(number)
            shown_ms.append(image.info["duration"])
    assert sum(shown_ms) == pytest.approx(5000, abs=10 * len(shown_ms))


def test_captions_stand_below_film_and_gif(painted: Path, tmp_path: Path) -> None:
    for kind in ("strokes", "steps"):
        run_export(painted, tmp_path / kind, Changes(film=kind, captions="on"))
        frames = film_of(tmp_path / kind)
        assert frames[0].shape == (96, 102, 3)
        assert frames[-1][82:].min() < 150, "letters on the strip"
    with Image.open(tmp_path / "steps" / "painting.gif") as image:
        assert image.size == (101, 96)


def test_a_smaller_film_of_strokes_ends_on_the_picture(painted: Path, tmp_path: Path) -> None:
    result, _ = run_export(painted, tmp_path, Changes(size_px=64, seconds=2))
    assert result["film"] == {"kind": "strokes", "seconds": 2.0, "size_px": [64, 52]}
    last = Image.fromarray(film_of(tmp_path)[-1]).resize((101, 80))
    with Image.open(sorted((painted / "frames").iterdir())[-1]) as target:
        assert np.abs(np.asarray(last).astype(int) - np.asarray(target)).mean() < 12


def test_without_strokes_the_film_shows_canvases_and_says_so(
    painted: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(painted, copy)
    (copy / "strokes.json").unlink()
    result, _ = run_export(copy, tmp_path / "out", Changes(film="strokes"))
    assert result["film"]["kind"] == "canvases"
    assert "strokes.json is not there" in capsys.readouterr().out
    assert not (tmp_path / "out" / "strokes.json").exists()


def test_an_export_replaces_its_own_files_only(painted: Path, tmp_path: Path) -> None:
    run_export(painted, tmp_path, Changes(film="steps", seconds=2))
    run_export(painted, tmp_path, Changes(film="steps", seconds=3))
    assert len(film_of(tmp_path)) == 3 * 24
    page = tmp_path / "index.html"
    page.write_text("mine", encoding="utf-8")
    with pytest.raises(UserError, match=r"index\.html was changed since"):
        run_export(painted, tmp_path, Changes(film="steps", seconds=2))
    assert page.read_text(encoding="utf-8") == "mine"
    assert len(film_of(tmp_path)) == 3 * 24
    with pytest.raises(UserError, match="is no export and is not overwritten"):
        run_export(painted, painted, Changes())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (Changes(film="loop"), "--film loop"),
        (Changes(seconds=0), "--seconds 0"),
        (Changes(size_px=9), "--size 9"),
        (Changes(captions="big"), "--captions big"),
    ],
)
def test_what_cannot_be_is_refused_by_its_option(
    changes: Changes, words: str, painted: Path, tmp_path: Path
) -> None:
    with pytest.raises(UserError, match=words):
        run_export(painted, tmp_path / "out", changes)
    assert not (tmp_path / "out").exists()


def test_strokes_of_another_session_are_refused(painted: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(painted, copy)
    record = json.loads((copy / "strokes.json").read_text(encoding="utf-8"))
    record["steps"].pop()
    (copy / "strokes.json").write_text(json.dumps(record), encoding="utf-8")
    with pytest.raises(UserError, match=r"strokes\.json.*--film steps"):
        run_export(copy, tmp_path / "out", Changes())
