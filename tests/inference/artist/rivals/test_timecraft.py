"""Timecraft as an artist: crops and stitching, seeds, locks, and folders of rivals."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from inference.artist.rivals.rival import RivalTask  # noqa: E402
from inference.artist.rivals.rivals import find_rival, start_rival  # noqa: E402
from inference.artist.rivals.timecraft import CropLayout  # noqa: E402
from inference.command.painting_context import load_context, painter_record  # noqa: E402
from inference.command.rollout_setup import start_rollout  # noqa: E402
from inference.inputs.picture import Picture, load_picture  # noqa: E402
from inference.rollout.stop import StopConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402
from training.rivals.folder import read_rival  # noqa: E402

pytestmark = pytest.mark.torch


def frames(folder: Path, picture: np.ndarray, seed: int, count: int = 3) -> list[np.ndarray]:
    record = read_rival(folder)
    task = RivalTask(folder, record, picture, seed, None, torch.device("cpu"))
    start = start_rival(task)
    canvas, mask, painted = start.canvas, np.ones(picture.shape[:2], bool), []
    for index in range(count):
        canvas = start.artist.render(canvas, picture, mask, "shapes", 23.6, index)
        painted.append(canvas)
    return painted


@pytest.mark.parametrize("size", [(96, 128), (200, 150), (60, 480)])
def test_crops_put_together_are_the_picture(size: tuple[int, int]) -> None:
    y, x = np.mgrid[0 : size[0], 0 : size[1]] / np.array(size)[:, None, None]
    picture = (np.dstack([x, y, 1 - x]) * 255).astype(np.uint8)
    layout = CropLayout(*size, "crops")
    again = layout.stitched(layout.crops(picture))
    # Beside the border, where interpolation of a ramp is not exact.
    inner = (slice(2, -2), slice(2, -2))
    assert np.abs(again.astype(int) - picture)[inner].max() <= 3


def test_the_whole_picture_is_one_crop() -> None:
    picture = np.full((96, 128, 3), 80, np.uint8)
    layout = CropLayout(96, 128, "whole")
    assert layout.crops(picture).shape == (1, 50, 50, 3)
    assert np.array_equal(layout.stitched(layout.crops(picture)), picture)


def test_a_seed_paints_the_same_again_and_another_something_else(
    rival_folder: Path, target: np.ndarray
) -> None:
    first, again, other = (frames(rival_folder, target, seed) for seed in (1, 1, 2))
    assert all(map(np.array_equal, first, again))
    assert not np.array_equal(first[0], other[0])
    assert first[0].shape == target.shape


def test_locked_pixels_stay_and_the_others_are_painted_from_what_is_there(
    rival_folder: Path, picture_file: Path
) -> None:
    config = InferenceConfig(painter=str(rival_folder), stop=StopConfig(max_steps=3))
    context = load_context(config, painter_record(config)[0])
    painting = start_rollout(context, load_picture(picture_file, config.picture))
    mask = np.zeros(painting.target.shape[:2], bool)
    mask[:20] = True
    painting.lock(mask)
    canvases = painting.paint_to_end().canvases
    assert len(canvases) == 4
    assert (canvases[-1][mask] == 255).all()
    assert (canvases[-1][~mask] != 255).any()


def test_all_frames_are_painted_at_the_papers_times_and_the_picture_is_not_set(
    rival_folder: Path, picture: Picture
) -> None:
    config = InferenceConfig(painter=str(rival_folder))
    context = load_context(config, painter_record(config)[0])
    steps = start_rollout(context, picture).paint_to_end().steps
    assert len(steps) == 40
    assert steps[-1].time_s == pytest.approx(40 * 23.6)
    assert not any(step.is_finish for step in steps)


def test_an_unknown_kind_is_refused_in_a_line(rival_folder: Path, tmp_path: Path) -> None:
    record = read_rival(rival_folder).model_dump() | {"kind": "other"}
    (tmp_path / "rival.json").write_text(json.dumps(record))
    assert find_rival(str(tmp_path)) == tmp_path
    assert find_rival("learned") is None
    with pytest.raises(UserError, match="got the kind 'other', expected one of timecraft"):
        frames(tmp_path, np.zeros((64, 64, 3), np.uint8), 0)


def test_a_word_is_refused(rival_folder: Path, picture: Picture) -> None:
    config = InferenceConfig(painter=str(rival_folder))
    context = load_context(config, painter_record(config)[0])
    with pytest.raises(UserError, match="know no words, got 'sky'"):
        start_rollout(context, picture).steer(instruction="sky")


def test_checkpoints_beside_the_weights_make_no_other_painter(
    rival_folder: Path, tmp_path: Path
) -> None:
    folder = Path(shutil.copytree(rival_folder, tmp_path / "rival"))
    config = InferenceConfig(painter=str(folder))
    before = painter_record(config)[0].fingerprint
    (folder / "checkpoints").mkdir()
    (folder / "checkpoints" / "state.json").write_text("{}")
    assert painter_record(config)[0].fingerprint == before
    (folder / "next_frame.safetensors").write_bytes(b"others")
    assert painter_record(config)[0].fingerprint != before
