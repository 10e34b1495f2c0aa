"""What the documentation says that ``--seed`` and ``--interval`` change."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.artist import PainterArtist  # noqa: E402
from inference.artist.planned.orders import order_artist  # noqa: E402
from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.artist.planned.stroke_artist import StrokeArtist  # noqa: E402
from inference.command.painting_context import load_context, painter_record  # noqa: E402
from inference.inputs.picture import load_picture  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402


def stroke_artist(picture: np.ndarray, interval_s: float, seed: int = 0) -> StrokeArtist:
    made = order_artist("coarse-to-fine", picture, StrokesConfig(), interval_s, seed)
    assert isinstance(made, StrokeArtist)
    return made


def num_steps(artist: StrokeArtist, interval_s: float) -> int:
    levels, count = np.zeros(artist.plan.regions.labels.shape, np.uint8), 0
    while artist.schedule.pending_layers(levels):
        step = artist.schedule.next_step(levels, artist.total_s / interval_s)
        levels, count = levels + step.mask.astype(np.uint8), count + 1
    return count


def test_with_strokes_half_the_interval_makes_twice_the_steps(picture_file: Path) -> None:
    picture = load_picture(picture_file, InferenceConfig().picture).image
    counts = [num_steps(stroke_artist(picture, seconds), seconds) for seconds in (10, 20, 40)]
    assert np.allclose(counts, [60, 30, 15], rtol=0.1)


def test_with_strokes_the_seed_places_every_stroke(picture_file: Path) -> None:
    picture = load_picture(picture_file, InferenceConfig().picture).image
    white, whole = np.full_like(picture, 250), np.ones(picture.shape[:2], bool)
    first, again, other = (
        stroke_artist(picture, 20, seed).render(white, picture, whole, "shapes", 20, 0)
        for seed in (0, 0, 1)
    )
    assert np.array_equal(first, again)
    assert (first != other).any(axis=2).mean() > 0.5


def test_with_a_painter_the_seed_is_of_the_noise_alone_and_the_interval_of_the_region(
    painter_folder: Path, picture_file: Path
) -> None:
    config = InferenceConfig(painter=str(painter_folder))
    painter = load_context(config, painter_record(config)[0]).painter
    picture = load_picture(picture_file, config.picture).image
    white, whole = np.full_like(picture, 255), np.ones(picture.shape[:2], bool)
    one, two = (
        PainterArtist(painter, picture, config.sampling, config.detail, seed) for seed in (0, 1)
    )
    assert one.instruct(white, picture) == two.instruct(white, picture)
    at_10_s = one.locate(white, picture, whole, "sky", 10.0)
    assert np.array_equal(at_10_s, two.locate(white, picture, whole, "sky", 10.0))
    assert not np.array_equal(at_10_s, one.locate(white, picture, whole, "sky", 40.0))
    first, second = (artist.render(white, picture, whole, "sky", 10.0, 0) for artist in (one, two))
    assert not np.array_equal(first, second)
