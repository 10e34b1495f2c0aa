"""One small film, shared by the studio's tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from ingest.studio.filming.film import film_video
from ingest.studio.settings import StudioConfig

SMALL = StudioConfig(side_px=112, fps=8, seconds=9.0, grid_s=0.5)
SEED = 15


@pytest.fixture(scope="session")
def filmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Path of the mp4; its truth lies beside it."""
    video = tmp_path_factory.mktemp("filmed") / "film.mp4"
    film_video(SEED, SMALL, video)
    return video
