"""Paint Transformer as an artist: frames, black start, locks, snapshots."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from inference.artist.rivals.rival import RivalStart, RivalTask  # noqa: E402
from inference.artist.rivals.rivals import start_rival  # noqa: E402
from inference.command.painting_context import load_context, painter_record  # noqa: E402
from inference.command.rollout_setup import start_rollout  # noqa: E402
from inference.inputs.picture import Picture  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from training.rivals.folder import read_rival  # noqa: E402
from training.rivals.paint_transformer.brushes import Brushes, oil_brushes  # noqa: E402
from training.rivals.paint_transformer.levels import passes, turns  # noqa: E402
from training.rivals.paint_transformer.network import (  # noqa: E402
    StrokeNetwork,
    set_first_weights,
)
from training.rivals.paint_transformer.settings import save_paint_transformer  # noqa: E402

pytestmark = pytest.mark.torch


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that paints a stroke in the middle of each patch, whatever it sees."""
    torch.manual_seed(1)
    network = StrokeNetwork()
    set_first_weights(network)
    with torch.no_grad():
        network.linear_param[4].bias.copy_(torch.tensor([0.5, 0.5, 0.6, 0.5, 0.2]))
        network.linear_decider.bias.fill_(1)
    path = tmp_path_factory.mktemp("rival") / "paint_transformer"
    save_paint_transformer(path, network, Brushes(oil_brushes()), {}, "none: made by a test")
    return path


def start(folder: Path, picture: np.ndarray, canvas: np.ndarray | None = None) -> RivalStart:
    record = read_rival(folder)
    return start_rival(RivalTask(folder, record, picture, 0, canvas, torch.device("cpu")))


def painted(begun: RivalStart, picture: np.ndarray, steps: range) -> list[np.ndarray]:
    canvas, mask, frames = begun.canvas, np.ones(picture.shape[:2], bool), []
    for index in steps:
        canvas = begun.artist.render(canvas, picture, mask, "shapes", 2.8, index)
        frames.append(canvas)
    return frames


@pytest.mark.parametrize(
    ("side", "frames"), [(32, 40), (33, 72), (512, 168), (513, 200), (1024, 200)]
)
def test_the_number_of_frames_is_the_published_one(side: int, frames: int) -> None:
    assert sum(len(list(turns(each))) for each in passes(20, side)) == frames


def test_a_painting_has_all_frames_at_the_papers_times_from_black(
    folder: Path, picture: Picture
) -> None:
    config = InferenceConfig(painter=str(folder))
    context = load_context(config, painter_record(config)[0])
    rollout = start_rollout(context, picture)
    assert not rollout.canvases[0].any()
    steps = rollout.paint_to_end().steps
    assert len(steps) == 104
    assert steps[-1].time_s == pytest.approx(104 * 2.8)
    assert not any(step.is_finish for step in steps)


def test_strokes_have_the_pictures_colours(folder: Path) -> None:
    picture = np.full((64, 80, 3), (200, 100, 50), np.uint8)
    last = painted(start(folder, picture), picture, range(104))[-1]
    is_paint = last.any(axis=2)
    assert is_paint.mean() > 0.7
    assert np.abs(np.median(last[is_paint], axis=0) / (200, 100, 50) - 231 / 255).max() < 0.08


def test_it_goes_on_from_pixels_that_were_not_painted_by_it(folder: Path) -> None:
    picture = np.full((64, 64, 3), 100, np.uint8)
    begun = start(folder, picture, np.full_like(picture, 255))
    assert (begun.canvas == 255).all()
    frames = painted(begun, picture, range(2))
    # Corners are far from the stroke in the middle.
    assert (frames[1][0, 0] == 255).all()
    frames[1][0, 0] = 7
    mask = np.ones((64, 64), bool)
    after = begun.artist.render(frames[1], picture, mask, "shapes", 2.8, 2)
    assert (after[0, 0] == 7).all()


def test_a_snapshot_and_a_fork_paint_the_same_again(folder: Path) -> None:
    picture = np.full((64, 64, 3), 100, np.uint8)
    picture[:32] = 200
    begun = start(folder, picture)
    frames = painted(begun, picture, range(20))
    state, other = begun.artist.snapshot(), begun.artist.fork()
    mask = np.ones((64, 64), bool)
    first = begun.artist.render(frames[-1], picture, mask, "shapes", 2.8, 20)
    begun.artist.restore(state)
    again = begun.artist.render(frames[-1], picture, mask, "shapes", 2.8, 20)
    forked = other.render(frames[-1], picture, mask, "shapes", 2.8, 20)
    assert np.array_equal(first, again)
    assert np.array_equal(first, forked)
