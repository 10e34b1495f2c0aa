"""Painting from Python."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")
pytestmark = pytest.mark.torch

from inference.artist.planned.settings import StrokesConfig  # noqa: E402
from inference.command.from_python import paint  # noqa: E402
from inference.output.export import ExportConfig  # noqa: E402
from inference.output.session import read_session  # noqa: E402
from inference.output.stroke_film import StrokeFilmConfig  # noqa: E402
from inference.rollout.steps import RolloutConfig  # noqa: E402
from inference.settings import InferenceConfig  # noqa: E402
from ingest.conventions.errors import UserError  # noqa: E402

PICTURE = np.random.default_rng(0).integers(0, 255, (64, 80, 3), np.uint8)
CONFIG = InferenceConfig(
    painter="coarse-to-fine",
    strokes=StrokesConfig(num_steps=4),
    film=StrokeFilmConfig(seconds=2.0),
    export=ExportConfig(film_side_px=64),
)


def test_a_painting_in_strokes_ends_with_the_picture_and_is_saved(tmp_path: Path) -> None:
    painting = paint(PICTURE, CONFIG)
    areas = [step.region.area for step in painting]
    painting.save(tmp_path / "lake")
    assert len(areas) >= 4
    assert np.array_equal(painting.images[-1], PICTURE)
    assert len(read_session(tmp_path / "lake").samples) == len(areas)
    for name in ("painting.mp4", "painting.gif", "sheet.png", "index.html", "strokes.json"):
        assert (tmp_path / "lake" / name).stat().st_size > 0


def test_steering_by_settings_is_refused() -> None:
    config = CONFIG.model_copy(update={"rollout": RolloutConfig(lock="mask.png")})
    with pytest.raises(UserError, match=r"rollout\.lock does nothing in Python"):
        paint(PICTURE, config)
