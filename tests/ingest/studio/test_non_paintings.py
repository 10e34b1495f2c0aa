"""Films without a painting: video, manifest and truth of every kind."""

from __future__ import annotations

import csv
from pathlib import Path

import av
import numpy as np
import pytest

from ingest.ledger.reasons import VIDEO_REASONS
from ingest.studio.corpus import film_non_paintings
from ingest.studio.non_paintings import REFUSALS, film_non_painting
from ingest.studio.script.truth import Truth, truth_folder
from ingest.studio.settings import StudioConfig

TINY = StudioConfig(side_px=64, fps=4, seconds=4.0)


def frames_of(video: Path) -> np.ndarray:
    with av.open(str(video)) as container:
        return np.stack([f.to_ndarray(format="rgb24") for f in container.decode(video=0)])


@pytest.fixture(scope="module")
def films(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("others")
    film_non_paintings(5, 1, TINY, folder)
    return folder


def test_reasons_are_documented_ones() -> None:
    assert {reason for reasons in REFUSALS.values() for reason in reasons} <= set(VIDEO_REASONS)
    assert all(REFUSALS.values())


def test_every_kind_has_video_manifest_row_and_truth(films: Path) -> None:
    with (films / "manifest.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert len({row["painting"] for row in rows}) == len(rows) == len(REFUSALS)
    for kind, reasons in REFUSALS.items():
        video = films / f"other-{kind}-00005.mp4"
        truth = Truth(truth_folder(video))
        assert tuple(truth.expected_refusal) == reasons
        assert truth.steps == []
        assert len(truth.shots) == truth.num_frames == len(frames_of(video)) == 16


def test_a_dry_brush_leaves_the_canvas_blank_while_hands_move(films: Path) -> None:
    truth = Truth(truth_folder(films / "other-dry-brush-00005.mp4"))
    assert np.array_equal(truth.canvas_at(0.0), truth.canvas_at(truth.num_frames / truth.fps))
    assert max(truth.occluded) > 0.05


@pytest.mark.parametrize("kind", ["slideshow", "reveal", "walk", "talking-head"])
def test_something_moves(films: Path, kind: str) -> None:
    frames = frames_of(films / f"other-{kind}-00005.mp4").astype(int)
    assert np.abs(frames[-1] - frames[0]).mean() > 3


def test_same_seed_same_bytes(films: Path, tmp_path: Path) -> None:
    film_non_painting("talking-head", 5, TINY, tmp_path / "again.mp4")
    first = (films / "other-talking-head-00005.mp4").read_bytes()
    assert (tmp_path / "again.mp4").read_bytes() == first
