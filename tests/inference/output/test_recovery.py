"""What was painted is not lost when it cannot be written, and bad places are refused first."""

from __future__ import annotations

import errno
import json
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command import outputs, painting_result  # noqa: E402
from inference.command.export import Changes, run_export  # noqa: E402
from inference.command.painting import finished_before, paint_picture  # noqa: E402
from inference.command.painting_context import (  # noqa: E402
    PaintingContext,
    load_context,
    painter_record,
)
from inference.inputs.picture import Picture, load_picture  # noqa: E402
from inference.output.session import SessionFolder, read_record  # noqa: E402
from inference.output.stroke_film import StrokeFilmConfig  # noqa: E402
from inference.rollout.steps import Step  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from ingest.format.images import decode_image  # noqa: E402


@pytest.fixture(scope="module")
def context() -> PaintingContext:
    config = InferenceConfig(
        painter="fade-in",
        strokes=StrokesConfig(num_steps=4),
        film=StrokeFilmConfig(seconds=1.5, fps=4),
    )
    return load_context(config, painter_record(config)[0])


@pytest.fixture
def picture(picture_file: Path) -> Picture:
    return load_picture(picture_file, InferenceConfig().picture)


def broken(error: BaseException) -> object:
    def write(*_: object, **__: object) -> None:
        raise error

    return write


@pytest.mark.parametrize("writer", ["make_session", "write_steps", "write_record"])
def test_canvases_are_kept_where_no_session_can_be_written(
    writer: str,
    context: PaintingContext,
    picture: Picture,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(painting_result, writer, broken(ValueError("no such text")))
    with pytest.raises(UserError, match=r"painted, but.*no such text.*5 canvases are kept in"):
        paint_picture(context, picture, tmp_path)
    kept = sorted((tmp_path / "recovered").iterdir())
    assert len(kept) == 5
    assert np.array_equal(decode_image(kept[-1].read_bytes()), picture.image)
    assert read_record(SessionFolder(tmp_path)) is None


def test_a_full_disk_is_told_and_canvases_are_kept(
    context: PaintingContext, picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    full = OSError(errno.ENOSPC, "No space left on device")
    monkeypatch.setattr(painting_result, "write_steps", broken(full))
    with pytest.warns(UserWarning, match="recovered"), pytest.raises(OSError, match="No space"):
        paint_picture(context, picture, tmp_path)
    assert len(list((tmp_path / "recovered").iterdir())) == 5


def test_a_session_outlives_a_film_that_cannot_be_written(
    context: PaintingContext, picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        patch.setattr(outputs, "write_film", broken(RuntimeError("no codec")))
        with pytest.raises(UserError, match=r"no codec.*python -m inference export"):
            paint_picture(context, picture, tmp_path / "hill")
    place = tmp_path / "hill" / "session" / "session.json"
    assert json.loads(place.read_text(encoding="utf-8"))["unwritten"] == ["painting.mp4"]
    assert finished_before(tmp_path / "hill", picture, context.record, context.config) is None
    run_export(tmp_path / "hill", tmp_path / "out", Changes())
    assert (tmp_path / "out" / "painting.mp4").is_file()


def test_a_kill_while_films_are_made_leaves_a_session(
    context: PaintingContext, picture: Picture, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(painting_result, "write_outputs", broken(KeyboardInterrupt()))
    with pytest.raises(KeyboardInterrupt):
        paint_picture(context, picture, tmp_path)
    record = read_record(SessionFolder(tmp_path))
    assert record is not None
    assert "painting.mp4" in record.unwritten


@pytest.mark.parametrize("name", ["painting.mp4", "session/steps.tar", "frames"])
def test_a_place_that_is_taken_is_refused_before_painting(
    name: str, context: PaintingContext, picture: Picture, tmp_path: Path
) -> None:
    place = tmp_path / name
    place.parent.mkdir(exist_ok=True)
    if name == "frames":
        place.write_text("mine", encoding="utf-8")
    else:
        place.mkdir()
    seen: list[Step] = []
    with pytest.raises(UserError, match=place.name):
        paint_picture(context, picture, tmp_path, seen.append)
    assert not seen
