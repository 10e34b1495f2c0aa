"""The row function: a film to clean keyframes, and every odd file to a reason."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from ingest.format.dataset import Dataset
from ingest.ledger.outcome import StoredKeyframe, VideoOutcome, read_keyframes, read_outcome
from ingest.ledger.reasons import FRAME_REASONS, VIDEO_REASONS
from ingest.per_source import row_function
from ingest.per_source.row_function import STORAGE, make_ingest_video
from ingest.settings import IngestConfig
from ingest.sources.discover import SourceRow


@pytest.fixture(scope="module")
def ingested(
    film, quick: IngestConfig, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Dataset, VideoOutcome, list[StoredKeyframe]]:
    root = tmp_path_factory.mktemp("dataset")
    row = SourceRow(str(film.path), "lake", "CC0-1.0", "test", "val", speed=4.0)
    outcome = make_ingest_video(quick, root)(row)
    return Dataset(root), outcome, read_keyframes(Dataset(root), outcome.video_id)


def test_the_outcome_says_what_was_found(ingested) -> None:
    dataset, outcome, stored = ingested
    assert (outcome.status, outcome.reason) == ("kept", "")
    assert outcome == read_outcome(dataset, outcome.video_id)
    assert (outcome.painting_id, outcome.licence, outcome.split) == ("lake", "CC0-1.0", "val")
    assert (outcome.width_px, outcome.height_px, outcome.fps) == (320, 240, 10)
    assert outcome.duration_s == pytest.approx(48, abs=0.5)
    assert outcome.num_keyframes == len(stored)
    assert set(outcome.dropped) <= set(FRAME_REASONS)
    assert sum(outcome.dropped.values()) < outcome.num_sampled_frames
    assert dataset.preview_jpg(outcome.video_id).read_bytes()[:2] == b"\xff\xd8"


def test_keyframes_are_in_order_of_one_size_and_start_blank(ingested) -> None:
    _, outcome, stored = ingested
    keyframes = [s.keyframe for s in stored]
    assert [k.index for k in keyframes] == list(range(len(keyframes)))
    times = [k.time_s for k in keyframes]
    assert times == sorted(set(times))
    assert (times[0], times[-1]) == outcome.span_s
    assert [k.is_bare for k in keyframes] == [True] + [False] * (len(keyframes) - 1)
    assert {k.target for k in keyframes} == {len(keyframes) - 1}
    assert len({s.image().shape for s in stored}) == 1
    assert min(stored[0].image().shape[:2]) == 120


def test_keyframes_show_the_clean_canvas_at_their_time(ingested, film) -> None:
    """Times are those of the manifest's speed (4); a hand is over the canvas half of the film."""
    for stored in ingested[2]:
        image = stored.image()
        time_s = stored.keyframe.time_s / 4
        step = sum(time_s >= end for end in film.step_ends_s)
        errors = []
        for state in film.states[max(0, step - 1) : step + 2]:
            truth = cv2.resize(state, (image.shape[1], image.shape[0]))
            # Edges may lie a fraction of a pixel off; hands are large.
            blurred = [cv2.GaussianBlur(p, (0, 0), 2).astype(int) for p in (image, truth)]
            off = np.abs(blurred[0] - blurred[1]).max(axis=2)[4:-4, 4:-4]
            errors.append(off)
        assert (np.minimum.reduce(errors) > 40).mean() < 0.03, time_s


def test_every_step_is_shown(ingested, film) -> None:
    images = [s.image() for s in ingested[2]]
    size = images[0].shape[1::-1]
    for state in film.states:
        truth = cv2.resize(state, size)
        best = min(np.abs(i.astype(int) - truth).mean() for i in images)
        assert best < 15


def test_corners_are_those_of_the_film(ingested) -> None:
    truth = np.array([[62, 40], [262, 52], [250, 205], [54, 192]])
    for stored in ingested[2]:
        error = np.linalg.norm(np.array(stored.keyframe.corners_px) - truth, axis=1)
        assert error.max() < 3


def test_the_same_film_gives_the_same_bytes(
    film, ingested, quick: IngestConfig, tmp_path: Path
) -> None:
    dataset, outcome, _ = ingested
    elsewhere = tmp_path / "renamed.mp4"
    elsewhere.write_bytes(film.path.read_bytes())
    row = SourceRow(str(elsewhere), "lake", "CC0-1.0", "test", "val", speed=4.0)
    again = make_ingest_video(quick, tmp_path / "d")(row)
    assert again.video_id == outcome.video_id
    assert again.keyframes_sha256 == outcome.keyframes_sha256
    for path in (dataset.keyframes_tar, dataset.preview_jpg):
        here = path(outcome.video_id)
        there = tmp_path / "d" / "keyframes" / here.name
        assert here.read_bytes() == there.read_bytes()


@pytest.mark.parametrize(
    "name",
    ["empty-file", "unreadable", "unreadable-cut", "too-short", "no-painting", "no-video-stream"],
)
def test_odd_files_become_reasons(
    odd_files: Path, quick: IngestConfig, tmp_path: Path, name: str
) -> None:
    outcome = make_ingest_video(quick, tmp_path)(SourceRow(str(odd_files / f"{name}.mp4")))
    assert outcome.status == "refused"
    assert name.startswith(outcome.reason)
    assert outcome.reason in VIDEO_REASONS
    assert outcome.detail
    assert "\n" not in outcome.detail
    assert read_outcome(Dataset(tmp_path), outcome.video_id) == outcome
    assert not Dataset(tmp_path).keyframes_tar(outcome.video_id).exists()


def test_a_vanished_file_is_missing(quick: IngestConfig, tmp_path: Path) -> None:
    outcome = make_ingest_video(quick, tmp_path)(SourceRow("/nowhere/v.mp4"))
    assert (outcome.status, outcome.reason) == ("refused", "missing")


def test_unforeseen_errors_stay_with_the_video(
    film, quick: IngestConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nobody thought of it")

    monkeypatch.setattr(row_function, "ingest_footage", fail)
    outcome = make_ingest_video(quick, tmp_path)(SourceRow(str(film.path)))
    assert (outcome.status, outcome.reason) == ("failed", "exception")
    assert outcome.detail.startswith("ZeroDivisionError at ")
    assert "nobody thought of it" in outcome.detail


def test_a_disk_that_cannot_be_written_is_reported_and_not_recorded(
    film, quick: IngestConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device", str(tmp_path / "k.tar"))

    monkeypatch.setattr(row_function, "write_video", full)
    monkeypatch.setattr(row_function, "ingest_footage", lambda *_: None)
    monkeypatch.setattr(row_function, "with_start_doubt", lambda source: source)
    outcome = make_ingest_video(quick, tmp_path)(SourceRow(str(film.path)))
    assert outcome.reason == STORAGE
    assert "the disk is full" in outcome.detail
    assert not list(tmp_path.rglob("*.json"))
