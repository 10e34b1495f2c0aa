"""A picture painted end to end by a tiny painter of random weights."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.artist import PainterArtist  # noqa: E402
from inference.command.painting import finished_before, paint_picture  # noqa: E402
from inference.command.painting_context import (  # noqa: E402
    PaintingContext,
    fingerprint_of,
    load_context,
    painter_record,
)
from inference.inputs.picture import Picture, load_picture  # noqa: E402
from inference.output.export import ExportConfig  # noqa: E402
from inference.output.session import read_session  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402


@pytest.fixture(scope="module")
def context(painter_folder: Path) -> PaintingContext:
    short = ExportConfig(fps=4, hold_s=0.25, fade_s=0.25, final_hold_s=0.25)
    config = InferenceConfig(
        painter=str(painter_folder), stop=StopConfig(max_steps=3), export=short
    )
    return load_context(config, painter_record(config)[0])


@pytest.fixture
def picture(picture_file: Path) -> Picture:
    return load_picture(picture_file, InferenceConfig().picture)


def artist_of(context: PaintingContext, picture: Picture, **detail: Any) -> PainterArtist:
    config = context.config
    detail_config = config.detail.model_copy(update=detail)
    return PainterArtist(context.painter, picture.image, config.sampling, detail_config, seed=0)


def test_paints_a_picture_with_everything_around_it(
    context: PaintingContext, picture: Picture, tmp_path: Path
) -> None:
    seen = []
    record = paint_picture(context, picture, tmp_path / "hill", seen.append)
    assert len(seen) == len(record.steps)
    session = read_session(tmp_path / "hill")
    assert session.record == record
    assert session.samples[0].current.min() == 255
    assert np.array_equal(session.samples[-1].next, picture.image), "the finishing step"
    assert record.interval_s == 10.0, "the painter's own interval"
    assert record.canvas_size_px == (80, 64), "canvases have the picture's size, not the networks'"
    names = {path.name for path in (tmp_path / "hill").iterdir()}
    assert names == {
        "session", "frames", "painting.mp4", "painting.gif", "sheet.png", "index.html",
        "config.yaml",
    }  # fmt: skip
    num_frames = len(list((tmp_path / "hill" / "frames").iterdir()))
    assert num_frames == len(record.steps) + 1


def test_same_seed_same_bytes_and_another_seed_another_painting(
    context: PaintingContext, picture: Picture, tmp_path: Path
) -> None:
    for name in "ab":
        paint_picture(context, picture, tmp_path / name)
    files = [p.relative_to(tmp_path / "a") for p in (tmp_path / "a").rglob("*") if p.is_file()]
    assert len(files) > 8
    for file in files:
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes(), file
    artist = artist_of(context, picture)
    white, whole = np.full_like(picture.image, 255), np.ones(picture.image.shape[:2], bool)
    first = artist.render(white, picture.image, whole, "sky", 10.0, 0)
    artist.state.seed = 1
    assert not np.array_equal(first, artist.render(white, picture.image, whole, "sky", 10.0, 0))


def test_finished_paintings_are_recognised(
    context: PaintingContext, picture: Picture, tmp_path: Path
) -> None:
    record = context.record
    assert finished_before(tmp_path, picture, record, context.config) is None
    done = paint_picture(context, picture, tmp_path)
    assert finished_before(tmp_path, picture, record, context.config) == done
    other = dataclasses.replace(picture, sha256="0" * 64)
    assert finished_before(tmp_path, other, record, context.config) is None
    config = context.config.model_copy(update={"stop": StopConfig(max_steps=4)})
    assert finished_before(tmp_path, picture, record, config) is None
    retrained = record.model_copy(update={"fingerprint": "f" * 12})
    assert finished_before(tmp_path, picture, retrained, context.config) is None


def test_a_killed_painting_counts_as_none(
    context: PaintingContext, picture: Picture, tmp_path: Path
) -> None:
    paint_picture(context, picture, tmp_path)

    def die(step: object) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        paint_picture(context, picture, tmp_path, die)
    assert finished_before(tmp_path, picture, context.record, context.config) is None


def test_outside_the_region_pixels_stay(context: PaintingContext, picture: Picture) -> None:
    mask = np.zeros(picture.image.shape[:2], bool)
    mask[:20] = True
    rng = np.random.default_rng(0)
    canvas = rng.integers(0, 256, picture.image.shape, dtype=np.uint8)
    kept = artist_of(context, picture).render(canvas, picture.image, mask, "sky", 10.0, 0)
    assert np.array_equal(kept[20:], canvas[20:])
    published = artist_of(context, picture, keep_outside_mask=False, carry_detail=False)
    repainted = published.render(canvas, picture.image, mask, "sky", 10.0, 0)
    assert not np.array_equal(repainted[20:], canvas[20:]), "the published renderer repaints all"


def test_answers_have_the_canvas_size(context: PaintingContext) -> None:
    for height, width in ((64, 80), (90, 50), (33, 120)):
        image = np.full((height, width, 3), 120, np.uint8)
        picture = Picture(Path("x.png"), image, "0" * 64, (width, height))
        artist = artist_of(context, picture)
        white = np.full_like(image, 255)
        instruction = artist.instruct(white, image)
        assert instruction.text
        assert 0 <= (instruction.confidence or 0) <= 1
        everything = np.ones((height, width), bool)
        probability = artist.locate(white, image, everything, instruction.text, 10.0)
        assert probability.shape == (height, width)
        assert probability.min() >= 0
        assert probability.max() <= 1
        painted = artist.render(white, image, everything, instruction.text, 10.0, 0)
        assert painted.shape == image.shape
        assert painted.dtype == np.uint8


def test_fingerprint_follows_content_only(painter_folder: Path, tmp_path: Path) -> None:
    import shutil

    copy = tmp_path / "copy"
    shutil.copytree(painter_folder, copy)
    assert fingerprint_of(copy) == fingerprint_of(painter_folder)
    weights = next(copy.rglob("*.safetensors"))
    data = bytearray(weights.read_bytes())
    data[-1] ^= 1
    weights.write_bytes(bytes(data))
    assert fingerprint_of(copy) != fingerprint_of(painter_folder)
