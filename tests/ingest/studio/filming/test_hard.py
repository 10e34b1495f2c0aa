"""The profile hard: the events of its films, and their ground truth."""

from __future__ import annotations

import hashlib
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from ingest.studio.filming.film import film_video
from ingest.studio.filming.reframe import displacement_matrix, zoom_matrix
from ingest.studio.painting.formats import format_of
from ingest.studio.painting.planner import plan_painting
from ingest.studio.script.pacing import pace
from ingest.studio.script.script import CanvasDisplacement, Insert, Script, Skip, Zoom, write_script
from ingest.studio.script.shots import make_shot_schedule
from ingest.studio.script.truth import Truth, truth_folder
from ingest.studio.settings import StudioConfig

SMALL = StudioConfig(profile="hard", side_px=96, fps=8, seconds=14.0)
SEED = 103


@pytest.fixture(scope="module")
def hard(tmp_path_factory: pytest.TempPathFactory) -> Path:
    video = tmp_path_factory.mktemp("hard") / "film.mp4"
    film_video(SEED, SMALL, video)
    return video


@pytest.fixture(scope="module")
def truth(hard: Path) -> Truth:
    return Truth(truth_folder(hard))


def scripts(count: int) -> list[Script]:
    drawn = []
    for seed in range(count):
        rng = np.random.default_rng(seed)
        drawn.append(write_script(rng, make_shot_schedule(rng, 40.0)))
    return drawn


def test_every_film_has_several_disturbances_and_films_differ() -> None:
    drawn = scripts(40)
    assert all(s.zooms and s.inserts and s.exposures for s in drawn)
    assert {s.left_handed for s in drawn} == {s.wide_shadow for s in drawn} == {True, False}
    assert {s.nudge is None for s in drawn} == {s.watermark is None for s in drawn} == {True, False}
    assert {len(s.skips) for s in drawn} == {len(s.helper_s) for s in drawn} == {0, 1, 2}
    assert {insert.shot for s in drawn for insert in s.inserts} == {"painting", "palette", "other"}
    assert {fade.kind for s in drawn for fade in s.fades} == {"dissolve", "black"}
    assert {s.repaints for s in drawn} == {0, 1, 2}


def test_exposure_steps_are_those_of_a_camera() -> None:
    for script in scripts(40):
        levels = np.array([1.0, *(level for _, level in script.exposures)])
        ratios = levels[1:] / levels[:-1]
        assert np.all(np.abs(np.log(ratios)) < np.log(1.21))
        assert levels.min() >= 0.75
        assert levels.max() <= 1.22


def test_formats_and_subjects_vary_with_the_seed() -> None:
    formats = [format_of(seed, SMALL) for seed in range(60)]
    assert {f.subject for f in formats} == {"landscape", "portrait", "still_life"}
    shapes = {np.sign(f.canvas_px[0] - f.canvas_px[1]) for f in formats}
    assert shapes == {-1, 0, 1}
    assert any(f.frame_px[1] > 1.7 * f.frame_px[0] for f in formats)
    given = StudioConfig(profile="hard", side_px=96, aspect=1.5, subject="portrait")
    assert {format_of(seed, given).canvas_px for seed in range(20)} == {(144, 96)}
    assert {format_of(seed, given).subject for seed in range(20)} == {"portrait"}
    assert format_of(3, StudioConfig()).subject == "landscape"
    assert format_of(3, StudioConfig()).canvas_px == (640, 512)


def test_stops_and_skips_fall_between_frames_and_keep_the_length() -> None:
    plan = plan_painting(6, 1.25)
    script = Script(
        inserts=(Insert(0.3, 1.0, "palette"), Insert(0.6, 1.5, "painting")),
        skips=(Skip(0.4, 3.0),),
    )
    paced = pace(plan, script, 2.0, 32.0, 12)
    timeline = paced.timeline
    assert timeline.span_s == pytest.approx((2.0, 32.0), abs=0.1)
    assert np.all(np.diff(timeline.end_s) >= 0)
    assert np.all(timeline.end_s >= timeline.start_s)
    for stop in paced.stops:
        assert (stop.start_s * 12) % 1 == pytest.approx(0.5)
        inside = (timeline.start_s < stop.end_s) & (timeline.end_s > stop.start_s)
        assert not inside.any()
    (skip_s,) = paced.skips_s
    assert (timeline.end_s == skip_s).sum() >= 5


def test_a_zoom_reaches_its_scale_and_brings_its_place_nearer_to_the_middle() -> None:
    zoom = Zoom(2.0, 6.0, 1.0, 2.0, (0.5, 0.5), 0.0)
    before = zoom_matrix(zoom, 2.0, (100.0, 80.0), (320, 240))
    assert np.allclose(before, np.eye(3))
    full = zoom_matrix(zoom, 4.0, (100.0, 80.0), (320, 240))
    assert full[0, 0] == pytest.approx(2.0)
    place = full @ np.array([100.0, 80.0, 1.0])
    assert np.hypot(*(place[:2] - (160, 120))) < np.hypot(60, 40) * 0.6


def test_the_truth_knows_its_shots(truth: Truth) -> None:
    assert set(truth.shots) >= {"painting", "zoom"}
    assert set(truth.shots) & {"palette", "other"}
    for shot, visible, index in zip(
        truth.shots, truth.visible, range(truth.num_frames), strict=True
    ):
        corners = truth.corners_at(index / truth.fps)
        if shot in ("title", "palette", "other", "end_card"):
            assert corners is None
            assert visible == 0
        elif shot != "fade":
            assert corners is not None
            assert visible > (0.1 if shot == "zoom" else 0.97)


def test_unoccluded_frames_show_the_true_canvas_also_under_zoom(hard: Path, truth: Truth) -> None:
    with av.open(str(hard)) as container:
        frames = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    width, height = truth.canvas_px
    square = np.array([(0, 0), (width - 1, 0), (width - 1, height - 1), (0, height - 1)])
    checked = dict.fromkeys(("painting", "zoom", "beauty"), 0)
    for index, (shot, occluded) in enumerate(zip(truth.shots, truth.occluded, strict=True)):
        if shot not in checked or occluded > 0:
            continue
        corners = truth.corners_at(index / truth.fps)
        assert corners is not None
        matrix = cv2.getPerspectiveTransform(corners.astype(np.float32), square.astype(np.float32))
        seen = cv2.warpPerspective(frames[index], matrix, (width, height)).astype(float)
        inside = (
            cv2.warpPerspective(np.ones(frames[index].shape[:2]), matrix, (width, height)) > 0.99
        )
        true = truth.canvas_at(index / truth.fps).astype(float)
        ratio = np.median(seen[inside], axis=0) / np.median(true[inside], axis=0)
        # Captions, a watermark and the edge of a shadow may lie over it.
        assert np.median(np.abs(seen - true * ratio)[inside]) < 14
        checked[shot] += 1
    assert min(checked.values()) >= 2


def test_states_jump_where_the_film_skips_work(truth: Truth) -> None:
    (skip_s,) = truth.skips_s
    before, after = truth.canvas_at(skip_s - 0.01), truth.canvas_at(skip_s + 0.01)
    changed = np.abs(after.astype(int) - before).max(axis=2) > 30
    assert changed.mean() > 0.005
    assert (skip_s * truth.fps) % 1 == pytest.approx(0.5)


def test_a_displacement_moves_the_canvas_rigidly() -> None:
    matrix = displacement_matrix(CanvasDisplacement(3.0, (0.03, -0.01), 2.0), (125, 100))
    corners = np.array([(0, 0, 1), (124, 0, 1), (124, 99, 1), (0, 99, 1)]) @ matrix.T
    sides = np.hypot(*np.diff(corners[:, :2], axis=0).T)
    assert sides == pytest.approx([124, 99, 124])
    assert corners.mean(axis=0) == pytest.approx([62 + 3, 49.5 - 1, 1])


def test_filming_again_gives_the_same_bytes(hard: Path, tmp_path: Path) -> None:
    film_video(SEED, SMALL, tmp_path / "film.mp4")

    def digests(folder: Path) -> dict[str, str]:
        files = sorted(p for p in folder.rglob("*") if p.is_file())
        return {
            str(p.relative_to(folder)): hashlib.sha256(p.read_bytes()).hexdigest() for p in files
        }

    assert digests(hard.parent) == digests(tmp_path)
